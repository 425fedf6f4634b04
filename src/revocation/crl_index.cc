#include "revocation/crl_index.h"

#include <algorithm>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/check.h"
#include "revocation/crl_points.h"
#include "revocation/ocsp_response.h"

namespace portcullis::revocation {
namespace {

constexpr std::uint8_t kRemoveFromCrl = 8;

Digest key_of(const x509::Certificate& certificate) {
  Digest digest;
  unsigned int size = 0;
  CHECK(X509_pubkey_digest(certificate.native(), EVP_sha256(), digest.bytes.data(), &size) == 1);
  return digest;
}

// The content of the serial number's DER INTEGER; empty where it is longer than any list may hold.
std::string serial_of(const x509::Certificate& certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate.native());
  const int size = i2d_ASN1_INTEGER(serial, nullptr);
  // Tag and one byte of length.
  if (size < 3 || static_cast<std::size_t>(size) > 2 + SerialTable::kMaxSerial) return {};
  std::string der(static_cast<std::size_t>(size), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  i2d_ASN1_INTEGER(serial, &at);
  return der.substr(2);
}

bool covers(const CrlScope& scope, const x509::Certificate& certificate) {
  if (scope.users_only && certificate.is_ca()) return false;
  if (scope.cas_only && !certificate.is_ca()) return false;
  if (scope.points.empty()) return true;
  const CrlPoints named = crl_points(certificate);
  return std::any_of(named.names.begin(), named.names.end(), [&scope](const std::string& name) {
    return std::find(scope.points.begin(), scope.points.end(), name) != scope.points.end();
  });
}

// Empty where the list is in force.
std::string_view trouble_with_dates(const Crl& crl, WallTime now) {
  if (is_ahead(crl, now)) return "crl.not_yet_valid";
  if (is_expired(crl, now)) return "crl.expired";
  return {};
}

bool same_scope(const SignedCrl& a, const SignedCrl& b) {
  return a.crl->scope_der == b.crl->scope_der && is_same_ca(a.issuer, b.issuer);
}

// The newest of `lists` at `among`; npos where there is none.
constexpr std::size_t kNone = static_cast<std::size_t>(-1);
template <class Fits>
std::size_t newest(const std::vector<SignedCrl>& lists, const std::vector<std::size_t>& among, Fits fits) {
  std::size_t best = kNone;
  for (const std::size_t at : among) {
    if (!fits(*lists[at].crl)) continue;
    if (best == kNone || is_newer(*lists[at].crl, *lists[best].crl)) best = at;
  }
  return best;
}

}  // namespace

bool is_same_ca(const x509::Certificate& a, const x509::Certificate& b) {
  return x509::same_subject(a, b) && key_of(a) == key_of(b);
}

bool same_kind(const SignedCrl& a, const SignedCrl& b) {
  return a.crl->base.has_value() == b.crl->base.has_value() && same_scope(a, b);
}

bool is_newer(const Crl& a, const Crl& b) {
  if (a.number == b.number) return a.this_update > b.this_update;
  return b.number < a.number;
}

bool waits_behind(const SignedCrl& list, const SignedCrl& old, WallTime now) {
  return same_kind(list, old) && is_newer(*list.crl, *old.crl) && is_ahead(*list.crl, now) &&
         is_in_force(*old.crl, now);
}

bool is_expired(const Crl& crl, WallTime now) { return now > crl.next_update + kClockSkew; }

bool is_ahead(const Crl& crl, WallTime now) { return crl.this_update - kClockSkew > now; }

bool is_in_force(const Crl& crl, WallTime now) { return trouble_with_dates(crl, now).empty(); }

bool wants_list(const CrlAnswer& answer) { return answer.reason == "crl.missing" || answer.reason == "crl.expired"; }

std::string_view reason_of(const CrlAnswer& answer) {
  return answer.failure == nullptr ? answer.reason : answer.failure->reason;
}

std::string_view summary(const CrlAnswer& answer) {
  if (!answer.reason.empty()) return "failed";
  return answer.status == CrlAnswer::Status::kRevoked ? "revoked" : "good";
}

std::shared_ptr<const CrlIndex> CrlIndex::build(const std::vector<SignedCrl>& lists, Unused* unused, WallTime now) {
  auto index = std::make_shared<CrlIndex>();
  std::vector<bool> seen(lists.size(), false);
  for (std::size_t first = 0; first < lists.size(); ++first) {
    if (seen[first]) continue;
    std::vector<std::size_t> group;
    for (std::size_t other = first; other < lists.size(); ++other) {
      if (seen[other] || !same_scope(lists[first], lists[other])) continue;
      seen[other] = true;
      group.push_back(other);
    }
    std::vector<std::size_t> taken;
    // A full list with the newest delta to it. RFC 5280 §5.2.4: it is not older than the delta's base, and older than
    // the delta.
    const auto scope_of = [&](std::size_t full) {
      const auto adds = [&](const Crl& crl) {
        return crl.base && !(lists[full].crl->number < *crl.base) && lists[full].crl->number < crl.number;
      };
      const std::size_t delta = newest(lists, group, adds);
      taken.push_back(full);
      taken.push_back(delta);
      return Scope{lists[full].crl, delta == kNone ? nullptr : lists[delta].crl, lists[full].origin, nullptr};
    };
    const std::size_t full = newest(lists, group, [](const Crl& crl) { return !crl.base.has_value(); });
    if (full != kNone) {
      Scope scope = scope_of(full);
      const auto in_force = [now](const Crl& crl) { return !crl.base && is_in_force(crl, now); };
      const std::size_t before = is_ahead(*scope.full, now) ? newest(lists, group, in_force) : kNone;
      if (before != kNone) {
        scope.before = std::make_shared<const Scope>(scope_of(before));
        if (unused != nullptr) unused->emplace_back(full, "crl.not_yet_valid");
      }
      index->add(lists[first].issuer, std::move(scope));
    }
    for (const std::size_t at : group) {
      if (unused == nullptr || std::find(taken.begin(), taken.end(), at) != taken.end()) continue;
      const Crl& crl = *lists[at].crl;
      const bool stray = crl.base && (full == kNone || lists[full].crl->number < *crl.base);
      unused->emplace_back(at, stray ? "crl.delta_without_base" : "crl.superseded");
    }
  }
  return index;
}

void CrlIndex::add(const x509::Certificate& issuer, Scope scope) {
  for (const Scope* part = &scope; part != nullptr; part = part->before.get()) {
    for (const auto* crl : {part->full.get(), part->delta.get()}) {
      if (crl == nullptr) continue;
      ++lists_;
      entries_ += crl->entries.size();
    }
  }
  const auto range = authorities_.equal_range(key_of(issuer));
  for (auto at = range.first; at != range.second; ++at) {
    if (!x509::same_subject(at->second.certificate, issuer)) continue;
    at->second.scopes.push_back(std::move(scope));
    return;
  }
  Authority made{issuer, {}};
  made.scopes.push_back(std::move(scope));
  authorities_.emplace(key_of(issuer), std::move(made));
}

const CrlIndex::Authority* CrlIndex::authority_of(const x509::Certificate& issuer) const {
  const auto range = authorities_.equal_range(key_of(issuer));
  for (auto at = range.first; at != range.second; ++at) {
    if (x509::same_subject(at->second.certificate, issuer)) return &at->second;
  }
  return nullptr;
}

const CrlIndex::Scope& CrlIndex::Scope::asked(std::string_view serial, WallTime now) const {
  const bool waits = before != nullptr && is_ahead(*full, now) && is_in_force(*before->full, now);
  return waits && !find(serial, now) ? *before : *this;
}

std::optional<RevokedEntry> CrlIndex::Scope::find(std::string_view serial, WallTime now) const {
  if (delta != nullptr) {
    const auto entry = delta->entries.find(serial);
    if (entry && entry->reason != kRemoveFromCrl) return entry;
    // A delta whose time has passed releases nobody: another may have come since.
    if (entry && trouble_with_dates(*delta, now).empty()) return std::nullopt;
  }
  return full->entries.find(serial);
}

CrlAnswer CrlIndex::find(const x509::Certificate& certificate, const x509::Certificate& issuer, WallTime now) const {
  CrlAnswer answer;
  const Authority* authority = authority_of(issuer);
  if (authority == nullptr) return answer;
  const std::string serial = serial_of(certificate);
  for (const Scope& newest : authority->scopes) {
    if (!covers(newest.full->scope, certificate)) continue;
    const Scope& scope = newest.asked(serial, now);
    const std::string_view trouble = trouble_with_dates(*scope.full, now);
    const auto entry = scope.find(serial, now);
    if (answer.status != CrlAnswer::Status::kGood || entry) {
      answer.this_update = scope.full->this_update;
      answer.next_update = scope.full->next_update;
      answer.origin = scope.origin;
    }
    if (entry) {
      answer.status = CrlAnswer::Status::kRevoked;
      answer.reason = {};
      answer.entry = *entry;
      return answer;
    }
    if (answer.status == CrlAnswer::Status::kGood) continue;
    answer.status = trouble.empty() ? CrlAnswer::Status::kGood : CrlAnswer::Status::kUndetermined;
    answer.reason = trouble;
  }
  // No list can hold such a number, so none can clear it.
  if (serial.empty() && answer.status == CrlAnswer::Status::kGood) {
    answer.status = CrlAnswer::Status::kUndetermined;
    answer.reason = "crl.missing";
  }
  return answer;
}

}  // namespace portcullis::revocation
