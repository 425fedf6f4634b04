// What an entry of the journal costs once the journal is as long as it may be, and each entry displaces another.
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/strings.h"
#include "base/test_temporary_directory.h"
#include "store/journal_file.h"

namespace portcullis::store {
namespace {

constexpr std::size_t kBatch = 100;  // half a second of the most that the journal takes

// A client with a certificate of a usual size, of a CA that all have.
struct Client {
  std::string digest;
  explicit Client(std::mt19937& random) {
    for (int i = 0; i < 32; ++i) digest += static_cast<char>(random());
  }
};

JournalPeer describe(const void* opaque) {
  const auto& client = *static_cast<const Client*>(opaque);
  const std::string sha1 = hex_lower(client.digest.substr(0, 20));
  return {.subject = "CN=client " + sha1.substr(0, 8),
          .issuer = "C=DE, O=Portcullis bench, CN=issuer",
          .serial = sha1.substr(0, 16),
          .sha1 = sha1,
          .chain = {{client.digest, std::string(600, 'L')}, {std::string(32, 'C'), std::string(700, 'C')}}};
}

void append(JournalFile& file, std::mt19937& random, std::uint64_t& connection) {
  std::vector<JournalSlot> slots(kBatch);
  std::vector<const JournalSlot*> pointers;
  for (JournalSlot& slot : slots) {
    JournalNote note;
    note.at = WallTime(std::chrono::milliseconds(1'700'000'000'000 + connection));
    note.connection = ++connection;
    note.client = {*IpAddress::parse("192.0.2.1"), 40'000};
    note.local = {*IpAddress::parse("192.0.2.99"), 443};
    note.gateway = "gateway";
    note.listener = "listener";
    note.sni = note.host = "api.example.com";
    note.protocol = "TLSv1.3";
    note.cipher = "TLS_AES_128_GCM_SHA256";
    note.peer = std::make_shared<Client>(random);
    slot.assign(note);
    pointers.push_back(&slot);
  }
  if (!file.append(pointers, {}, {})) std::abort();
}

void FullJournal(benchmark::State& state) {
  const TemporaryDirectory directory;
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  auto file =
      JournalFile::open(directory.path() + "/journal.db", {.limits = JournalLimits::of(entries), .describe = describe});
  std::mt19937 random(1);
  std::uint64_t connection = 0;
  while (connection < entries + entries / 10) append(**file, random, connection);
  for (auto _ : state) append(**file, random, connection);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kBatch));
}
BENCHMARK(FullJournal)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond)->MinTime(2);

}  // namespace
}  // namespace portcullis::store
