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
  if (auto known = service_.answers().find(check->query->key, now)) {
    known->used.store(true, std::memory_order_relaxed);
    check->answer = std::move(known);
    check->cache_hit = true;
    return check;
  }
  using Answer = std::shared_ptr<const OcspAnswer>;
  service_.want(check->query, room_.reply_to<Check, Answer>(check, [](Check& asked, Answer answer) {
    answer->used.store(true, std::memory_order_relaxed);
    asked.answer = std::move(answer);
  }));
  return check;
}

event::Task<std::chrono::milliseconds> OcspDesk::wait(std::shared_ptr<Check> check, event::Deadline deadline) {
  const MonoTime began = loop_.now();
  while (check->answer == nullptr && !check->given_up) {
    const event::Wake wake = co_await check->done.wait(deadline);
    if (wake != event::Wake::kReady) break;
  }
  co_return loop_.now() - began;
}

}  // namespace portcullis::clientauth
