#include "clientauth/ocsp_service.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "revocation/ocsp_response.h"

namespace portcullis::clientauth {

using event::Deadline;
using event::Task;
using revocation::Outcome;
using revocation::RevocationStatus;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t kMostFailing = 4'096;  // responders that are remembered as failing
// How long an answer that nobody else may have counts for the connections that waited for it.
constexpr milliseconds kUncachedHold{10'000};
constexpr std::size_t kMostRefreshing = 256;  // fetches under way beyond which refreshes wait
constexpr std::size_t kMostRefreshes = 262'144;

// Revoked answers are saved for longer than any client's certificate should last.
constexpr std::chrono::hours kRevokedKept{24 * 400};

// Nothing newer has to be asked for.
bool holds(const RevocationStatus& status, WallTime now) {
  const bool said = status.outcome == Outcome::kGood || status.outcome == Outcome::kRevoked;
  return said && status.answer->next_update && now < *status.answer->next_update;
}

bool is_unavailability(Outcome outcome) {
  return outcome == Outcome::kUnreachable || outcome == Outcome::kTimeout || outcome == Outcome::kHttpStatus ||
         outcome == Outcome::kTryLater;
}

// Someone has asked for it since it came, or a connection holds it (besides the caller and the table) or one before it.
bool in_use(const std::shared_ptr<const OcspAnswer>& answer) {
  return answer->used.load(std::memory_order_relaxed) || answer.use_count() > 2 || answer->interest.use_count() > 1;
}

}  // namespace

OcspService::OcspService(event::Loop& loop, OcspAnswers& answers, Fetch fetch)
    : loop_(loop),
      answers_(answers),
      fetch_(std::move(fetch)),
      refreshes_(loop, kMostRefreshes,
                 [this](const std::shared_ptr<const OcspAnswer>& answer) { return refresh(answer); }),
      landed_(loop) {}

void OcspService::want(std::shared_ptr<const OcspQuery> query, Reply reply) {
  loop_.post([this, query = std::move(query), reply = std::move(reply)]() mutable {
    start(std::move(query), std::move(reply));
  });
}

void OcspService::start(std::shared_ptr<const OcspQuery> query, Reply reply) {
  // It may have come since the worker looked.
  if (auto known = answers_.find(query->key, loop_.wall_now())) return reply(std::move(known));
  const auto [flight, is_new] = flights_.try_emplace(query->key);
  flight->second.waiting.push_back(std::move(reply));
  if (is_new) {
    event::spawn(fly(std::move(query)));
  } else {
    ++counts_.shared;
  }
}

Task<void> OcspService::fly(std::shared_ptr<const OcspQuery> query) {
  const MonoTime began = loop_.now();
  Heard heard = co_await ask(*query);
  const auto answer = settle(query, std::move(heard), loop_.now() - began);
  const auto flight = flights_.find(query->key);
  const std::vector<Reply> waiting = std::move(flight->second.waiting);
  flights_.erase(flight);
  for (const Reply& reply : waiting) reply(answer);
  landed_.notify();
}

std::string OcspService::make_nonce() {
  std::string nonce(32, '\0');
  std::random_device device;
  for (std::size_t at = 0; at < nonce.size(); at += sizeof(unsigned)) {
    const unsigned word = device();
    std::memcpy(nonce.data() + at, &word, sizeof word);
  }
  return nonce;
}

std::optional<OcspService::Recalled> OcspService::recall(const OcspQuery& query) const {
  if (!memory_.load || answers_.last(query.key) != nullptr) return std::nullopt;
  const std::optional<Saved> saved = memory_.load(query.key);
  if (!saved) return std::nullopt;
  RevocationStatus status = revocation::check_ocsp_response(saved->response, query.id, query.issuer, loop_.wall_now());
  if (!status.answer && saved->revoked) {
    // The certificate of a delegate that signed it may live for days, and what it says for as long as the client's
    // does. For this word only it is taken as of the moment that it was heard.
    status = revocation::check_ocsp_response(saved->response, query.id, query.issuer, saved->heard_at);
    if (status.outcome != Outcome::kRevoked) return std::nullopt;
  }
  if (!status.answer) return std::nullopt;
  return Recalled{std::move(status), std::min(saved->heard_at, loop_.wall_now())};
}

void OcspService::save(const OcspQuery& query, Heard heard, bool takes_back) const {
  const auto& answer = heard.status.answer;
  if (!memory_.save || heard.response.empty() || !answer) return;
  Saved saved;
  saved.response = std::move(heard.response);
  saved.this_update = answer->this_update;
  saved.heard_at = loop_.wall_now();
  if (heard.status.outcome == Outcome::kRevoked) {
    saved.revoked = true;
    saved.until = saved.heard_at + kRevokedKept;
  } else if (heard.status.outcome == Outcome::kGood && (answer->next_update || takes_back)) {
    saved.until = answer->next_update.value_or(answer->this_update);
  } else {
    return;
  }
  memory_.save(query.key, std::move(saved));
}

Task<OcspService::Heard> OcspService::ask(const OcspQuery& query) {
  Heard heard;
  if (query.responder.empty()) {
    heard.status = revocation::failed(Outcome::kNoResponder, "the certificate names no responder");
    co_return heard;
  }
  if (finishing_) {
    heard.status = revocation::failed(Outcome::kUnreachable, "the gateway is ending");
    co_return heard;
  }
  const std::optional<Recalled> saved = recall(query);
  heard.was_revoked = saved && saved->status.outcome == Outcome::kRevoked;
  if (saved && holds(saved->status, loop_.wall_now())) {
    ++counts_.recalled;
    heard.status = saved->status;
    heard.heard_at = saved->heard_at;
    co_return heard;
  }
  ++counts_.queries;
  heard.fetched = true;
  const std::string nonce = query.nonce ? make_nonce() : std::string();
  revocation::OcspRequest request = revocation::make_ocsp_request(query.id, query.responder, nonce);
  const Deadline deadline = loop_.in(query.timeout);
  OcspFetched fetched = co_await fetch_(std::move(request), deadline);
  if (fetched.failure) {
    heard.status = std::move(*fetched.failure);
  } else {
    heard.status = revocation::check_ocsp_response(fetched.body, query.id, query.issuer, loop_.wall_now(), nonce);
    heard.response = std::move(fetched.body);
  }
  // What was known before this process began is known all the same.
  if (saved) {
    const Outcome fresh = heard.status.outcome;
    heard.status = revocation::merged(saved->status, std::move(heard.status), loop_.wall_now());
    // What is believed is not what came: it must not take the place of what was saved.
    if (heard.status.outcome != fresh) heard.response.clear();
  }
  co_return heard;
}

void OcspService::note(const OcspQuery& query, const RevocationStatus& status) {
  if (!is_unavailability(status.outcome)) {
    failing_.erase(query.responder);
  } else if (failing_.size() < kMostFailing || failing_.contains(query.responder)) {
    ++failing_[query.responder].failures;
  }
}

milliseconds OcspService::failure_memory(const OcspQuery& query) const {
  const auto found = failing_.find(query.responder);
  return internal::failure_memory(found == failing_.end() ? 1 : found->second.failures);
}

std::shared_ptr<const OcspAnswer> OcspService::settle(const std::shared_ptr<const OcspQuery>& query, Heard heard,
                                                      milliseconds latency) {
  const WallTime now = loop_.wall_now();
  RevocationStatus status = heard.status;
  if (heard.fetched) note(*query, status);
  const auto known = answers_.last(query->key);
  auto answer = std::make_shared<OcspAnswer>();
  answer->query = query;
  answer->fetched_at = heard.heard_at.value_or(now);
  answer->latency = latency;
  answer->interest = known == nullptr ? std::make_shared<const int>(0) : known->interest;
  const bool was_revoked = known != nullptr && known->status.outcome == Outcome::kRevoked;
  const Outcome fetched = status.outcome;
  answer->status = known == nullptr ? std::move(status) : revocation::merged(known->status, std::move(status), now);

  const Outcome outcome = answer->status.outcome;
  const WallTime remembered = now + failure_memory(*query);
  const WallTime next = answer->status.answer ? answer->status.answer->next_update.value_or(now) : now;
  switch (outcome) {
    case Outcome::kGood:
      answer->usable_until = std::max(next, now);
      answer->holds_until = next > now ? next : now + kUncachedHold;
      break;
    case Outcome::kRevoked:
      answer->usable_until = answer->holds_until = std::max(next, remembered);
      break;
    default:
      answer->usable_until = answer->holds_until = remembered;
  }
  if (known != nullptr && outcome == Outcome::kGood && fetched != Outcome::kGood) {
    // Nothing newer could be had.
    answer->fetched_at = known->fetched_at;
    answer->latency = known->latency;
  }
  answers_.put(answer);
  if (outcome == Outcome::kGood && next > now) refreshes_.add(answer, refreshes_.ahead(next - now));
  if (on_answer_ && heard.fetched) {
    OcspAnswer said;  // which is not always what is known
    said.query = query;
    said.latency = latency;
    said.status = heard.status;
    on_answer_(said);
  }
  const bool takes_back = was_revoked || heard.was_revoked;
  if (outcome == fetched) save(*query, std::move(heard), takes_back);
  if (outcome == Outcome::kRevoked && !was_revoked && on_revoked_) on_revoked_(*answer);
  return answer;
}

bool OcspService::refresh(const std::shared_ptr<const OcspAnswer>& answer) {
  if (flights_.size() >= kMostRefreshing) return false;
  if (answer->superseded.load(std::memory_order_relaxed) || !in_use(answer)) return true;
  if (!flights_.try_emplace(answer->query->key).second) return true;
  ++counts_.refreshes;
  event::spawn(fly(answer->query));
  return true;
}

Task<void> OcspService::finish() {
  finishing_ = true;
  refreshes_.close();
  while (!flights_.empty()) co_await landed_.wait(event::kNoDeadline);
}

}  // namespace portcullis::clientauth
