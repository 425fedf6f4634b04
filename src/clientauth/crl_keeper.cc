#include "clientauth/crl_keeper.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "telemetry/log.h"
#include "x509/sha256.h"

namespace portcullis::clientauth {
namespace {

using revocation::SignedCrl;
using telemetry::log_error;
using telemetry::log_info;
using telemetry::log_warn;

Digest watch_digest(const Digest& settings, const x509::CertificateList& authorities) {
  x509::Sha256Builder digest;
  digest.add_field(settings.view());
  for (const x509::Certificate& authority : authorities) digest.add_field(authority.der());
  return digest.finish();
}

}  // namespace

Digest settings_digest(const CrlSettings& settings) {
  x509::Sha256Builder digest;
  digest.add_field("portcullis crl 1").add_u64(settings.fetch ? 1 : 0);
  const std::set<std::string> files(settings.files.begin(), settings.files.end());
  for (const std::string& file : files) digest.add_field(file);
  return digest.finish();
}

std::shared_ptr<const CrlSlot> CrlKeeper::slot(const std::string& profile, const CrlSettings& settings,
                                               const x509::CertificateList& authorities) {
  const Digest digest = settings_digest(settings);
  Watched& watched = watched_[watch_digest(digest, authorities)];
  std::shared_ptr<CrlSlot> slot = watched.slot.lock();
  if (slot == nullptr) {
    slot = std::make_shared<CrlSlot>(digest);
    watched = Watched{profile, settings, authorities, slot, {}, {}};
    inherit(watched);
    if (!watched.fetched.empty()) publish(watched, *slot);
  }
  refresh(watched, *slot, true);
  return slot;
}

void CrlKeeper::forget_vanished() {
  for (auto& [settings, watched] : watched_) {
    const std::shared_ptr<CrlSlot> slot = watched.slot.lock();
    if (slot == nullptr) continue;
    bool whole = true;
    const std::vector<std::string> paths = internal::expand(watched.settings.files, &whole);
    if (!whole) continue;  // a directory that cannot be read is not an empty one
    const auto is_gone = [&paths](const auto& file) {
      return std::find(paths.begin(), paths.end(), file.first) == paths.end() || !internal::stamp_of(file.first);
    };
    if (std::erase_if(watched.files, is_gone) != 0) publish(watched, *slot);
  }
}

std::size_t CrlKeeper::look() {
  std::size_t changed = 0;
  for (auto at = watched_.begin(); at != watched_.end();) {
    const std::shared_ptr<CrlSlot> slot = at->second.slot.lock();
    if (slot == nullptr) {
      at = watched_.erase(at);
      continue;
    }
    if (refresh(at->second, *slot, false)) ++changed;
    ++at;
  }
  std::erase_if(known_, [](const auto& known) { return known.second.crl.expired(); });
  return changed;
}

bool CrlKeeper::refresh(Watched& watched, CrlSlot& slot, bool anew) {
  const std::vector<std::string> paths = internal::expand(watched.settings.files);
  bool changed = false;
  for (const std::string& path : paths) {
    const auto stamp = internal::stamp_of(path);
    const auto known = watched.files.find(path);
    if (!stamp) {
      if (anew)
        log_error("crl.refused", {{"profile", watched.profile},
                                  {"file", path},
                                  {"code", "crl.unreadable"},
                                  {"message",
                                   "there is no regular file that the gateway may read; put the list there, or mend "
                                   "revocation.crl in the host file"}});
      continue;
    }
    const bool tried = known != watched.files.end() && known->second.stamp == *stamp;
    if (tried && !(anew && known->second.lists.empty())) continue;
    File& file = watched.files[path];
    file.stamp = *stamp;
    auto lists = read(watched, path);
    if (!lists) {
      log_error("crl.refused", {{"profile", watched.profile},
                                {"file", path},
                                {"code", lists.error().code},
                                {"message", lists.error().message},
                                {"kept", file.lists.size()}});
      continue;
    }
    file.lists = with_those_in_force(std::move(*lists), file.lists);
    changed = true;
  }
  if (changed) publish(watched, slot);
  return changed;
}

CrlKeeper::Lists CrlKeeper::with_those_in_force(Lists lists, const Lists& old) const {
  Lists kept;
  std::copy_if(old.begin(), old.end(), std::back_inserter(kept), [&](const SignedCrl& before) {
    return std::any_of(lists.begin(), lists.end(),
                       [&](const SignedCrl& list) { return revocation::waits_behind(list, before, now()); });
  });
  std::move(kept.begin(), kept.end(), std::back_inserter(lists));
  return lists;
}

std::shared_ptr<const revocation::CrlIndex> CrlKeeper::index_of(const Watched& watched, bool tell) const {
  // A list that stands in several places is taken once.
  Lists lists;
  std::vector<telemetry::Field> origins;
  const auto add = [&](const Lists& from, std::string_view kind, const std::string& place) {
    for (const SignedCrl& list : from) {
      const bool twice =
          std::any_of(lists.begin(), lists.end(), [&](const SignedCrl& other) { return other.crl == list.crl; });
      if (twice) continue;
      lists.push_back(list);
      origins.emplace_back(kind, place);
    }
  };
  for (const auto& [url, fetched] : watched.fetched) add(fetched, "url", url);
  for (const auto& [path, file] : watched.files) add(file.lists, "file", path);
  revocation::CrlIndex::Unused unused;
  auto index = revocation::CrlIndex::build(lists, &unused, now());
  if (!tell) return index;
  for (const auto& one : unused) {
    log_warn("crl.unused", {{"profile", watched.profile},
                            origins[one.first],
                            {"code", one.second},
                            {"number", lists[one.first].crl->number.hex()}});
  }
  log_info("crl.loaded", {{"profile", watched.profile}, {"lists", index->lists()}, {"entries", index->entries()}});
  return index;
}

void CrlKeeper::publish(const Watched& watched, CrlSlot& slot) {
  slot.set(index_of(watched, true));
  news_ = true;
}

CrlKeeper::Encoded::Encoded(std::string bytes) : der(std::move(bytes)), digest(x509::sha256(der)) {}

Result<std::vector<SignedCrl>> CrlKeeper::read(const Watched& watched, const std::string& path) {
  auto bytes = internal::read_whole(path, limits_.bytes + limits_.bytes / 2);
  if (!bytes) return forward_error(bytes);
  auto encoded = revocation::read_crl_file(std::move(*bytes), limits_);
  if (!encoded) return forward_error(encoded);
  std::vector<SignedCrl> lists;
  for (std::string& der : *encoded) {
    auto list = verified(watched, Encoded(std::move(der)));
    if (!list) return forward_error(list);
    lists.push_back(std::move(*list));
  }
  return lists;
}

Result<SignedCrl> CrlKeeper::verified(const Watched& watched, const Encoded& list) {
  if (const auto known = known_.find(list.digest); known != known_.end()) {
    std::shared_ptr<const revocation::Crl> crl = known->second.crl.lock();
    const std::set<Digest>& signed_by = known->second.signed_by;
    const auto signer = std::find_if(
        watched.authorities.begin(), watched.authorities.end(),
        [&signed_by](const x509::Certificate& authority) { return signed_by.contains(authority.sha256()); });
    if (crl != nullptr && signer != watched.authorities.end()) return SignedCrl{std::move(crl), *signer};
  }
  auto parsed = revocation::parse_crl(list.der, limits_);
  if (!parsed) return forward_error(parsed);
  Error why{
      "crl.unknown_issuer",
      "no CA certificate of the profile has the name of the CRL's issuer; upload it in the trusted client CA file"};
  for (const x509::Certificate& authority : watched.authorities) {
    const auto checked = revocation::check_crl_signature(*parsed, authority);
    if (checked) {
      Known& known = known_[list.digest];
      std::shared_ptr<const revocation::Crl> crl = known.crl.lock();
      if (crl == nullptr) known.crl = crl = std::move(parsed->crl);
      known.signed_by.insert(authority.sha256());
      return SignedCrl{std::move(crl), authority};
    }
    if (checked.error().code != "crl.wrong_issuer") why = checked.error();
  }
  return tl::unexpected<Error>(std::move(why));
}

}  // namespace portcullis::clientauth
