#include "server/reviewer.h"

#include "base/check.h"
#include "proxy/journal_record.h"
#include "telemetry/log.h"

namespace portcullis::server {

using event::Task;
using Cause = Review::Cause;

namespace {

constexpr char kEndedName[] = "portcullis_admissions_ended_total";
constexpr char kEndedHelp[] = "Live connections ended because their client would be refused now.";

std::string_view to_string(Cause cause) {
  switch (cause) {
    case Cause::kTrust:
      return "trust_changed";
    case Cause::kExpiry:
      return "expired";
    case Cause::kRevocation:
      return "revoked";
  }
  return "";
}

bool passes(const clientauth::Verdict& verdict) { return verdict.outcome == clientauth::Verdict::Outcome::kAdmitted; }

}  // namespace

ReviewCounters::ReviewCounters(telemetry::Registry& registry)
    : judged(registry.counter("portcullis_connections_judged_again_total",
                              "Verdicts on live connections, apart from those on requests.")),
      trust(registry.counter(kEndedName, kEndedHelp, {{"cause", "trust_changed"}})),
      expiry(registry.counter(kEndedName, kEndedHelp, {{"cause", "expired"}})),
      revocation(registry.counter(kEndedName, kEndedHelp, {{"cause", "revoked"}})) {}

Reviewer::Reviewer(event::Loop& loop, const proxy::Services& services, ClosureRate& rate, ReviewCounters& counters,
                   std::function<void()> at_rest)
    : loop_(loop),
      services_(services),
      rate_(rate),
      counters_(counters),
      at_rest_(std::move(at_rest)),
      ending_(live_) {}

void Reviewer::enter(LiveConnection& connection) {
  connection.reviewed = begun_;
  live_.add(connection);
}

void Reviewer::handshake_done(LiveConnection& connection) {
  connection.standing = Standing::kJudged;
  connection.judged_under = connection.connection.admission.trust();
  if (!sweep_alarm_.armed()) loop_.timers().arm(sweep_alarm_, loop_.in(kSweep));
  if (connection.reviewed == begun_) return list_by_expiry(connection);
  // It was in nobody's reach while it shook hands.
  Review missed;
  missed.cause = last_cause_;
  look_at(connection, missed);
}

void Reviewer::leave(LiveConnection& connection) {
  if (connection.standing == Standing::kToEnd) --to_end_;
  forget_expiry(connection);
  live_.remove(connection);
}

void Reviewer::review(Review review) {
  ++begun_;
  last_cause_ = review.cause;
  reviews_.push_back(std::move(review));
  begin_walk();
}

void Reviewer::begin_walk() {
  if (std::exchange(walking_, true)) return;
  event::spawn(walk());
}

Task<void> Reviewer::walk() {
  while (!reviews_.empty()) {
    const Review review = std::move(reviews_.front());
    reviews_.pop_front();
    LiveConnections::Walk walk(live_);
    unsigned looked_at = 0, judged = 0;
    while (LiveConnection* const one = walk.next()) {
      if (look_at(*one, review)) ++judged;
      if (++looked_at < kLookedAtPerTurn && judged < kJudgedPerTurn) continue;
      looked_at = judged = 0;
      co_await event::yield(loop_);
    }
  }
  walking_ = false;
  at_rest_();
}

// What was in progress when its client was refused may finish, but a stream that always moves a little has no end.
void Reviewer::cut_off_if_late(LiveConnection& one) {
  if (loop_.now() - one.ended_at < kFinishing) return;
  one.control.cut_off();
  if (one.watch != nullptr) one.watch->cancel();
}

// Whether it had to be judged.
bool Reviewer::look_at(LiveConnection& one, const Review& review) {
  if (one.standing == Standing::kEnded) cut_off_if_late(one);
  if (one.standing != Standing::kJudged) return false;
  proxy::ClientConnection& connection = one.connection;
  if (review.concerns && !review.concerns(connection)) return false;
  if (review.cause == Cause::kExpiry) {
    list_by_expiry(one);
    return false;
  }
  const bool served = connection.adopt(services_.snapshot);
  // Whose listener is gone is drained by the worker, under the rules it began with.
  if (!served && review.cause == Cause::kTrust) return false;
  // A request may have brought the new verdict about before this, and told no tunnel.
  if (review.cause == Cause::kTrust && one.judged_under == connection.admission.trust() &&
      !connection.admission.judgement_due() && connection.admitted == nullptr) {
    list_by_expiry(one);
    return false;
  }
  judge(one, review.cause);
  return true;
}

void Reviewer::judge(LiveConnection& one, Cause cause) {
  counters_.judged.add();
  const clientauth::Verdict verdict = one.connection.admission.standing(loop_.wall_now());
  one.judged_under = verdict.trust;
  if (passes(verdict)) {
    list_by_expiry(one);
    return one.connection.tell_admitted(verdict);
  }
  forget_expiry(one);
  one.standing = Standing::kToEnd;
  one.cause = static_cast<std::uint8_t>(cause);
  ++to_end_;
  if (!end_alarm_.armed()) loop_.timers().arm(end_alarm_, loop_.now());
}

void Reviewer::end_some() {
  for (unsigned ended = 0; to_end_ > 0; ++ended) {
    const std::chrono::milliseconds wait = ended < kEndedPerTurn ? rate_.take(loop_.now()) : event::TimerWheel::kTick;
    if (wait.count() > 0) return loop_.timers().arm(end_alarm_, loop_.in(wait));
    end(*next_to_end());
  }
}

LiveConnection* Reviewer::next_to_end() {
  for (int rounds = 0; rounds < 2;) {
    LiveConnection* const one = ending_.next();
    if (one == nullptr) {
      ending_.restart();
      ++rounds;
    } else if (one->standing == Standing::kToEnd) {
      return one;
    }
  }
  CHECK(false);
  return nullptr;
}

void Reviewer::end(LiveConnection& one) {
  --to_end_;
  proxy::ClientConnection& connection = one.connection;
  // While it waited for its turn the trust may have come back.
  connection.adopt(services_.snapshot);
  const clientauth::Verdict verdict = connection.admission.standing(loop_.wall_now());
  if (passes(verdict)) {
    one.standing = Standing::kJudged;
    return list_by_expiry(one);
  }
  one.standing = Standing::kEnded;
  one.ended_at = loop_.now();
  const Cause cause = static_cast<Cause>(one.cause);
  telemetry::Counter* const counters[] = {&counters_.trust, &counters_.expiry, &counters_.revocation};
  counters[one.cause]->add();
  telemetry::log_info("admission.ended", {{"connection", connection.id},
                                          {"client", connection.client.to_string()},
                                          {"listener", connection.listener->name},
                                          {"cause", to_string(cause)},
                                          {"code", verdict.reason_code},
                                          {"requests", connection.requests}});
  proxy::journal_ended(connection, verdict, services_);
  connection.tell_admitted(verdict);
  one.control.refuse();
}

void Reviewer::forget_expiry(LiveConnection& one) {
  if (one.expires == WallTime{}) return;
  expiring_.erase({one.expires, &one});
  one.expires = {};
}

void Reviewer::list_by_expiry(LiveConnection& one) {
  const WallTime ends = one.connection.admission.ends_at();
  if (ends == one.expires) return;
  forget_expiry(one);
  if (ends > loop_.wall_now() + kHorizon) return;
  one.expires = ends;
  expiring_.emplace(ends, &one);
  await_expiry();
}

void Reviewer::await_expiry() {
  if (expiring_.empty()) return;
  const auto left = std::max<std::chrono::milliseconds>(expiring_.begin()->first - loop_.wall_now(), {});
  loop_.timers().arm(expiry_alarm_, loop_.in(left));
}

void Reviewer::on_expiry() {
  const WallTime now = loop_.wall_now();
  for (unsigned judged = 0; judged < kEndedPerTurn && !expiring_.empty(); ++judged) {
    const auto [ends, one] = *expiring_.begin();
    if (ends > now) break;
    judge(*one, Cause::kExpiry);
  }
  await_expiry();
}

void Reviewer::on_sweep() {
  if (live_.empty()) return;
  loop_.timers().arm(sweep_alarm_, loop_.in(kSweep));
  Review sweep;
  sweep.cause = Cause::kExpiry;
  reviews_.push_back(std::move(sweep));
  begin_walk();
}

}  // namespace portcullis::server
