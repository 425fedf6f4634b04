#include "cli/explain_revocation.h"

#include <utility>

#include "base/check.h"
#include "event/loop.h"
#include "net/resolver.h"
#include "server/crl_fetch.h"
#include "server/ocsp_fetch.h"
#include "server/ocsp_thread.h"
#include "server/revocation_memory.h"

namespace portcullis::cli {

using clientauth::Admission;
using clientauth::CrlFetcher;
using clientauth::OcspService;
using event::Deadline;
using event::Task;

namespace {

Task<void> judge(event::Loop* loop, fetch::Client* client, OcspService* service, CrlFetcher* fetcher,
                 Admission* admission, AskedNow* out) {
  // Lists at hand answer at once, and stop() counts only once the loop runs.
  co_await event::yield(*loop);
  const WallTime began = loop->wall_now();
  admission->begin(began);
  auto verdict = co_await admission->verdict(began);
  out->verdict = std::move(verdict);
  out->at = loop->wall_now();
  co_await client->shut_down();
  co_await service->finish();
  co_await fetcher->finish();
  loop->stop();
}

Task<clientauth::OcspFetched> fetch_nothing() {
  clientauth::OcspFetched fetched;
  fetched.failure = revocation::failed(revocation::Outcome::kUnreachable,
                                       "nothing that holds is saved in state_dir, and --ocsp cache asks nobody");
  co_return fetched;
}

Task<clientauth::CrlFetched> fetch_no_list() {
  clientauth::CrlFetched fetched;
  fetched.reason = "crl.unreachable";
  fetched.detail = "no list of this URL that holds is saved in state_dir, and --ocsp cache asks nobody";
  co_return fetched;
}

// Whoever asks by hand waits for the answer, also where cold_cache: refuse lets the gateway's first request fail.
std::shared_ptr<clientauth::Verifier> patient(const clientauth::Verifier& verifier) {
  clientauth::ClientPolicy policy = verifier.policy();
  if (policy.ocsp) policy.ocsp->wait_when_cold = true;
  if (policy.crl && policy.crl->fetch) policy.crl->fetch->wait_when_cold = true;
  return std::make_shared<clientauth::Verifier>(std::move(policy));
}

}  // namespace

Result<AskedNow> ask_about_revocation(const clientauth::Verifier& verifier, const x509::CertificateList& presented,
                                      const model::HostConfig& host, clientauth::CrlKeeper& lists, bool live) {
  const SystemClock clock;
  auto loop = event::Loop::create(clock);
  if (!loop) return forward_error(loop);
  auto resolver = net::Resolver::create();
  if (!resolver) return forward_error(resolver);
  auto options = server::own_requests(host);
  if (!options) return forward_error(options);
  fetch::Client client(**loop, **resolver, std::move(*options));
  clientauth::OcspAnswers answers;
  OcspService service(**loop, answers, [&client, live](revocation::OcspRequest request, Deadline deadline) {
    return live ? server::fetch_ocsp(&client, std::move(request), deadline) : fetch_nothing();
  });
  if (!live) service.remember_by(server::saved_in(host.state_dir));
  CrlFetcher fetcher(**loop, [&client, live](std::string url, Deadline deadline) {
    return live ? server::fetch_crl(&client, std::move(url), deadline) : fetch_no_list();
  });
  if (!live) fetcher.remember_by(server::saved_lists_in(host.state_dir));
  fetcher.deliver_by(
      [&lists](const clientauth::CrlDelivery& delivery, const auto& done) { done(lists.take(delivery)); });
  clientauth::OcspDesk desk(**loop, service);
  clientauth::CrlDesk list_desk(**loop, fetcher);
  const std::shared_ptr<clientauth::Verifier> gate = patient(verifier);
  std::shared_ptr<const tls::PeerState> peer = gate->judge(presented, (*loop)->wall_now());
  CHECK(peer != nullptr);
  Admission admission(std::move(peer), gate, &desk, &list_desk);
  AskedNow asked;
  event::spawn(judge(loop->get(), &client, &service, &fetcher, &admission, &asked));
  (*loop)->run();
  return asked;
}

}  // namespace portcullis::cli
