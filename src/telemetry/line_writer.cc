#include "telemetry/line_writer.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/thread.h"
#include "telemetry/internal/line_file.h"

namespace portcullis::telemetry {
namespace {

using Steady = std::chrono::steady_clock;
constexpr std::size_t kSpareBlocks = 4;

std::int64_t steady_ns() { return Steady::now().time_since_epoch() / std::chrono::nanoseconds(1); }

std::uint64_t count_lines(std::string_view block) {
  return static_cast<std::uint64_t>(std::count(block.begin(), block.end(), '\n'));
}

}  // namespace

void LineWriter::Producer::append(std::string_view line) {
  bool handed_over = false;
  {
    const std::scoped_lock lock(mutex_);
    if (active_.size() + line.size() + 1 > writer_.options_.block_bytes && !active_.empty()) {
      // A relaxed read, then an add: the producers together may pass the bound by one block each.
      if (writer_.pending_bytes_.load(std::memory_order_relaxed) + active_.size() >
          writer_.options_.max_pending_bytes) {
        writer_.dropped_.fetch_add(1, std::memory_order_relaxed);
        return;
      }
      writer_.pending_bytes_.fetch_add(active_.size(), std::memory_order_relaxed);
      full_.push_back(std::move(active_));
      active_.clear();
      if (!spare_.empty()) {
        active_ = std::move(spare_.back());
        spare_.pop_back();
      }
      handed_over = true;
    }
    if (active_.capacity() == 0) active_.reserve(writer_.options_.block_bytes);
    active_ += line;
    active_ += '\n';
  }
  if (handed_over || writer_.options_.eager) writer_.wake();
}

Result<std::unique_ptr<LineWriter>> LineWriter::open(Options options) {
  auto file = LineFile::open(options.path);
  if (!file) return forward_error(file);
  return std::unique_ptr<LineWriter>(new LineWriter(std::move(options), std::make_unique<LineFile>(std::move(*file))));
}

LineWriter::LineWriter(Options options, std::unique_ptr<LineFile> file)
    : options_(std::move(options)), file_(std::move(file)) {
  thread_ = start_without_signals([this] { run(); });
}

LineWriter::~LineWriter() {
  give_up_at_ns_ = steady_ns() + options_.shutdown_limit / std::chrono::nanoseconds(1);
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  thread_.join();
}

LineWriter::Producer& LineWriter::add_producer() {
  const std::scoped_lock lock(producers_mutex_);
  producers_.push_back(std::unique_ptr<Producer>(new Producer(*this)));
  return *producers_.back();
}

void LineWriter::wake() {
  {
    const std::scoped_lock lock(mutex_);
    if (woken_) return;
    woken_ = true;
  }
  work_.notify_one();
}

void LineWriter::reopen() {
  {
    const std::scoped_lock lock(mutex_);
    reopen_ = true;
  }
  work_.notify_one();
}

bool LineWriter::flush(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  const std::uint64_t mine = ++flush_asked_;
  work_.notify_one();
  return done_.wait_for(lock, limit, [&] { return flush_done_ >= mine; });
}

LineLosses LineWriter::losses() const {
  const std::scoped_lock lock(mutex_);
  return {dropped_.load(std::memory_order_relaxed), failed_, reopen_failures_, last_error_};
}

void LineWriter::run() {
  bool stopping = false;
  while (!stopping) {
    bool reopen = false;
    std::uint64_t flush_to = 0;
    {
      std::unique_lock lock(mutex_);
      const auto due = [&] { return woken_ || stopping_ || reopen_ || flush_asked_ > flush_done_; };
      work_.wait_for(lock, options_.interval, due);
      woken_ = false;
      stopping = stopping_;
      reopen = std::exchange(reopen_, false);
      flush_to = flush_asked_;
    }
    drain();
    if (reopen) {
      auto fresh = LineFile::open(options_.path);
      if (fresh) {
        *file_ = std::move(*fresh);
      } else {
        const std::scoped_lock lock(mutex_);
        ++reopen_failures_;
        last_error_ = fresh.error().message;
      }
    }
    report_losses(stopping);
    {
      const std::scoped_lock lock(mutex_);
      flush_done_ = flush_to;
    }
    done_.notify_all();
  }
}

void LineWriter::drain() {
  std::vector<Producer*> producers;
  {
    const std::scoped_lock lock(producers_mutex_);
    for (const auto& producer : producers_) producers.push_back(producer.get());
  }
  for (Producer* producer : producers) {
    std::vector<std::string> blocks;
    std::string last;
    {
      const std::scoped_lock lock(producer->mutex_);
      blocks.swap(producer->full_);
      if (!producer->active_.empty()) {
        last.swap(producer->active_);
        if (!producer->spare_.empty()) {
          producer->active_.swap(producer->spare_.back());
          producer->spare_.pop_back();
        }
      }
    }
    for (std::string& block : blocks) {
      write_block(block);
      pending_bytes_.fetch_sub(block.size(), std::memory_order_relaxed);
    }
    if (!last.empty()) {
      write_block(last);
      blocks.push_back(std::move(last));
    }
    const std::scoped_lock lock(producer->mutex_);
    for (std::string& block : blocks) {
      // A block that one huge line has grown is not kept.
      if (producer->spare_.size() >= kSpareBlocks || block.capacity() > 2 * options_.block_bytes) continue;
      block.clear();
      producer->spare_.push_back(std::move(block));
    }
  }
}

void LineWriter::write_block(const std::string& block) {
  std::size_t written = 0;
  const auto give_up = [this] {
    report_losses(false);  // a stalled pipe makes losses, and the thread does not leave this call
    return steady_ns() >= give_up_at_ns_.load(std::memory_order_relaxed);
  };
  const int error = file_->write_lines(block, give_up, &written);
  if (error == 0) return;
  const std::scoped_lock lock(mutex_);
  failed_ += count_lines(std::string_view(block).substr(written));
  last_error_ = std::generic_category().message(error);
}

void LineWriter::report_losses(bool last) {
  if (!options_.on_losses) return;
  LineLosses now = losses();
  if (now.same_counts(reported_) || (!last && Steady::now() < next_report_)) return;
  options_.on_losses(now);
  reported_ = std::move(now);
  next_report_ = Steady::now() + options_.report_interval;
}

}  // namespace portcullis::telemetry
