#include "clientauth/ocsp_desk.h"

#include <utility>

namespace portcullis::clientauth {

std::shared_ptr<const OcspAnswer> OcspDesk::known(const OcspQuery& query, WallTime now) {
  auto last = service_.answers().last(query.key);
  if (last != nullptr && last->status.outcome == revocation::Outcome::kRevoked) return last;
  return service_.answers().find(query.key, now);
}

std::shared_ptr<OcspDesk::Check> OcspDesk::ask(std::shared_ptr<const OcspQuery> query, WallTime now) {
  auto check = std::make_shared<Check>(loop_, std::move(query));
  check->began = loop_.now();
  check->given_up = giving_up_;
  if (auto known = service_.answers().find(check->query->key, now)) {
    known->used.store(true, std::memory_order_relaxed);
    check->answer = std::move(known);
    check->cache_hit = true;
    return check;
  }
  const std::uint64_t number = next_++;
  pending_.emplace(number, check);
  service_.want(check->query, [this, number](std::shared_ptr<const OcspAnswer> answer) {
    loop_.post([this, number, answer = std::move(answer)]() mutable { deliver(number, std::move(answer)); });
  });
  return check;
}

void OcspDesk::deliver(std::uint64_t number, std::shared_ptr<const OcspAnswer> answer) {
  const auto found = pending_.find(number);
  const std::shared_ptr<Check> check = found->second.lock();
  pending_.erase(found);
  if (check == nullptr) return;
  answer->used.store(true, std::memory_order_relaxed);
  check->answer = std::move(answer);
  check->done.notify();
}

event::Task<std::chrono::milliseconds> OcspDesk::wait(std::shared_ptr<Check> check, event::Deadline deadline) {
  const MonoTime began = loop_.now();
  while (check->answer == nullptr && !check->given_up) {
    const event::Wake wake = co_await check->done.wait(deadline);
    if (wake != event::Wake::kReady) break;
  }
  co_return loop_.now() - began;
}

void OcspDesk::give_up() {
  giving_up_ = true;
  for (auto& [number, pending] : pending_) {
    if (const std::shared_ptr<Check> check = pending.lock()) {
      check->given_up = true;
      check->done.notify();
    }
  }
}

}  // namespace portcullis::clientauth
