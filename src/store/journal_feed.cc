#include "store/journal_feed.h"

#include <utility>

namespace portcullis::store {

void JournalSlot::assign(const JournalNote& from) {
  std::string_view JournalNote::*const copied[] = {&JournalNote::log_value, &JournalNote::detail, &JournalNote::gateway,
                                                   &JournalNote::listener,  &JournalNote::sni,    &JournalNote::host};
  note = from;
  note.peer_name = {};
  text.clear();
  for (const auto member : copied) text += from.*member;
  // Only now: appending may have moved it.
  std::size_t at = 0;
  for (const auto member : copied) {
    const std::size_t size = (from.*member).size();
    note.*member = std::string_view(text).substr(at, size);
    at += size;
  }
}

void JournalFeed::add(const JournalNote& note, MonoTime now) {
  if (!enabled()) return;
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    if (!sampler_.keep(note, now)) return;
    if (used_ >= options_.entries || peer_bytes_ + note.peer_weight > options_.peer_bytes) {
      sampler_.lost(note, now);
      return;
    }
    if (used_ == slots_.size()) slots_.emplace_back();
    slots_[used_++].assign(note);
    peer_bytes_ += note.peer_weight;
    wake = used_ == options_.wake_at;
  }
  if (wake && options_.wake) options_.wake();
}

void JournalFeed::take(Taken& taken, MonoTime now, bool all_counts) {
  taken.left_out.clear();
  const std::scoped_lock lock(mutex_);
  taken.slots.swap(slots_);
  taken.used = std::exchange(used_, 0);
  peer_bytes_ = 0;
  sampler_.collect(now, all_counts, taken.left_out);
}

}  // namespace portcullis::store
