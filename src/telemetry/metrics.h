// The metrics registry: counters and gauges with names and labels, readable as Prometheus text. Owned by main for the
// life of the process and passed down. Series are registered at set-up (a lock) and then counted on any thread without
// one: a counter is split into shards on cache lines of their own, a thread counting on its own shard. Misuse (a bad
// name, one name as two kinds) is a broken invariant and aborts.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portcullis::telemetry {

// Label name and value, e.g. {"listener", "strict"}.
using Labels = std::vector<std::pair<std::string, std::string>>;

// A count that only grows. Any thread.
class Counter {
 public:
  void add(std::uint64_t by = 1) { shards_[shard()].count.fetch_add(by, std::memory_order_relaxed); }
  // The sum of the shards; may miss additions made while it reads.
  std::uint64_t value() const;

 private:
  static constexpr std::size_t kShards = 16;
  struct alignas(64) Shard {
    std::atomic<std::uint64_t> count{0};
  };
  static std::size_t shard() {
    thread_local const std::size_t mine = next_shard() % kShards;
    return mine;
  }
  static std::size_t next_shard();

  std::array<Shard, kShards> shards_;
};

// A value that goes up and down. Any thread.
class Gauge {
 public:
  void set(std::int64_t to) { value_.store(to, std::memory_order_relaxed); }
  void add(std::int64_t by) { value_.fetch_add(by, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

class Registry {
 public:
  // The series of that name and labels, made at first use; the reference lives as long as the registry. Counters' names
  // end in "_total". The order of labels does not matter; `help` is taken from the first call.
  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});

  // Everything in the Prometheus text format 0.0.4, families and series in order of name.
  std::string prometheus_text() const;

 private:
  struct Family {
    std::string help;
    bool is_counter = false;
    std::map<std::string, std::unique_ptr<Counter>> counters;  // by rendered labels
    std::map<std::string, std::unique_ptr<Gauge>> gauges;
  };
  Family& family(std::string_view name, std::string_view help, bool is_counter);

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace portcullis::telemetry
