// SessionStore: server-side TLS sessions, shared by the workers of one bind address. The client holds nothing but a
// random id, so a session can be forgotten. Bounded: the oldest entry of a full shard gives way. Sharded, and locked
// for a look-up only. Thread-safe.
#pragma once

#include <array>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/digest.h"
#include "tls/peer.h"

typedef struct ssl_session_st SSL_SESSION;

namespace portcullis::tls {

// A counted reference to an SSL_SESSION.
class SessionRef {
 public:
  SessionRef() = default;
  // Takes over the caller's reference.
  explicit SessionRef(SSL_SESSION* owned) : native_(owned) {}
  SessionRef(SessionRef&& other) noexcept : native_(std::exchange(other.native_, nullptr)) {}
  SessionRef& operator=(SessionRef&& other) noexcept {
    std::swap(native_, other.native_);
    return *this;
  }
  ~SessionRef();
  SSL_SESSION* native() const { return native_; }
  SSL_SESSION* release() { return std::exchange(native_, nullptr); }
  SessionRef share() const;

 private:
  SSL_SESSION* native_ = nullptr;
};

struct StoredSession {
  SessionRef session;
  Digest session_digest;  // the policy it was made under (I1, I2)
  std::shared_ptr<const PeerState> peer;
  WallTime original{};  // time of the original full handshake: immutable across resumptions (I3)
};

class SessionStore {
 public:
  // `capacity`: sessions held at most; `bytes`: what they and their peers may weigh together.
  explicit SessionStore(std::size_t capacity = 20'480, std::size_t bytes = 128U << 20U);

  void put(std::string_view id, StoredSession session);
  // Copies the entry out; with `forget` (a TLS 1.3 ticket is good for one use, RFC 8446 §C.4) removes it as well. An
  // entry of another policy is not found.
  bool find(std::string_view id, const Digest& session_digest, bool forget, StoredSession& out);
  void remove(std::string_view id);
  std::size_t size() const;

 private:
  static constexpr std::size_t kShards = 16;
  struct Entry {
    std::string id;
    StoredSession stored;
    std::size_t weight;
  };
  using Entries = std::list<Entry>;
  struct Shard {
    mutable std::mutex mutex;
    Entries entries;  // oldest first
    std::unordered_map<std::string_view, Entries::iterator> by_id;
    std::size_t weight = 0;  // of all entries
  };
  static void erase(Shard& shard, Entries::iterator entry);
  Shard& shard_of(std::string_view id) { return shards_[std::hash<std::string_view>{}(id) % kShards]; }

  std::size_t per_shard_;
  std::size_t bytes_per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace portcullis::tls
