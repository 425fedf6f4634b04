#include "store/store.h"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "base/thread.h"
#include "telemetry/log.h"

namespace portcullis::store {

using telemetry::log_error;
using telemetry::log_info;

namespace {

// Of one transaction: a failure loses no more.
constexpr std::size_t kBatch = 1'024;

}  // namespace

Store::Store(Options options)
    : options_(std::move(options)),
      started_(options_.clock->wall()),
      written_(options_.metrics->counter("portcullis_journal_entries_total", "Entries written to the journal.")),
      sampled_(options_.metrics->counter("portcullis_journal_left_out_total", "Events that are not in the journal.",
                                         {{"reason", "sampled"}})),
      unwritten_(options_.metrics->counter("portcullis_journal_left_out_total", "Events that are not in the journal.",
                                           {{"reason", "not_written"}})),
      answers_({.path = answers_path(options_.state_dir),
                .limits = options_.answers,
                .clock = options_.clock,
                .metrics = options_.metrics,
                .retry = options_.retry,
                .report = options_.report}),
      lists_({.directory = lists_path(options_.state_dir),
              .clock = options_.clock,
              .metrics = options_.metrics,
              .retry = options_.retry,
              .report = options_.report}),
      wanted_entries_(options_.journal_entries),
      trouble_("journal.unavailable", journal_path(), options_.report) {
  options_.feeds.wake = [this] { wake(); };
}

Store::~Store() {
  stop(std::chrono::hours(1));
  if (thread_.joinable()) thread_.join();
}

JournalFeed& Store::add_feed() {
  feeds_.push_back(std::make_unique<JournalFeed>(options_.feeds));
  taken_.push_back(std::make_unique<JournalFeed::Taken>());
  return *feeds_.back();
}

void Store::start() {
  ended_ = false;
  // From here on and not only once the file is open: what is noted meanwhile waits.
  set_enabled(wanted_entries_ != 0);
  thread_ = start_without_signals([this] { run(); });
}

void Store::set_enabled(bool enabled) {
  for (const auto& feed : feeds_) feed->set_enabled(enabled);
}

void Store::set_journal_entries(std::uint64_t entries) {
  {
    const std::scoped_lock lock(mutex_);
    wanted_entries_ = entries;
    woken_ = true;
  }
  set_enabled(entries != 0);
  work_.notify_one();
}

void Store::keep_answers(bool keep) {
  answers_.set_enabled(keep);
  wake();
}

void Store::keep_lists(bool keep) {
  lists_.set_enabled(keep);
  wake();
}

void Store::wake() {
  {
    const std::scoped_lock lock(mutex_);
    woken_ = true;
  }
  work_.notify_one();
}

bool Store::flush(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  if (ended_) return true;
  const std::uint64_t mine = ++flush_asked_;
  work_.notify_one();
  return done_.wait_for(lock, limit, [&] { return flush_done_ >= mine || ended_; });
}

bool Store::stop(std::chrono::milliseconds limit) {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    work_.notify_one();
    if (!done_.wait_for(lock, limit, [&] { return ended_; })) return false;
  }
  if (thread_.joinable()) thread_.join();
  return true;
}

void Store::run() {
  bool stopping = false;
  while (!stopping) {
    std::uint64_t wanted = 0;
    std::uint64_t flush_to = 0;
    {
      std::unique_lock lock(mutex_);
      work_.wait_for(lock, options_.interval, [&] { return woken_ || stopping_ || flush_asked_ > flush_done_; });
      woken_ = false;
      stopping = stopping_;
      wanted = wanted_entries_;
      flush_to = flush_asked_;
    }
    if (wanted != 0 && entries_ == 0) entries_ = wanted;
    drain(stopping || wanted == 0);
    if (wanted != entries_) apply_limits(wanted);
    const auto own = [this] { return own_directory(); };
    if (answers_.enabled()) {
      answers_.write(own, stopping);
    } else {
      answers_.close();
    }
    if (lists_.enabled()) {
      lists_.write(own, stopping);
    } else {
      lists_.forget();
    }
    if (entries_ == 0 && !answers_.enabled() && !lists_.enabled()) lock_ = StateLock();
    {
      const std::scoped_lock lock(mutex_);
      flush_done_ = flush_to;
    }
    done_.notify_all();
  }
  journal_.reset();
  answers_.close();
  lock_ = StateLock();
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
  }
  done_.notify_all();
}

void Store::apply_limits(std::uint64_t entries) {
  entries_ = entries;
  if (entries == 0) {
    journal_.reset();
    trouble_.over();
    log_info("journal.closed");
    return;
  }
  if (journal_ == nullptr) return;
  const std::uint64_t before = journal_->entries();
  if (auto set = journal_->set_limits(JournalLimits::of(entries)); !set) return failed(set.error(), 0);
  log_info("journal.limit", {{"entries", journal_->entries()}, {"forgotten", before - journal_->entries()}});
}

Result<void> Store::own_directory() {
  if (lock_.held()) return {};
  auto lock = StateLock::take(options_.state_dir);
  if (!lock) return forward_error(lock);
  lock_ = std::move(*lock);
  return {};
}

bool Store::open_journal() {
  if (journal_ != nullptr && journal_->in_place()) return true;
  if (journal_ != nullptr) {
    // Somebody has moved it away: what is written to it now nobody would find.
    journal_.reset();
    next_try_ = {};
  }
  const MonoTime now = options_.clock->mono();
  if (now < next_try_) return false;
  next_try_ = now + options_.retry;
  if (auto own = own_directory(); !own) {
    not_open_ = own.error();
    failed(not_open_, 0);
    return false;
  }
  JournalFile::Options options;
  options.limits = JournalLimits::of(entries_);
  options.describe = options_.describe;
  options.started = started_;
  options.process = ::getpid();
  bool set_aside = false;
  auto opened = JournalFile::open(journal_path(), options, &set_aside);
  if (set_aside) {
    log_error("journal.damaged", {{"path", journal_path()},
                                  {"kept_as", journal_path() + ".damaged"},
                                  {"do", "nothing is lost for the new one; keep or delete the old file"}});
  }
  if (!opened) {
    not_open_ = opened.error();
    failed(not_open_, 0);
    return false;
  }
  journal_ = std::move(*opened);
  trouble_.over();
  log_info("journal.opened", {{"path", journal_path()}, {"entries", journal_->entries()}});
  return true;
}

void Store::drain(bool last) {
  if (entries_ == 0) return;
  // While it cannot be written what is noted waits where it is; what finds no room there is counted there.
  if (!open_journal() && !last) return;
  std::vector<const JournalSlot*> notes;
  std::vector<LeftOut> left_out;
  for (std::size_t i = 0; i < feeds_.size(); ++i) {
    JournalFeed::Taken& taken = *taken_[i];
    feeds_[i]->take(taken, options_.clock->mono(), last);
    for (std::size_t at = 0; at < taken.used; ++at) notes.push_back(&taken.slots[at]);
    for (const LeftOut& count : taken.left_out) sampled_.add(count.count);
    left_out.insert(left_out.end(), taken.left_out.begin(), taken.left_out.end());
  }
  write(notes, left_out);
  for (const auto& taken : taken_) {
    // The memory of the slots stays; the clients' records go.
    for (std::size_t at = 0; at < taken->used; ++at) taken->slots[at].note.peer.reset();
    taken->used = 0;
  }
}

void Store::write(std::vector<const JournalSlot*>& notes, std::vector<LeftOut>& left_out) {
  // Workers' notes come one worker after the other; in the journal they are in order of time.
  std::stable_sort(notes.begin(), notes.end(),
                   [](const JournalSlot* a, const JournalSlot* b) { return a->note.at < b->note.at; });
  std::size_t at = 0;
  bool again = false;
  while (at < notes.size() || !left_out.empty()) {
    const std::size_t count = std::min(kBatch, notes.size() - at);
    const std::span<const JournalSlot* const> batch(notes.data() + at, count);
    std::uint64_t events = count;
    for (const LeftOut& some : left_out) events += some.count;
    if (!open_journal()) return failed(not_open_, events + notes.size() - at - count);
    const auto appended = append(batch, left_out);
    if (appended) {
      written_.add(count);
    } else if (appended.error().code == "store.damaged" && !again) {
      // Opened again it is found damaged, set aside and begun anew; then this batch is tried once more.
      journal_.reset();
      next_try_ = {};
      again = true;
      continue;
    } else {
      failed(appended.error(), events);
    }
    again = false;
    left_out.clear();
    at += count;
  }
}

// What could not be written before is told first.
Result<void> Store::append(std::span<const JournalSlot* const> notes, std::vector<LeftOut> left_out) {
  if (unwritten_yet_.events != 0) {
    left_out.push_back(
        {JournalEvent::kLeftOut, "journal.not_written", {}, unwritten_yet_.events, unwritten_yet_.since});
  }
  auto appended = journal_->append(notes, left_out, options_.clock->wall());
  if (!appended) return appended;
  unwritten_yet_ = {};
  if (trouble_.over()) log_info("journal.recovered", {{"path", journal_path()}});
  return appended;
}

void Store::failed(const Error& error, std::uint64_t events) {
  if (unwritten_yet_.events == 0) unwritten_yet_.since = options_.clock->wall();
  unwritten_yet_.events += events;
  unwritten_.add(events);
  trouble_.tell(error, options_.clock->mono(), events);
}

}  // namespace portcullis::store
