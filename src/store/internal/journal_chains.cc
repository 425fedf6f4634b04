#include "store/internal/journal_chains.h"

#include "base/strings.h"
#include "store/internal/journal_schema.h"

namespace portcullis::store::internal {
namespace {

// Chains whose row is remembered, so that a known client costs no look-up.
constexpr std::size_t kKnownChains = 512;

}  // namespace

Result<void> JournalChains::prepare(DescribePeer describe) {
  describe_ = std::move(describe);
  return database_.prepare_all(
      {{&find_chain_, "SELECT id FROM chain WHERE digests=?"},
       {&insert_chain_,
        "INSERT INTO chain(digests,subject,issuer,serial,sha1,sha256,not_before,not_after) VALUES"
        "(?,?,?,?,?,?,?,?)"},
       {&link_certificate_, "INSERT INTO chain_certificate(chain,place,certificate) VALUES(?,?,?)"},
       {&find_certificate_, "SELECT id FROM certificate WHERE sha256=?"},
       {&insert_certificate_, "INSERT INTO certificate(sha256,der) VALUES(?,?)"},
       {&chain_in_use_, "SELECT 1 FROM entry WHERE chain=? LIMIT 1"},
       {&certificates_of_, "SELECT certificate FROM chain_certificate WHERE chain=?"},
       {&unlink_certificates_, "DELETE FROM chain_certificate WHERE chain=?"},
       {&drop_chain_, "DELETE FROM chain WHERE id=?"},
       {&drop_certificate_,
        "DELETE FROM certificate WHERE id=?1 AND NOT EXISTS"
        "(SELECT 1 FROM chain_certificate WHERE certificate=?1)"}});
}

Result<std::int64_t> JournalChains::store(const JournalCertificate& certificate) {
  find_certificate_.bind_blob(1, certificate.sha256);
  const auto found = find_certificate_.step();
  if (!found) return tl::unexpected<Error>(found.error());
  if (*found) {
    const std::int64_t id = find_certificate_.number(0);
    find_certificate_.reset();
    return id;
  }
  insert_certificate_.bind_blob(1, certificate.sha256).bind_blob(2, certificate.der);
  if (auto stored = insert_certificate_.run(); !stored) return forward_error(stored);
  return database_.last_id();
}

Result<std::int64_t> JournalChains::store(const JournalPeer& peer) {
  std::string digests;
  for (const JournalCertificate& certificate : peer.chain) digests += certificate.sha256;
  find_chain_.bind_blob(1, digests);
  const auto found = find_chain_.step();
  if (!found) return tl::unexpected<Error>(found.error());
  if (*found) {
    const std::int64_t id = find_chain_.number(0);
    find_chain_.reset();
    return id;
  }
  const std::string sha256 = hex_lower(peer.chain.front().sha256);
  insert_chain_.bind_blob(1, digests).bind_text(2, peer.subject).bind_text(3, peer.issuer).bind_text(4, peer.serial);
  insert_chain_.bind_text(5, peer.sha1).bind_text(6, sha256);
  insert_chain_.bind(7, milliseconds(peer.not_before)).bind(8, milliseconds(peer.not_after));
  if (auto stored = insert_chain_.run(); !stored) return forward_error(stored);
  const std::int64_t id = database_.last_id();
  for (std::size_t place = 0; place < peer.chain.size(); ++place) {
    auto certificate = store(peer.chain[place]);
    if (!certificate) return certificate;
    link_certificate_.bind(1, id).bind(2, static_cast<std::int64_t>(place)).bind(3, *certificate);
    if (auto linked = link_certificate_.run(); !linked) return forward_error(linked);
  }
  return id;
}

// The row of a note's chain; 0: it has none.
Result<std::int64_t> JournalChains::find_or_store(const JournalNote& note) {
  if (note.peer == nullptr || !describe_) return 0;
  const auto found = known_.find(note.peer.get());
  if (found != known_.end() && !found->second.peer.expired()) return found->second.chain;
  const JournalPeer peer = describe_(note.peer.get());
  if (peer.chain.empty()) return 0;
  auto chain = store(peer);
  if (!chain) return chain;
  if (known_.size() >= kKnownChains) known_.clear();
  known_[note.peer.get()] = {note.peer, *chain};
  return chain;
}

Result<void> JournalChains::forget_unused(std::int64_t chain) {
  chain_in_use_.bind(1, chain);
  const auto used = chain_in_use_.step();
  if (!used) return tl::unexpected<Error>(used.error());
  if (*used) {
    chain_in_use_.reset();
    return {};
  }
  std::vector<std::int64_t> certificates;
  certificates_of_.bind(1, chain);
  for (;;) {
    const auto row = certificates_of_.step();
    if (!row) return tl::unexpected<Error>(row.error());
    if (!*row) break;
    certificates.push_back(certificates_of_.number(0));
  }
  unlink_certificates_.bind(1, chain);
  if (auto done = unlink_certificates_.run(); !done) return done;
  drop_chain_.bind(1, chain);
  if (auto done = drop_chain_.run(); !done) return done;
  for (const std::int64_t certificate : certificates) {
    drop_certificate_.bind(1, certificate);
    if (auto done = drop_certificate_.run(); !done) return done;
  }
  std::erase_if(known_, [chain](const auto& item) { return item.second.chain == chain; });
  return {};
}

}  // namespace portcullis::store::internal
