#include "store/answer_keeper.h"

#include <utility>
#include <vector>

#include "telemetry/log.h"

namespace portcullis::store {

using telemetry::log_error;
using telemetry::log_info;

AnswerKeeper::AnswerKeeper(Options options)
    : options_(std::move(options)),
      saved_(options_.metrics->counter("portcullis_ocsp_answers_saved_total",
                                       "OCSP answers written to state_dir, for the time after a restart.")),
      unsaved_(options_.metrics->counter("portcullis_ocsp_answers_not_saved_total",
                                         "OCSP answers that could not be written to state_dir.")),
      trouble_("ocsp_memory.unavailable", options_.path, options_.report) {}

void AnswerKeeper::add(SavedAnswer answer) {
  const auto known = waiting_.find(answer.key);
  if (known != waiting_.end()) {
    if (!answer.may_replace(known->second.revoked, known->second.this_update)) return;
    waiting_bytes_ -= weight(known->second);
    waiting_.erase(known);
  }
  if (waiting_bytes_ + weight(answer) > options_.most_waiting_bytes) {
    ++given_up_;
    return unsaved_.add();
  }
  waiting_bytes_ += weight(answer);
  const Digest key = answer.key;
  waiting_.emplace(key, std::move(answer));
}

void AnswerKeeper::save(SavedAnswer answer) {
  if (!enabled()) return;
  const std::scoped_lock lock(mutex_);
  add(std::move(answer));
}

Result<void> AnswerKeeper::open(const std::function<Result<void>()>& own_directory) {
  if (file_ != nullptr && file_->in_place()) return {};
  file_.reset();
  if (auto own = own_directory(); !own) return own;
  bool set_aside = false;
  auto opened = AnswerFile::open(options_.path, options_.limits, &set_aside);
  if (set_aside) {
    log_error("ocsp_memory.damaged", {{"path", options_.path},
                                      {"kept_as", options_.path + ".damaged"},
                                      {"do", "nothing: responders are asked anew; delete the old file"}});
  }
  if (!opened) return forward_error(opened);
  file_ = std::move(*opened);
  log_info("ocsp_memory.opened", {{"path", options_.path}, {"answers", file_->answers()}});
  return {};
}

Result<void> AnswerKeeper::write(const std::vector<SavedAnswer>& answers,
                                 const std::function<Result<void>()>& own_directory) {
  for (bool again = false;; again = true) {
    if (auto opened = open(own_directory); !opened) return opened;
    auto done = file_->save(answers);
    if (done || done.error().code == "store.full" || done.error().code == "store.busy") return done;
    // Opened again it is found damaged, if it is, set aside and begun anew.
    file_.reset();
    if (again) return done;
  }
}

std::vector<SavedAnswer> AnswerKeeper::take() {
  std::vector<SavedAnswer> answers;
  const std::scoped_lock lock(mutex_);
  answers.reserve(waiting_.size());
  for (auto& waiting : waiting_) answers.push_back(std::move(waiting.second));
  waiting_.clear();
  waiting_bytes_ = 0;
  return answers;
}

std::uint64_t AnswerKeeper::put_back(std::vector<SavedAnswer> answers) {
  const std::scoped_lock lock(mutex_);
  for (SavedAnswer& answer : answers) {
    const auto newer = waiting_.find(answer.key);
    if (newer != waiting_.end() && newer->second.may_replace(answer.revoked, answer.this_update)) continue;
    add(std::move(answer));
  }
  return std::exchange(given_up_, 0);
}

void AnswerKeeper::write(const std::function<Result<void>()>& own_directory, bool last) {
  const MonoTime now = options_.clock->mono();
  if (!last && now < next_try_) return;
  std::vector<SavedAnswer> answers = take();
  const std::size_t count = answers.size();
  const auto done = write(answers, own_directory);
  if (done) {
    saved_.add(count);
    if (trouble_.over()) log_info("ocsp_memory.recovered", {{"path", options_.path}});
    return;
  }
  next_try_ = now + options_.retry;
  if (last) unsaved_.add(count);
  const std::uint64_t given_up = last ? count : put_back(std::move(answers));
  trouble_.tell(done.error(), now, given_up);
}

}  // namespace portcullis::store
