#include "store/journal_sampler.h"

#include <algorithm>
#include <functional>
#include <random>

#include "base/check.h"

namespace portcullis::store {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32U | device();
}

// The finaliser of SplitMix64.
std::uint64_t mix(std::uint64_t word) {
  word = (word ^ (word >> 30U)) * 0xbf58476d1ce4e5b9U;
  word = (word ^ (word >> 27U)) * 0x94d049bb133111ebU;
  return word ^ (word >> 31U);
}

std::uint64_t hash_of(std::string_view bytes) { return std::hash<std::string_view>{}(bytes); }

// One household of IPv6 has 2^64 addresses.
std::string_view who(const IpAddress& client) { return client.is_v6() ? client.bytes().substr(0, 8) : client.bytes(); }

double refilled(double tokens, double most, double per_second, std::chrono::milliseconds passed) {
  return std::min(most, tokens + std::chrono::duration<double>(passed).count() * per_second);
}

}  // namespace

JournalSampler::JournalSampler(const Rates& rates) : rates_(rates), seed_(random_seed()), buckets_(rates.buckets) {
  CHECK(rates.buckets >= kWays && (rates.buckets & (rates.buckets - 1)) == 0);
}

std::uint64_t JournalSampler::key_of(const JournalNote& note) const {
  std::uint64_t key = mix(seed_ ^ hash_of(note.reason));
  key = mix(key ^ hash_of(who(note.client.address)));
  key = mix(key ^ static_cast<std::uint64_t>(note.event));
  // A CA vouches for who is admitted. Of those who are refused each could call itself by a thousand names.
  if (note.outcome == JournalOutcome::kAdmitted) key = mix(key ^ hash_of(note.peer_name));
  return key | 1;
}

JournalSampler::Bucket& JournalSampler::bucket_of(std::uint64_t key, MonoTime now) {
  Bucket* const set = &buckets_[(key >> 8U) & (buckets_.size() - kWays)];
  Bucket* oldest = set;
  for (Bucket* bucket = set; bucket != set + kWays; ++bucket) {
    if (bucket->key == key) return *bucket;
    if (bucket->filled < oldest->filled) oldest = bucket;
  }
  if (oldest->left_out.count != 0) {
    count_overload(oldest->left_out.since, oldest->left_out.count, now);
    --counting_;
  }
  *oldest = Bucket{};
  oldest->key = key;
  oldest->tokens = rates_.burst;
  oldest->filled = now;
  return *oldest;
}

bool JournalSampler::take(Allowance& allowance, MonoTime now) const {
  allowance.tokens = allowance.filled == MonoTime{} ? rates_.burst_of_all
                                                    : refilled(allowance.tokens, rates_.burst_of_all,
                                                               rates_.all_per_second, now - allowance.filled);
  allowance.filled = now;
  if (allowance.tokens < 1) return false;
  allowance.tokens -= 1;
  return true;
}

bool JournalSampler::count(Bucket& bucket, WallTime at, MonoTime now) const {
  if (bucket.left_out.count++ != 0) return false;
  bucket.left_out.since = at;
  if (bucket.pause == std::chrono::milliseconds(0)) {
    bucket.pause = rates_.report;
    bucket.due = now + bucket.pause;
  }
  return true;
}

void JournalSampler::count_overload(WallTime at, std::uint64_t events, MonoTime now) {
  count(overload_, at, now);
  overload_.left_out.count += events - 1;
}

bool JournalSampler::keep(const JournalNote& note, MonoTime now) {
  const bool admitted = note.outcome == JournalOutcome::kAdmitted;
  Bucket& bucket = bucket_of(key_of(note), now);
  const double rate = admitted ? rates_.admitted_per_second : rates_.refused_per_second;
  bucket.tokens = refilled(bucket.tokens, rates_.burst, rate, now - bucket.filled);
  bucket.filled = now;
  // A client that was quiet for so long is reported as early as a new one.
  if (bucket.tokens >= rates_.burst && bucket.left_out.count == 0) bucket.pause = std::chrono::milliseconds(0);
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    if (take(admitted ? admitted_ : refused_, now)) return true;
    count_overload(note.at, 1, now);
    return false;
  }
  if (count(bucket, note.at, now)) {
    bucket.left_out.event = note.event;
    bucket.left_out.reason = note.reason;
    bucket.left_out.client = note.client.address;
    if (counting_++ == 0 || bucket.due < next_due_) next_due_ = bucket.due;
  }
  return false;
}

void JournalSampler::report(Bucket& bucket, MonoTime now, std::vector<LeftOut>& out) const {
  out.push_back(bucket.left_out);
  bucket.left_out = LeftOut{};
  bucket.pause = std::min<std::chrono::milliseconds>(2 * bucket.pause, rates_.report_most);
  bucket.due = now + bucket.pause;
}

void JournalSampler::collect(MonoTime now, bool all, std::vector<LeftOut>& out) {
  if (overload_.left_out.count != 0 && (all || now >= overload_.due)) {
    overload_.left_out.reason = kManyReason;
    report(overload_, now, out);
  }
  if (counting_ == 0 || (!all && now < next_due_)) return;
  counting_ = 0;
  next_due_ = MonoTime::max();
  for (Bucket& bucket : buckets_) {
    if (bucket.left_out.count == 0) continue;
    if (all || now >= bucket.due) {
      report(bucket, now, out);
      continue;
    }
    ++counting_;
    next_due_ = std::min(next_due_, bucket.due);
  }
}

}  // namespace portcullis::store
