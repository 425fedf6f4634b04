// OcspThread: the thread that asks OCSP responders, about clients and for the staples of the gateway's own
// certificates, and fetches the revocation lists that clients' certificates name, with a loop and an HTTP client of its
// own: the control thread may be busy compiling, and workers end while the process goes on. The workers' loops outlive
// it: stop() it when the workers' threads have ended and before they are destroyed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "clientauth/crl_fetcher.h"
#include "clientauth/ocsp_service.h"
#include "fetch/client.h"
#include "model/finding.h"
#include "model/host_config.h"
#include "net/resolver.h"
#include "server/stapler.h"
#include "telemetry/metrics.h"

namespace portcullis::server {

// Where the gateway's own requests may go: the host file's `egress`, and never to its own admin and metrics listeners.
// Errors: fetch.bad_egress.
Result<fetch::AddressPolicy> egress_policy(const model::HostConfig& host);

// How the gateway's own requests are made: under egress_policy(), https by the system's roots. Errors:
// fetch.bad_egress.
Result<fetch::ClientOptions> own_requests(const model::HostConfig& host);

// What the gateway's own requests could not work with: `egress`, `revocation.responder`.
void check_own_requests(const model::HostConfig& host, model::Findings& findings);

class OcspThread {
 public:
  // `answers` is where what responders say is kept. `resolver` must outlive the thread, and be gone before this is
  // destroyed. Errors: those of Loop::create(), and fetch.bad_egress.
  static Result<std::unique_ptr<OcspThread>> create(const Clock& clock, net::Resolver& resolver,
                                                    const model::HostConfig& host, telemetry::Registry& metrics,
                                                    std::shared_ptr<clientauth::OcspAnswers> answers);
  ~OcspThread();

  // Before start(). Called on this thread with the key of the question (OcspQuery::key) for each certificate that
  // turned out to be revoked and was not known to be.
  void on_revoked(std::function<void(const Digest& question)> told) { told_revoked_ = std::move(told); }
  // Before start(). What is remembered over a restart; let go of on this thread when it ends.
  void remember_by(clientauth::OcspService::Memory answers, clientauth::CrlFetcher::Memory lists) {
    service_->remember_by(std::move(answers));
    lists_->remember_by(std::move(lists));
  }
  // Before start(). Takes what was fetched to the CrlKeeper; called on this thread.
  void deliver_lists_by(clientauth::CrlFetcher::Deliver deliver) { lists_->deliver_by(std::move(deliver)); }
  void start();                                 // control thread
  void configure(fetch::AddressPolicy policy);  // any thread
  void stop();                                  // control thread; cancels what is under way; a second call does nothing

  clientauth::OcspService& service() { return *service_; }
  clientauth::CrlFetcher& lists() { return *lists_; }
  Stapler& stapler() { return *stapler_; }

 private:
  OcspThread(std::unique_ptr<event::Loop> loop, net::Resolver& resolver, fetch::ClientOptions options,
             telemetry::Registry& metrics, std::shared_ptr<clientauth::OcspAnswers> answers);
  void count(const clientauth::OcspAnswer& heard);
  void count(const clientauth::CrlNews& news);
  event::Task<void> end();

  std::unique_ptr<event::Loop> loop_;
  std::unique_ptr<fetch::Client> client_;
  std::shared_ptr<clientauth::OcspAnswers> answers_;
  std::unique_ptr<clientauth::OcspService> service_;
  std::unique_ptr<clientauth::CrlFetcher> lists_;
  std::unique_ptr<Stapler> stapler_;
  telemetry::Registry& metrics_;
  std::function<void(const Digest&)> told_revoked_;
  using Labels = std::map<std::string, std::string>;  // a URL and the label it is counted by
  static std::string label_of(const std::string& url, Labels& labels);
  Labels responders_, list_servers_;
  std::thread thread_;
};

}  // namespace portcullis::server
