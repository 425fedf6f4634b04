#include "validate/weakening.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "base/host_name.h"
#include "base/strings.h"
#include "routing/host_table.h"
#include "x509/identity.h"
#include "x509/trusted_ca_file.h"

namespace portcullis::validate {

using model::EffectiveClientAuth;
using model::Gateway;
using Listener = AuthenticationOutline::Listener;

namespace {

std::string_view to_string(EffectiveClientAuth mode) {
  switch (mode) {
    case EffectiveClientAuth::kNone:
      return "None";
    case EffectiveClientAuth::kPassthrough:
      return "Passthrough";
    case EffectiveClientAuth::kStrict:
      return "Strict";
  }
  return "";
}

int strength(EffectiveClientAuth mode) {
  if (mode == EffectiveClientAuth::kStrict) return 2;
  return mode == EffectiveClientAuth::kPassthrough ? 1 : 0;
}

void place(const Gateway& gateway, const model::HttpListener& source, const model::HostConfig& host,
           Listener& listener) {
  const auto& rules = gateway.request_routing_rules;
  const auto rule = std::find_if(rules.begin(), rules.end(), [&source](const model::RequestRoutingRule& one) {
    return one.http_listener && equals_ignore_case(one.http_listener->name, source.name);
  });
  const auto* port = model::find_by_name(gateway.frontend_ports, source.frontend_port->name);
  if (rule == rules.end() || port == nullptr) return;
  listener.priority = rule->priority.value_or(0);
  listener.hosts = source.host_names;
  if (!source.host_name.empty()) listener.hosts.push_back(source.host_name);
  for (std::string& name : listener.hosts) name = canonical_host(name).value_or(to_lower(name));
  for (const IpAddress& ip : host.bind_addresses(source.frontend_ip_configuration->name)) {
    listener.addresses.push_back({ip, host.local_port(port->port)});
  }
}

std::map<std::string, std::string> trusted_by(const Gateway& gateway, const model::SslProfile& profile) {
  std::map<std::string, std::string> cas;
  for (const model::Ref& ref : profile.trusted_client_certificates) {
    const auto* source = model::find_by_name(gateway.trusted_client_certificates, ref.name);
    if (source == nullptr) continue;
    const auto file = x509::parse_trusted_ca_file(source->data.bytes);
    if (!file) continue;
    for (const x509::Certificate& certificate : file->certificates) {
      cas.emplace(certificate.sha1_fingerprint(), x509::describe(certificate).subject);
    }
  }
  return cas;
}

// By profile, since listeners share them.
using KnownCas = std::map<const model::SslProfile*, std::map<std::string, std::string>>;

Listener outline_of(const Gateway& gateway, const model::HttpListener& source, const model::HostConfig& host,
                    KnownCas& known) {
  Listener listener;
  listener.gateway = gateway.name;
  listener.name = source.name;
  place(gateway, source, host, listener);
  const model::SslProfile* profile = model::profile_of(gateway, source);
  if (profile == nullptr) return listener;
  const model::ClientAuthConfiguration asked = model::effective_client_auth_configuration(*profile);
  listener.mode = model::effective_client_auth(*profile);
  listener.issuer_dn = asked.verify_client_cert_issuer_dn;
  listener.ocsp = asked.verify_client_revocation == model::ClientRevocation::kOcsp;
  const auto [cas, is_new] = known.try_emplace(profile);
  if (is_new) cas->second = trusted_by(gateway, *profile);
  listener.cas = cas->second;
  if (const model::CrlSource* lists = host.crl_source(gateway.name, profile->name)) listener.lists = *lists;
  return listener;
}

// The listeners of one address.
struct Address {
  std::vector<const Listener*> listeners;
  routing::HostTable table;

  // Null: nobody. The empty name is one that nobody names.
  const Listener* serves(const std::string& host) const {
    const auto index = table.select(host);
    return index ? listeners[*index] : nullptr;
  }
};
using Addresses = std::map<Endpoint, Address>;

Addresses addresses_of(const AuthenticationOutline& outline) {
  Addresses addresses;
  for (const Listener& listener : outline.listeners) {
    for (const Endpoint& at : listener.addresses) addresses[at].listeners.push_back(&listener);
  }
  for (auto& [at, address] : addresses) {
    std::vector<routing::HostEntry> entries;
    for (const Listener* listener : address.listeners) entries.push_back({listener->hosts, listener->priority});
    if (auto table = routing::HostTable::build(entries)) address.table = std::move(*table);
  }
  return addresses;
}

// Each listener and those that it is compared with.
class Predecessors {
 public:
  Predecessors(const AuthenticationOutline& before, const AuthenticationOutline& after) {
    for (const Listener& now : after.listeners) {
      for (const Listener& then : before.listeners) {
        if (equals_ignore_case(then.gateway, now.gateway) && equals_ignore_case(then.name, now.name)) add(now, then);
      }
    }
    const Addresses old = addresses_of(before);
    for (const auto& [at, address] : addresses_of(after)) {
      if (const auto was = old.find(at); was != old.end()) add_by_host(was->second, address);
    }
  }

  const std::vector<const Listener*>& of(const Listener& now) { return found_[&now]; }

 private:
  void add(const Listener& now, const Listener& then) {
    std::vector<const Listener*>& all = found_[&now];
    if (std::find(all.begin(), all.end(), &then) == all.end()) all.push_back(&then);
  }

  void add_by_host(const Address& before, const Address& after) {
    std::set<std::string> hosts{""};
    for (const Address* address : {&before, &after}) {
      for (const Listener* listener : address->listeners) hosts.insert(listener->hosts.begin(), listener->hosts.end());
    }
    for (const std::string& host : hosts) {
      const Listener *then = before.serves(host), *now = after.serves(host);
      if (then != nullptr && now != nullptr) add(*now, *then);
    }
  }

  std::map<const Listener*, std::vector<const Listener*>> found_;
};

// By its own name, or by that of the directory that it lies in.
bool reads(const model::CrlSource& lists, const std::string& file) {
  const std::filesystem::path directory = std::filesystem::path(file).parent_path();
  return std::any_of(lists.files.begin(), lists.files.end(), [&](const std::string& one) {
    return one == file || (!directory.empty() && std::filesystem::path(one) / "" == directory / "");
  });
}

class Comparison {
 public:
  std::vector<Weakening> found;

  void listeners(const Listener& before, const Listener& after) {
    const auto weaker = [&](std::string_view what, std::string_view old, std::string_view now) {
      Weakening one{what, after.gateway, after.name, std::string(old), std::string(now)};
      // Several that were there before may have been stricter alike.
      if (std::find(found.begin(), found.end(), one) == found.end()) found.push_back(std::move(one));
    };
    if (strength(after.mode) < strength(before.mode)) {
      return weaker("client_auth.mode", to_string(before.mode), to_string(after.mode));
    }
    if (before.mode != EffectiveClientAuth::kStrict) return;
    if (before.issuer_dn && !after.issuer_dn) weaker("client_auth.issuer_dn", "true", "false");
    if (before.ocsp && !after.ocsp) weaker("client_auth.revocation", "OCSP", "None");
    for (const auto& [fingerprint, subject] : after.cas) {
      if (before.cas.contains(fingerprint)) continue;
      weaker("client_auth.trusted_ca", "", fmt::format("{} (SHA-1 {})", subject, fingerprint));
    }
    for (const std::string& file : before.lists.files) {
      if (!reads(after.lists, file)) weaker("revocation.crl", file, "");
    }
    if (before.lists.fetch && !after.lists.fetch) weaker("revocation.crl", "fetch", "");
  }

  void hosts(const AuthenticationOutline& before, const AuthenticationOutline& after) {
    const model::ClientAuth &old = before.client_auth, &now = after.client_auth;
    if (now.verify_depth > old.verify_depth) {
      process("client_auth.verify_depth", std::to_string(old.verify_depth), std::to_string(now.verify_depth));
    }
    if (now.session_lifetime > old.session_lifetime) {
      process("client_auth.session_lifetime", std::to_string(old.session_lifetime.count()) + "s",
              std::to_string(now.session_lifetime.count()) + "s");
    }
    revocation(before.revocation, after.revocation);
  }

 private:
  void process(std::string_view what, std::string before, std::string after) {
    found.push_back({what, "", "", std::move(before), std::move(after)});
  }

  void allowed(std::string_view what, model::RevocationAction before, model::RevocationAction after) {
    using Action = model::RevocationAction;
    if (before == Action::kRefuse && after == Action::kAllow) process(what, "refuse", "allow");
  }

  void revocation(const model::Revocation& before, const model::Revocation& after) {
    allowed("revocation.unreachable", before.unreachable, after.unreachable);
    allowed("revocation.unknown", before.unknown, after.unknown);
    allowed("revocation.no_responder", before.no_responder, after.no_responder);
    allowed("revocation.expired_response", before.expired_response, after.expired_response);
    if (before.intermediates && !after.intermediates) process("revocation.intermediates", "true", "false");
    if (before.nonce && !after.nonce) process("revocation.nonce", "true", "false");
  }
};

}  // namespace

AuthenticationOutline outline(std::span<const Gateway> gateways, const model::HostConfig& host) {
  AuthenticationOutline made;
  for (const Gateway& gateway : gateways) {
    KnownCas known;
    for (const model::HttpListener& listener : gateway.http_listeners) {
      made.listeners.push_back(outline_of(gateway, listener, host, known));
    }
  }
  made.client_auth = host.client_auth;
  made.revocation = host.revocation;
  return made;
}

std::vector<Weakening> weakenings(const AuthenticationOutline& before, const AuthenticationOutline& after) {
  Comparison comparison;
  Predecessors predecessors(before, after);
  for (const Listener& now : after.listeners) {
    for (const Listener* then : predecessors.of(now)) comparison.listeners(*then, now);
  }
  comparison.hosts(before, after);
  return std::move(comparison.found);
}

}  // namespace portcullis::validate
