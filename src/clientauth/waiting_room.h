// WaitingRoom: where one worker's connections wait for what another thread finds out. A connection that goes away while
// it waits leaves nothing behind: whoever answers knows it by a number only (I9). Worker-local; must outlive the other
// thread, and its loop whoever answers there.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>

#include "event/loop.h"
#include "event/signal.h"

namespace portcullis::clientauth {

// How much longer than a query or a fetch may take a request waits for its outcome, which comes from another thread.
constexpr std::chrono::milliseconds kAnswerGrace{250};

class WaitingRoom {
 public:
  explicit WaitingRoom(event::Loop& loop) : loop_(loop) {}
  WaitingRoom(const WaitingRoom&) = delete;
  WaitingRoom& operator=(const WaitingRoom&) = delete;

  // What is waited for: the part that every question of a connection has. Worker-local.
  struct Errand {
    explicit Errand(event::Loop& loop) : began(loop.now()), done(loop) {}
    MonoTime began;
    bool given_up = false;  // nobody waits for it any more
    event::Signal done;     // with each answer, and where it is given up
  };

  // For another thread, to be called once: `take` puts the answer, a pointer, into the question, on the worker's
  // thread, where the question is still there. Called with null before that, it makes the question's owner look again.
  template <class Question, class Answer>
  std::function<void(Answer)> reply_to(const std::shared_ptr<Question>& question,
                                       std::function<void(Question&, Answer)> take) {
    const std::uint64_t number = enter(question);
    return [this, number, take = std::move(take)](Answer answer) {
      loop_.post([this, number, take, answer = std::move(answer)]() mutable {
        const std::shared_ptr<Errand> errand = answer == nullptr ? waiting_.at(number).lock() : leave(number);
        if (errand == nullptr) return;
        if (answer != nullptr) take(static_cast<Question&>(*errand), std::move(answer));
        errand->done.notify();
      });
    };
  }

  // Ends every wait, now and later: the worker is cutting its connections off.
  void give_up() {
    giving_up_ = true;
    for (auto& [number, waiting] : waiting_) {
      if (const std::shared_ptr<Errand> errand = waiting.lock()) {
        errand->given_up = true;
        errand->done.notify();
      }
    }
  }

 private:
  std::uint64_t enter(const std::shared_ptr<Errand>& errand) {
    errand->given_up = giving_up_;
    waiting_.emplace(next_, errand);
    return next_++;
  }
  std::shared_ptr<Errand> leave(std::uint64_t number) {
    const auto found = waiting_.find(number);
    std::shared_ptr<Errand> errand = found->second.lock();
    waiting_.erase(found);
    return errand;
  }

  event::Loop& loop_;
  std::unordered_map<std::uint64_t, std::weak_ptr<Errand>> waiting_;
  std::uint64_t next_ = 0;
  bool giving_up_ = false;
};

}  // namespace portcullis::clientauth
