#include "server/ocsp_thread.h"

#include <utility>

#include "fetch/url.h"
#include "server/ocsp_fetch.h"
#include "telemetry/log.h"

namespace portcullis::server {

using clientauth::OcspAnswer;
using event::Deadline;
using event::Task;
using revocation::Outcome;

namespace {

// Responders that are counted by their name; certificates name them, so their number must have an end.
constexpr std::size_t kNamedResponders = 64;

}  // namespace

Result<fetch::AddressPolicy> egress_policy(const model::HostConfig& host) {
  std::vector<Endpoint> never;
  for (const std::string& listener : {host.admin_listen, host.metrics_listen}) {
    if (const auto endpoint = Endpoint::parse(listener)) never.push_back(*endpoint);
  }
  return fetch::AddressPolicy::create(host.egress.deny, host.egress.allow, std::move(never));
}

Result<fetch::ClientOptions> own_requests(const model::HostConfig& host) {
  auto policy = egress_policy(host);
  if (!policy) return forward_error(policy);
  fetch::ClientOptions options;
  options.policy = std::move(*policy);
  auto tls = tls::ClientContext::create({});
  if (tls) {
    options.tls = std::move(*tls);
  } else {
    telemetry::log_warn("fetch.no_tls", {{"code", tls.error().code},
                                         {"reason", tls.error().message},
                                         {"do", "install ca-certificates, or https responders stay unreachable"}});
  }
  return options;
}

void check_own_requests(const model::HostConfig& host, model::Findings& findings) {
  if (const auto policy = egress_policy(host); !policy) {
    findings.error("InvalidHostFile", "/egress", policy.error().message);
  }
  if (host.revocation.responder.empty()) return;
  if (const auto url = fetch::parse_url(host.revocation.responder); !url) {
    findings.error("InvalidHostFile", "/revocation/responder", url.error().message);
  }
}

Result<std::unique_ptr<OcspThread>> OcspThread::create(const Clock& clock, net::Resolver& resolver,
                                                       const model::HostConfig& host, telemetry::Registry& metrics,
                                                       std::shared_ptr<clientauth::OcspAnswers> answers) {
  auto loop = event::Loop::create(clock);
  if (!loop) return forward_error(loop);
  auto options = own_requests(host);
  if (!options) return forward_error(options);
  return std::unique_ptr<OcspThread>(
      new OcspThread(std::move(*loop), resolver, std::move(*options), metrics, std::move(answers)));
}

OcspThread::OcspThread(std::unique_ptr<event::Loop> loop, net::Resolver& resolver, fetch::ClientOptions options,
                       telemetry::Registry& metrics, std::shared_ptr<clientauth::OcspAnswers> answers)
    : loop_(std::move(loop)),
      client_(std::make_unique<fetch::Client>(*loop_, resolver, std::move(options))),
      answers_(std::move(answers)),
      metrics_(metrics) {
  fetch::Client* client = client_.get();
  const auto fetch = [client](revocation::OcspRequest request, Deadline deadline) {
    return fetch_ocsp(client, std::move(request), deadline);
  };
  service_ = std::make_unique<clientauth::OcspService>(*loop_, *answers_, fetch);
  stapler_ = std::make_unique<Stapler>(*loop_, fetch);
  service_->on_answer([this](const OcspAnswer& heard) { count(heard); });
  service_->on_revoked([this](const OcspAnswer& answer) {
    telemetry::log_warn("revocation.revoked",
                        {{"serial", answer.query->id.serial()}, {"responder", answer.query->responder}});
    if (told_revoked_) told_revoked_(answer.query->key);
  });
}

OcspThread::~OcspThread() { stop(); }

void OcspThread::count(const OcspAnswer& heard) {
  const Outcome outcome = heard.status.outcome;
  if (outcome == Outcome::kNoResponder && heard.query->responder.empty()) return;
  auto label = labels_.find(heard.query->responder);
  if (label == labels_.end() && labels_.size() < kNamedResponders) {
    const auto url = fetch::parse_url(heard.query->responder);
    label = labels_.emplace(heard.query->responder, url ? url->shown() : "unusable").first;
  }
  const std::string responder = label == labels_.end() ? "other" : label->second;
  const std::string_view reason = revocation::reason_of(outcome);
  const std::string result(reason.empty() ? revocation::summary(outcome) : reason.substr(reason.find('.') + 1));
  metrics_
      .counter("portcullis_ocsp_queries_total", "OCSP queries by responder and result.",
               {{"responder", responder}, {"result", result}})
      .add();
  metrics_
      .counter("portcullis_ocsp_query_milliseconds_total", "Time that OCSP queries took, by responder.",
               {{"responder", responder}})
      .add(static_cast<std::uint64_t>(heard.latency.count()));
  if (reason.empty()) return;
  telemetry::log_warn("ocsp.failed", {{"serial", heard.query->id.serial()},
                                      {"responder", responder},
                                      {"reason", reason},
                                      {"detail", heard.status.detail}});
}

void OcspThread::start() {
  thread_ = std::thread([this] { loop_->run(); });
}

void OcspThread::configure(fetch::AddressPolicy policy) {
  auto moved = std::make_shared<fetch::AddressPolicy>(std::move(policy));
  loop_->post([this, moved] { client_->set_policy(std::move(*moved)); });
}

Task<void> OcspThread::end() {
  co_await client_->shut_down();
  co_await service_->finish();
  service_->remember_by({});
  co_await stapler_->finish();
  loop_->stop();
}

void OcspThread::stop() {
  if (!thread_.joinable()) return;
  loop_->post([this] { event::spawn(end()); });
  thread_.join();
}

}  // namespace portcullis::server
