#include "store/journal_feed.h"

#include <utility>

namespace portcullis::store {

void JournalSlot::assign(const JournalNote& from) {
  note = from;
  note.peer_name = {};
  std::string_view* const copied[] = {
      &note.log_value, &note.detail, &note.gateway, &note.listener, &note.sni, &note.host, &note.revocation.responder};
  text.clear();
  for (const std::string_view* member : copied) text += *member;
  // Only now: appending may have moved it.
  std::size_t at = 0;
  for (std::string_view* member : copied) {
    *member = std::string_view(text).substr(at, member->size());
    at += member->size();
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
