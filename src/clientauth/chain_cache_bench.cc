#include <benchmark/benchmark.h>

#include "clientauth/peer_record.h"
#include "x509/test_pki.h"

namespace portcullis::clientauth {
namespace {

constexpr WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};

struct Client {
  x509::TestPki pki;
  x509::Issued root = pki.root("Root");
  x509::Issued ca = pki.intermediate("CA", root);
  x509::CertificateList presented = pki.leaf("client", ca).presented();

  Verifier verifier(std::shared_ptr<ChainCache> known) const {
    ClientPolicy policy;
    policy.mode = Mode::kStrict;
    policy.anchors = *x509::TrustAnchors::build({*x509::parse_trusted_ca_file(root.pem() + ca.pem(), kNow)});
    return Verifier(policy, std::move(known));
  }
};

// What a full handshake pays for judging a chain of two P-256 certificates.
void judge_known_chain(benchmark::State& state) {
  const Client client;
  Verifier verifier = client.verifier(std::make_shared<ChainCache>());
  for (auto _ : state) benchmark::DoNotOptimize(verifier.judge(client.presented, kNow));
}

void judge_chain_anew(benchmark::State& state) {
  const Client client;
  Verifier verifier = client.verifier(nullptr);
  for (auto _ : state) benchmark::DoNotOptimize(verifier.judge(client.presented, kNow));
}

BENCHMARK(judge_known_chain);
BENCHMARK(judge_chain_anew);

}  // namespace
}  // namespace portcullis::clientauth
