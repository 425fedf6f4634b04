#include <benchmark/benchmark.h>

#include "base/host_name.h"
#include "routing/host_table.h"

namespace portcullis::routing {
namespace {

std::string host(std::int64_t number) { return "listener-" + std::to_string(number) + ".contoso.example"; }

// A gateway of so many multi-site listeners and a basic one; Host is canonicalised and looked up, as once a request.
void select_listener(benchmark::State& state) {
  std::vector<HostEntry> entries;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    entries.push_back({{host(i)}, static_cast<std::uint32_t>(i + 1)});
  }
  entries.push_back({{}, 20'000});
  const auto table = HostTable::build(entries);
  if (!table) return state.SkipWithError("refused");
  const std::string wanted = host(state.range(0) / 2);
  for (auto _ : state) {
    const auto name = canonical_host(wanted);
    benchmark::DoNotOptimize(table->select(*name));
  }
}

BENCHMARK(select_listener)->Arg(1)->Arg(20)->Arg(200);

}  // namespace
}  // namespace portcullis::routing
