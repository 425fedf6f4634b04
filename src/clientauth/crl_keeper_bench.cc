// What a revocation list costs the control thread that many profiles use: signals and reloads wait behind it.
#include <benchmark/benchmark.h>

#include "clientauth/crl_keeper.h"
#include "revocation/test_crls.h"

namespace portcullis::clientauth {
namespace {

// A list of 100,000 entries (3.7 MB) that comes from a URL, for so many profiles.
void ListOfManyProfiles(benchmark::State& state) {
  x509::TestPki pki;
  const x509::Issued ca = pki.root("CA");
  const auto from = std::make_shared<const revocation::CrlUrl>("http://ca.example.test/ca.crl");
  CrlKeeper keeper;
  CrlDelivery delivery;
  delivery.issuers = {ca.certificate};
  for (int i = 0; i < state.range(0); ++i) {
    // Each with a CA of its own besides, so that no two share a slot.
    const x509::Issued own = pki.root("Other CA " + std::to_string(i));
    delivery.slots.push_back(keeper.slot("profile", {{}, true}, {own.certificate, ca.certificate}));
  }
  revocation::TestCrl list;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    std::string serial = "\x40";
    for (int shift = 24; shift >= 0; shift -= 8) serial += static_cast<char>(i >> shift);
    list.entries.push_back({serial, {}, {}});
  }
  char number = 0;
  for (auto _ : state) {
    state.PauseTiming();
    list.number = std::string(1, ++number);
    delivery.bytes = std::make_shared<const std::string>(revocation::make_crl(ca, list));
    delivery.origin = std::make_shared<const revocation::CrlOrigin>(
        revocation::CrlOrigin{from, revocation::kNow, std::chrono::milliseconds(1)});
    state.ResumeTiming();
    if (!keeper.take(delivery).changed) std::abort();
  }
}
BENCHMARK(ListOfManyProfiles)->Arg(1)->Arg(100)->Unit(benchmark::kMillisecond)->Iterations(5);

}  // namespace
}  // namespace portcullis::clientauth
