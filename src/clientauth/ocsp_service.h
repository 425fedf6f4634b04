// OcspService: asks responders, on a thread of its own, and no certificate twice at one time: any number of connections
// of any worker wait for one fetch. Good answers are fetched anew ahead of their nextUpdate while a connection uses
// them; failures are remembered for seconds, longer the longer a responder has failed. want() is for any thread, the
// rest for the service's own. Must outlive its fetches: co_await finish() before destroying it.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "clientauth/internal/renewal.h"
#include "clientauth/ocsp_answers.h"
#include "event/loop.h"
#include "event/signal.h"
#include "event/task.h"
#include "revocation/ocsp_request.h"

namespace portcullis::clientauth {

// What became of one fetch: the content of a 200, or why there is none.
struct OcspFetched {
  std::optional<revocation::RevocationStatus> failure;
  std::string body;
};

struct OcspCounts {
  std::uint64_t queries = 0;    // sent
  std::uint64_t refreshes = 0;  // of them: ahead of need
  std::uint64_t shared = 0;     // that joined a query under way
  std::uint64_t recalled = 0;   // answered by what was saved, without a query
};

class OcspService {
 public:
  using Fetch = std::function<event::Task<OcspFetched>(revocation::OcspRequest, event::Deadline)>;
  using Reply = std::function<void(std::shared_ptr<const OcspAnswer>)>;
  // What each query heard, and each certificate that turned out to be revoked and was not known to be.
  using Observer = std::function<void(const OcspAnswer&)>;
  // A signed answer as it came, for those who keep it; beside it what they need to know of it.
  struct Saved {
    std::string response;
    bool revoked = false;  // it says so; otherwise good
    WallTime this_update{};
    WallTime heard_at{};
    WallTime until{};  // how long it is of use
  };
  // What outlives the process, by OcspQuery::key. Both are called on the service's thread and may wait for a disk.
  // Nothing rests on the store's honesty: what it gives back is checked like any other answer. It must not let an older
  // good answer take the place of a revoked one.
  struct Memory {
    std::function<void(const Digest& key, Saved answer)> save;
    std::function<std::optional<Saved>(const Digest& key)> load;
  };

  OcspService(event::Loop& loop, OcspAnswers& answers, Fetch fetch);
  OcspService(const OcspService&) = delete;
  OcspService& operator=(const OcspService&) = delete;

  // Before anything is asked, or on the service's thread. Called on the service's thread.
  void on_answer(Observer observer) { on_answer_ = std::move(observer); }
  void on_revoked(Observer observer) { on_revoked_ = std::move(observer); }
  void remember_by(Memory memory) { memory_ = std::move(memory); }

  // Any thread. `reply` is called once, on the service's thread, within the query's timeout.
  void want(std::shared_ptr<const OcspQuery> query, Reply reply);

  // Asks no more; done once every fetch has ended.
  event::Task<void> finish();

  OcspAnswers& answers() { return answers_; }
  const OcspCounts& counts() const { return counts_; }

 private:
  struct Flight {
    std::vector<Reply> waiting;
  };
  struct Responder {
    unsigned failures = 0;  // in a row
  };
  void start(std::shared_ptr<const OcspQuery> query, Reply reply);
  event::Task<void> fly(std::shared_ptr<const OcspQuery> query);
  // What a query brought, and what of it is worth saving.
  struct Heard {
    revocation::RevocationStatus status;
    std::string response;              // empty: nothing to save
    bool fetched = false;              // a responder was asked
    bool was_revoked = false;          // by what was saved
    std::optional<WallTime> heard_at;  // before this process began; else now
  };
  struct Recalled {
    revocation::RevocationStatus status;
    WallTime heard_at{};
  };
  event::Task<Heard> ask(const OcspQuery& query);
  std::optional<Recalled> recall(const OcspQuery& query) const;
  // `takes_back`: that the certificate was revoked is known, and no longer so.
  void save(const OcspQuery& query, Heard heard, bool takes_back) const;
  std::shared_ptr<const OcspAnswer> settle(const std::shared_ptr<const OcspQuery>& query, Heard heard,
                                           std::chrono::milliseconds latency);
  std::chrono::milliseconds failure_memory(const OcspQuery& query) const;
  void note(const OcspQuery& query, const revocation::RevocationStatus& status);
  // False: too much is under way.
  bool refresh(const std::shared_ptr<const OcspAnswer>& answer);
  std::string make_nonce();

  event::Loop& loop_;
  OcspAnswers& answers_;
  Fetch fetch_;
  Observer on_answer_, on_revoked_;
  Memory memory_;
  std::unordered_map<Digest, Flight, DigestHash> flights_;
  std::map<std::string, Responder> failing_;  // by URL; only those that fail
  internal::RenewalQueue<const OcspAnswer> refreshes_;
  event::Signal landed_;
  OcspCounts counts_;
  bool finishing_ = false;
};

}  // namespace portcullis::clientauth
