// JournalSampler decides which events of a flood the journal keeps: each client has a bucket of tokens for each reason,
// so that its thousandth refusal costs nothing and pushes out nobody else's, and all events together have one more, so
// that however many clients there are the journal takes a bounded share of the machine. What is left out is counted by
// reason and client. A fixed table: an unused bucket gives way. Pure; not thread-safe.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ip_address.h"
#include "store/journal_note.h"

namespace portcullis::store {

// How many events of one kind were not kept.
struct LeftOut {
  JournalEvent event = JournalEvent::kLeftOut;  // of those events
  std::string_view reason;                      // of those events; kManyReason for those of many clients
  IpAddress client;
  std::uint64_t count = 0;
  WallTime since{};  // the first of them
};

class JournalSampler {
 public:
  struct Rates {
    double burst = 50;                // events that one client may have at once for one reason
    double refused_per_second = 0.1;  // and then
    double admitted_per_second = 1;   // of one certificate at one address
    double burst_of_all = 2'000;      // admitted, and as many refused
    double all_per_second = 200;      // likewise
    std::size_t buckets = 2'048;      // a power of two, at least kWays
    std::chrono::seconds report{2};   // from the first event left out to the count of them; then doubling to
    std::chrono::seconds report_most{64};
  };
  // What LeftOut says where it cannot say who: more clients than buckets, or more events than the journal takes.
  static constexpr std::string_view kManyReason = "journal.overload";

  JournalSampler() : JournalSampler(Rates{}) {}
  explicit JournalSampler(const Rates& rates);

  // Whether this event is kept; one that is not is counted. An IPv6 client is its /64.
  bool keep(const JournalNote& note, MonoTime now);
  // An event that keep() has let through is lost all the same: its buffer was full.
  void lost(const JournalNote& note, MonoTime now) { count_overload(note.at, 1, now); }
  // Appends the counts that are due at `now`, or with `all` every count, and forgets them.
  void collect(MonoTime now, bool all, std::vector<LeftOut>& out);

 private:
  static constexpr std::size_t kWays = 4;
  struct Bucket {
    std::uint64_t key = 0;  // 0: unused
    double tokens = 0;
    MonoTime filled{};
    MonoTime due{};
    std::chrono::milliseconds pause{0};
    LeftOut left_out;
  };
  struct Allowance {
    double tokens = 0;
    MonoTime filled{};
  };
  std::uint64_t key_of(const JournalNote& note) const;
  Bucket& bucket_of(std::uint64_t key, MonoTime now);
  bool take(Allowance& allowance, MonoTime now) const;
  // True at the first since the last report.
  bool count(Bucket& bucket, WallTime at, MonoTime now) const;
  void count_overload(WallTime at, std::uint64_t events, MonoTime now);
  void report(Bucket& bucket, MonoTime now, std::vector<LeftOut>& out) const;

  const Rates rates_;
  const std::uint64_t seed_;
  std::vector<Bucket> buckets_;
  Allowance admitted_, refused_;
  Bucket overload_;           // counts only
  std::size_t counting_ = 0;  // buckets of the table with a count
  MonoTime next_due_{};
};

}  // namespace portcullis::store
