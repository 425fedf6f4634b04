// CrlIndex: what the revocation lists of one SSL profile say about a certificate. Built from verified lists on the
// control thread, then immutable and shared by workers: a new list means a new index, which shares the tables of the
// old lists. A list speaks for the certificates of the CA, by name and key, that signed it, and for no namesake of it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "revocation/crl.h"

namespace portcullis::revocation {

// A URL that lists are fetched from. Shared between threads.
struct CrlUrl {
  explicit CrlUrl(std::string at) : url(std::move(at)) {}
  const std::string url;
  mutable std::atomic<bool> used{false};  // somebody was judged by its lists
};

// The fetch that brought a list. Immutable; shared between threads.
struct CrlOrigin {
  std::shared_ptr<const CrlUrl> from;  // never null
  WallTime fetched_at{};
  std::chrono::milliseconds latency{0};
};

// Why a list that was to be fetched is not there: crl.timeout …. Immutable; shared between threads.
struct CrlFetchFailure {
  std::string_view reason;
  std::string url;
  std::string detail;  // for people
};

struct CrlAnswer {
  enum class Status : std::uint8_t { kGood, kRevoked, kUndetermined };
  Status status = Status::kUndetermined;
  // Why undetermined: crl.missing (no list of the issuer covers the certificate), crl.expired, crl.not_yet_valid. Empty
  // otherwise.
  std::string_view reason = "crl.missing";
  // Of the list that was asked; meaningless where it is missing.
  WallTime this_update{};
  WallTime next_update{};
  RevokedEntry entry;                       // where revoked
  std::shared_ptr<const CrlOrigin> origin;  // of the list; null: a file
  // Where the list is missing or expired and fetching one failed: why. Null otherwise.
  std::shared_ptr<const CrlFetchFailure> failure;
};

// A newer list, if there is one, could tell.
bool wants_list(const CrlAnswer& answer);

// As the access log and the journal spell it: "good", "revoked", "failed".
std::string_view summary(const CrlAnswer& answer);
// The reason that they give: of the fetch where one failed. Empty where the answer is good or revoked.
std::string_view reason_of(const CrlAnswer& answer);

struct SignedCrl {
  std::shared_ptr<const Crl> crl;
  x509::Certificate issuer;                 // who signed it: check_crl_signature() passed
  std::shared_ptr<const CrlOrigin> origin;  // null: a file
};

// By name and key: a certificate of its own that a CA has renewed is the same CA's.
bool is_same_ca(const x509::Certificate& a, const x509::Certificate& b);
// Whether both are full lists, or both deltas, of one scope of one CA: the newer one takes the place of the other.
bool same_kind(const SignedCrl& a, const SignedCrl& b);
// The number decides; between two of one number, the date.
bool is_newer(const Crl& a, const Crl& b);
// Whether `list` is a newer one of the same kind, but does not take the place of `old` yet: it is ahead of the clock,
// and the old one in force.
bool waits_behind(const SignedCrl& list, const SignedCrl& old, WallTime now);
// Its time has passed, or has not yet come, with a clock's tolerance.
bool is_expired(const Crl& crl, WallTime now);
bool is_ahead(const Crl& crl, WallTime now);
bool is_in_force(const Crl& crl, WallTime now);

class CrlIndex {
 public:
  // `unused`, where given, gets the lists that clear nobody here, each as an index into `lists` with the reason:
  // crl.superseded (a newer list of the same scope is there), crl.delta_without_base (no full list that it can add to),
  // crl.not_yet_valid (it is ahead of `now`, and takes the place of the one in force when its time has come).
  using Unused = std::vector<std::pair<std::size_t, std::string_view>>;
  static std::shared_ptr<const CrlIndex> build(const std::vector<SignedCrl>& lists, Unused* unused = nullptr,
                                               WallTime now = WallTime::max());

  // `issuer` is the next certificate of the verified path. What was revoked stays so after nextUpdate (I26), and is
  // from the moment on that a list is known, whatever its thisUpdate.
  CrlAnswer find(const x509::Certificate& certificate, const x509::Certificate& issuer, WallTime now) const;

  std::size_t lists() const { return lists_; }
  std::size_t entries() const { return entries_; }

 private:
  // One scope of one CA: its full list, and the newest delta to it.
  struct Scope {
    std::shared_ptr<const Crl> full;
    std::shared_ptr<const Crl> delta;
    std::shared_ptr<const CrlOrigin> origin;  // of the full list
    std::shared_ptr<const Scope> before;      // what was in force when these were still ahead; null: nothing
    // Which of both is to be asked about this number: these, until whose time what is before clears whom it clears.
    const Scope& asked(std::string_view serial, WallTime now) const;
    std::optional<RevokedEntry> find(std::string_view serial, WallTime now) const;
  };
  struct Authority {
    x509::Certificate certificate;
    std::vector<Scope> scopes;
  };
  const Authority* authority_of(const x509::Certificate& issuer) const;
  void add(const x509::Certificate& issuer, Scope scope);

  std::unordered_multimap<Digest, Authority, DigestHash> authorities_;  // by public key
  std::size_t lists_ = 0;
  std::size_t entries_ = 0;
};

}  // namespace portcullis::revocation
