// bench-loadgen: one measurement of one server. Warm-up, then the measured phase with the servers' CPU time read before
// and after it; one JSON object on standard output. `bench/bench.py` runs it; see docs/performance.md.
#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <time.h>

#include "credentials.h"
#include "http2_load.h"
#include "load.h"
#include "options.h"
#include "server_meter.h"

namespace portcullis::bench {
namespace {

using nlohmann::json;

double own_cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

float percentile(const std::vector<float>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto index = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
  return sorted[std::min(index, sorted.size() - 1)];
}

json describe(Totals& totals) {
  json out;
  out["operations"] = totals.completed;
  out["seconds"] = totals.seconds;
  out["lost"] = totals.lost;
  out["failed_connects"] = totals.failed_connects;
  out["failed_handshakes"] = totals.failed_handshakes;
  out["connections_opened"] = totals.opened;
  out["closed_in_order"] = totals.closed_in_order;
  out["resumed"] = totals.resumed;
  out["bytes"] = totals.body_bytes;
  out["refused"] = json::object();
  for (const auto& [status, count] : totals.refused) out["refused"][std::to_string(status)] = count;
  std::sort(totals.latencies.begin(), totals.latencies.end());
  const std::vector<float>& sorted = totals.latencies;
  out["latency_us"] = {{"p50", percentile(sorted, 0.50)},
                       {"p90", percentile(sorted, 0.90)},
                       {"p99", percentile(sorted, 0.99)},
                       {"p999", percentile(sorted, 0.999)},
                       {"max", sorted.empty() ? 0 : sorted.back()}};
  return out;
}

json hold_idle(const Options& options, Load& load) {
  const Usage before = usage_of(options.server_pids);
  Totals totals = load.open_all();
  json out = describe(totals);
  // Time for the servers to put away what the last request left.
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const Usage after = usage_of(options.server_pids);
  const unsigned open = load.open_connections();
  out["connections_held"] = open;
  out["server_rss_kb"] = {{"before", before.rss_anon_kb}, {"after", after.rss_anon_kb}};
  const auto grown = static_cast<double>(after.rss_anon_kb) - static_cast<double>(before.rss_anon_kb);
  out["server_kb_per_connection"] = open == 0 ? 0.0 : grown / open;
  out["negotiated"] = load.negotiated();
  return out;
}

template <class AnyLoad>
json measure(const Options& options, AnyLoad& load) {
  const bool stays = options.mode == Mode::kKeepAlive || options.mode == Mode::kHttp2;
  Totals warm;
  if (stays) {
    warm = load.open_all();
  } else if (options.warmup > 0) {
    warm = load.run(std::max<std::uint64_t>(options.warmup, options.connections), 0, true);
  }
  if (options.hold) raise(SIGSTOP);
  const Usage before = usage_of(options.server_pids);
  const double own_before = own_cpu_us();
  Totals totals = load.run(options.operations, options.seconds, false);
  const double own = own_cpu_us() - own_before;
  const Usage after = usage_of(options.server_pids);
  json out = describe(totals);
  const double cpu_us = static_cast<double>(after.cpu_ns - std::min(before.cpu_ns, after.cpu_ns)) / 1e3;
  const double count = std::max(1.0, static_cast<double>(totals.completed));
  out["server_cpu_us"] = cpu_us;
  out["server_cpu_us_per_operation"] = cpu_us / count;
  out["server_busy"] = cpu_us / 1e6 / std::max(totals.seconds, 1e-9);
  out["own_cpu_us_per_operation"] = own / count;
  out["warmup_operations"] = warm.completed;
  out["negotiated"] = load.negotiated();
  return out;
}

}  // namespace
}  // namespace portcullis::bench

int main(int argc, char** argv) {
  using namespace portcullis::bench;
  signal(SIGPIPE, SIG_IGN);
  const Options options = parse_options(argc, argv);
  Credentials credentials;
  if (!options.issuer.empty() && !options.plain) {
    // One more than the measured phase uses, for the warm-up, where chains shall be new in the measured phase.
    const unsigned count = options.clients > 1 ? options.clients + 1 : 1;
    credentials = Credentials::issue(options.issuer, options.keys, count);
  }
  json out;
  if (options.mode == Mode::kHttp2) {
    Http2Load load(options, credentials);
    out = measure(options, load);
  } else {
    Load load(options, credentials);
    out = options.mode == Mode::kIdle ? hold_idle(options, load) : measure(options, load);
  }
  fmt::print("{}\n", out.dump());
  return 0;
}
