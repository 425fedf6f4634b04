// compile(): gateways and the host file → Snapshot. Runs on the control thread. Everything that is wrong is reported
// together, each finding with its JSON pointer; on any error there is no snapshot, and what was running goes on.
#pragma once

#include <map>
#include <memory>
#include <span>

#include "clientauth/crl_keeper.h"
#include "model/finding.h"
#include "model/gateway.h"
#include "snapshot/snapshot.h"
#include "upstream/membership_keeper.h"

namespace portcullis::snapshot {

// What outlives a snapshot and is handed on to the next: owned by server/, touched by the control thread only.
class Carryover {
 public:
  explicit Carryover(upstream::MembershipKeeper& keeper) : keeper_(keeper) {}

  std::shared_ptr<tls::SessionStore> session_store(const Endpoint& address);
  std::shared_ptr<const upstream::Membership> membership(const model::BackendAddressPool& pool) {
    return keeper_.adopt(pool);
  }
  // Keys of stateless session tickets where no file gives them: a reload keeps them, a restart does not.
  const std::shared_ptr<tls::TicketKeys>& ticket_keys() const { return ticket_keys_; }
  const std::shared_ptr<clientauth::ChainCache>& known_chains() const { return known_chains_; }
  clientauth::CrlKeeper& lists() { return lists_; }
  // What OCSP responders said; any thread may ask these themselves.
  const std::shared_ptr<clientauth::OcspAnswers>& ocsp_answers() const { return ocsp_answers_; }
  // Forgets what belongs to addresses and to trust that `snapshot` no longer has.
  void keep_only(const Snapshot& snapshot);
  std::uint64_t next_generation() { return ++generation_; }

 private:
  upstream::MembershipKeeper& keeper_;
  std::map<Endpoint, std::shared_ptr<tls::SessionStore>> stores_;
  std::shared_ptr<tls::TicketKeys> ticket_keys_ = tls::TicketKeys::of_this_process();
  std::shared_ptr<clientauth::ChainCache> known_chains_ = std::make_shared<clientauth::ChainCache>();
  clientauth::CrlKeeper lists_;
  std::shared_ptr<clientauth::OcspAnswers> ocsp_answers_ = std::make_shared<clientauth::OcspAnswers>();
  std::uint64_t generation_ = 0;
};

// Null exactly when `findings` has an error afterwards. `carryover` may be null: then the result is only good for
// checking (pools have no members).
std::shared_ptr<const Snapshot> compile(std::span<const model::Gateway* const> gateways, const model::HostConfig& host,
                                        Carryover* carryover, model::Findings& findings);

// What one listener asks of its clients, as compile() has it, without its server certificate. Null where nobody is
// asked for a certificate, and where `findings` got an error. The gateway has passed validate(). `lists` reads the
// revocation lists of the listener's profile; null: its slot stays empty, which clears nobody.
std::shared_ptr<const clientauth::Verifier> compile_client_auth(const model::Gateway& gateway,
                                                                const model::HttpListener& listener,
                                                                const model::HostConfig& host,
                                                                model::Findings& findings,
                                                                clientauth::CrlKeeper* lists = nullptr);

}  // namespace portcullis::snapshot
