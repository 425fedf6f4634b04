#include "server/ocsp_thread.h"

#include <utility>

#include "fetch/url.h"
#include "server/crl_fetch.h"
#include "server/ocsp_fetch.h"
#include "telemetry/log.h"

namespace portcullis::server {

using clientauth::OcspAnswer;
using event::Deadline;
using event::Task;
using revocation::Outcome;

namespace {

// Responders, and URLs of lists, that are counted by their name; certificates name them, so their number must have an
// end.
constexpr std::size_t kMostNamed = 64;

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
  lists_ = std::make_unique<clientauth::CrlFetcher>(
      *loop_, [client](std::string url, Deadline deadline) { return fetch_crl(client, std::move(url), deadline); });
  lists_->on_fetched([this](const clientauth::CrlNews& news) { count(news); });
  stapler_ = std::make_unique<Stapler>(*loop_, fetch);
  service_->on_answer([this](const OcspAnswer& heard) { count(heard); });
  service_->on_revoked([this](const OcspAnswer& answer) {
    telemetry::log_warn("revocation.revoked",
                        {{"serial", answer.query->id.serial()}, {"responder", answer.query->responder}});
    if (told_revoked_) told_revoked_(answer.query->key);
  });
}

OcspThread::~OcspThread() { stop(); }

std::string OcspThread::label_of(const std::string& url, Labels& labels) {
  auto label = labels.find(url);
  if (label == labels.end()) {
    if (labels.size() >= kMostNamed) return "other";
    const auto parsed = fetch::parse_url(url);
    label = labels.emplace(url, parsed ? parsed->shown() : "unusable").first;
  }
  return label->second;
}

void OcspThread::count(const OcspAnswer& heard) {
  const Outcome outcome = heard.status.outcome;
  if (outcome == Outcome::kNoResponder && heard.query->responder.empty()) return;
  const std::string responder = label_of(heard.query->responder, responders_);
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

void OcspThread::count(const clientauth::CrlNews& news) {
  const std::string url = label_of(news.url, list_servers_);
  const auto& failure = news.failure;
  const std::string result(failure == nullptr ? "ok" : failure->reason.substr(failure->reason.find('.') + 1));
  metrics_
      .counter("portcullis_crl_fetches_total", "Fetches of revocation lists by URL and result.",
               {{"url", url}, {"result", result}})
      .add();
  metrics_
      .counter("portcullis_crl_fetch_milliseconds_total", "Time that fetches of revocation lists took, by URL.",
               {{"url", url}})
      .add(static_cast<std::uint64_t>(news.latency.count()));
  if (failure == nullptr) return;
  telemetry::log_warn("crl.fetch_failed",
                      {{"url", news.url}, {"reason", failure->reason}, {"detail", failure->detail}});
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
  co_await lists_->finish();
  lists_->remember_by({});
  co_await stapler_->finish();
  loop_->stop();
}

void OcspThread::stop() {
  if (!thread_.joinable()) return;
  loop_->post([this] { event::spawn(end()); });
  thread_.join();
}

}  // namespace portcullis::server
