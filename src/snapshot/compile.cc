#include "snapshot/compile.h"

#include <algorithm>
#include <set>

#include "snapshot/internal/compile_sessions.h"
#include "snapshot/internal/compile_tls.h"

namespace portcullis::snapshot {

std::shared_ptr<tls::SessionStore> Carryover::session_store(const Endpoint& address) {
  auto& store = stores_[address];
  if (store == nullptr) store = std::make_shared<tls::SessionStore>();
  return store;
}

void Carryover::keep_only(const Snapshot& snapshot) {
  std::erase_if(stores_, [&](const auto& entry) { return snapshot.find(entry.first) == nullptr; });
  std::set<Digest> trusts;
  for (const auto& address : snapshot.addresses) {
    for (const Listener& listener : address->listeners) trusts.insert(listener.trust);
  }
  known_chains_->keep_only(trusts);
}

namespace {

using model::Findings;

// An address while its listeners are being gathered.
struct Draft {
  std::unique_ptr<Address> address;
  std::vector<routing::HostEntry> entries;
};

class Compiler {
 public:
  Compiler(const model::HostConfig& host, Carryover* carryover, Findings& findings)
      : host_(host),
        carryover_(carryover),
        findings_(findings),
        ticket_keys_(
            internal::compile_ticket_keys(host, carryover == nullptr ? nullptr : carryover->ticket_keys(), findings)) {}

  void add(const model::Gateway& gateway) {
    for (const model::HttpListener& listener : gateway.http_listeners) add_listener(gateway, listener);
  }

  void finish(Snapshot& snapshot) {
    for (auto& [endpoint, draft] : drafts_) {
      finish_address(draft);
      snapshot.addresses.push_back(std::move(draft.address));
    }
  }

 private:
  void add_listener(const model::Gateway& gateway, const model::HttpListener& source) {
    const model::FrontendPort* port = model::find_by_name(gateway.frontend_ports, source.frontend_port->name);
    std::optional<Rule> rule = compile_rule(gateway, source);
    if (!rule) return;  // not served before a rule references it, as on Azure
    const std::uint32_t priority = rule->priority;
    Listener listener;
    listener.name = source.name;
    listener.gateway = gateway.name;
    listener.resource_id = resource_id(gateway);
    listener.rule = std::move(rule);
    if (!source.host_name.empty()) listener.hosts.push_back(source.host_name);
    listener.hosts.insert(listener.hosts.end(), source.host_names.begin(), source.host_names.end());
    internal::ClientKnowledge known;
    if (carryover_ != nullptr) known = {carryover_->known_chains(), &carryover_->lists(), carryover_->ocsp_answers()};
    if (!internal::compile_tls(gateway, source, host_, known, listener, findings_)) return;
    for (const IpAddress& ip : host_.bind_addresses(source.frontend_ip_configuration->name)) {
      place(source, {ip, host_.local_port(port->port)}, port->port, priority, listener);
    }
  }

  void place(const model::HttpListener& source, const Endpoint& local, std::uint16_t document_port,
             std::uint32_t priority, const Listener& listener) {
    const bool https = listener.tls != nullptr;
    Draft& draft = drafts_[local];
    if (draft.address == nullptr) {
      draft.address = std::make_unique<Address>();
      draft.address->local = local;
      draft.address->document_port = document_port;
      draft.address->https = https;
    }
    const Listener* first = draft.address->listeners.empty() ? nullptr : &draft.address->listeners.front();
    if (first != nullptr && (draft.address->https != https || draft.address->document_port != document_port ||
                             first->gateway != listener.gateway)) {
      findings_.error(
          "ListenersShareAddress", source.pointer,
          "listener '" + source.name + "' and listener '" + first->name + "' both want " + local.to_string() +
              " but differ in protocol, frontend port or gateway; change `bind` or `ports` in the host file");
      return;
    }
    draft.entries.push_back({listener.hosts, priority});
    draft.address->listeners.push_back(listener);
  }

  std::optional<Rule> compile_rule(const model::Gateway& gateway, const model::HttpListener& listener) {
    for (const model::RequestRoutingRule& source : gateway.request_routing_rules) {
      if (!source.http_listener || !equals_ignore_case(source.http_listener->name, listener.name)) continue;
      Rule rule;
      rule.name = source.name;
      rule.priority = source.priority.value_or(0);
      rule.backend = compile_backend(gateway, source);
      if (source.rewrite_rule_set) {
        const auto* set = model::find_by_name(gateway.rewrite_rule_sets, source.rewrite_rule_set->name);
        auto program = routing::RewriteProgram::compile(*set, rewrite_findings_for(*set));
        if (program) rule.rewrite = std::move(*program);
      }
      return rule;
    }
    return std::nullopt;
  }

  // A set that several rules share is reported once.
  Findings& rewrite_findings_for(const model::RewriteRuleSet& set) {
    if (reported_sets_.insert(&set).second) return findings_;
    repeated_.clear();
    return repeated_;
  }

  Backend compile_backend(const model::Gateway& gateway, const model::RequestRoutingRule& rule) {
    const auto* pool = model::find_by_name(gateway.backend_address_pools, rule.backend_address_pool->name);
    const auto* settings = model::find_by_name(gateway.backend_http_settings, rule.backend_http_settings->name);
    Backend backend;
    backend.pool_name = pool->name;
    backend.settings_name = settings->name;
    if (carryover_ != nullptr) backend.members = carryover_->membership(*pool);
    backend.port = settings->port;
    backend.request_timeout = settings->request_timeout;
    backend.host_name = settings->host_name;
    backend.host_from_member = settings->pick_host_name_from_backend_address;
    backend.http2 = host_.speaks_http2(settings->name);
    return backend;
  }

  static std::string resource_id(const model::Gateway& gateway) {
    if (!gateway.id.empty()) return gateway.id;
    return "/providers/Microsoft.Network/applicationGateways/" + gateway.name;
  }

  void finish_address(Draft& draft) {
    Address& address = *draft.address;
    auto table = routing::HostTable::build(draft.entries);
    if (!table) {
      findings_.error(table.error().code, "", table.error().message);
      return;
    }
    address.hosts = std::move(*table);
    if (!address.https) return;
    const Address* self = &address;
    auto select = [self](std::optional<std::string_view> sni) {
      tls::Door::Choice choice;
      if (const auto index = self->hosts.select_for_sni(sni)) {
        choice.listener = *index;
        choice.context = self->listeners[*index].tls.get();
      }
      return choice;
    };
    tls::Sessions sessions;
    sessions.lifetime = host_.client_auth.session_lifetime;
    sessions.tickets = ticket_keys_;
    if (carryover_ != nullptr && host_.client_auth.sessions == model::SessionMode::kStateful) {
      sessions.store = carryover_->session_store(address.local);
    }
    auto door = tls::Door::create(std::move(select), std::move(sessions));
    if (!door) {
      findings_.error(door.error().code, "", door.error().message);
      return;
    }
    address.door = std::move(*door);
  }

  const model::HostConfig& host_;
  Carryover* carryover_;
  Findings& findings_;
  std::shared_ptr<tls::TicketKeys> ticket_keys_;  // null: no tickets
  Findings repeated_;
  std::set<const model::RewriteRuleSet*> reported_sets_;
  std::map<Endpoint, Draft> drafts_;
};

// A name that is spelled wrong would leave a profile without the lists that somebody counts on.
void check_list_names(std::span<const model::Gateway* const> gateways, const model::HostConfig& host,
                      Findings& findings) {
  for (const auto& entry : host.revocation.crl) {
    bool strict = false;
    for (const model::Gateway* gateway : gateways) {
      for (const model::SslProfile& profile : gateway->ssl_profiles) {
        const bool named = host.crl_source(gateway->name, profile.name) == &entry.second;
        strict = strict || (named && model::effective_client_auth(profile) == model::EffectiveClientAuth::kStrict);
      }
    }
    if (strict) continue;
    findings.error("InvalidHostFile", model::pointer_to("/revocation/crl", entry.first),
                   "no SSL profile of this name authenticates its clients strictly, so that nobody would look at its "
                   "revocation lists; name a strict profile, or take the entry out");
  }
}

}  // namespace

std::shared_ptr<const Snapshot> compile(std::span<const model::Gateway* const> gateways, const model::HostConfig& host,
                                        Carryover* carryover, Findings& findings) {
  if (findings.has_errors()) return nullptr;
  check_list_names(gateways, host, findings);
  auto snapshot = std::make_shared<Snapshot>();
  Compiler compiler(host, carryover, findings);
  for (const model::Gateway* gateway : gateways) compiler.add(*gateway);
  compiler.finish(*snapshot);
  snapshot->identity_headers = routing::collect_identity_headers(gateways);
  snapshot->limits = host.limits;
  snapshot->client_cert_header = host.client_auth.client_cert_header;
  if (carryover != nullptr) snapshot->generation = carryover->next_generation();
  if (findings.has_errors()) return nullptr;
  return snapshot;
}

}  // namespace portcullis::snapshot
