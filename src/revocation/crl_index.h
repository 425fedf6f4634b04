// CrlIndex: what the revocation lists of one SSL profile say about a certificate. Built from verified lists on the
// control thread, then immutable and shared by workers: a new list means a new index, which shares the tables of the
// old lists. A list speaks for the certificates of the CA, by name and key, that signed it, and for no namesake of it.
#pragma once

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

struct CrlAnswer {
  enum class Status : std::uint8_t { kGood, kRevoked, kUndetermined };
  Status status = Status::kUndetermined;
  // Why undetermined: crl.missing (no list of the issuer covers the certificate), crl.expired, crl.not_yet_valid. Empty
  // otherwise.
  std::string_view reason = "crl.missing";
  // Of the list that was asked; meaningless where it is missing.
  WallTime this_update{};
  WallTime next_update{};
  RevokedEntry entry;  // where revoked
};

// As the access log and the journal spell it: "good", "revoked", "failed".
std::string_view summary(const CrlAnswer& answer);

struct SignedCrl {
  std::shared_ptr<const Crl> crl;
  x509::Certificate issuer;  // who signed it: check_crl_signature() passed
};

class CrlIndex {
 public:
  // `unused`, where given, gets the lists that say nothing here, each as an index into `lists` with the reason:
  // crl.superseded (a newer list of the same scope is there), crl.delta_without_base (no full list that it can add to).
  using Unused = std::vector<std::pair<std::size_t, std::string_view>>;
  static std::shared_ptr<const CrlIndex> build(const std::vector<SignedCrl>& lists, Unused* unused = nullptr);

  // `issuer` is the next certificate of the verified path. What was revoked stays so after nextUpdate (I26).
  CrlAnswer find(const x509::Certificate& certificate, const x509::Certificate& issuer, WallTime now) const;

  std::size_t lists() const { return lists_; }
  std::size_t entries() const { return entries_; }

 private:
  // One scope of one CA: its full list, and the newest delta to it.
  struct Scope {
    std::shared_ptr<const Crl> full;
    std::shared_ptr<const Crl> delta;
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
