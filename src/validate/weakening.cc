#include "validate/weakening.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/host_name.h"
#include "base/strings.h"
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

std::string place_of(const model::HttpListener& listener) {
  std::vector<std::string> hosts = listener.host_names;
  if (!listener.host_name.empty()) hosts.push_back(listener.host_name);
  for (std::string& host : hosts) host = canonical_host(host).value_or(to_lower(host));
  std::sort(hosts.begin(), hosts.end());
  std::string place = to_lower(listener.frontend_ip_configuration->name + "|" + listener.frontend_port->name);
  for (const std::string& host : hosts) place += "|" + host;
  return place;
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

Listener outline_of(const Gateway& gateway, const model::HttpListener& source, KnownCas& known) {
  Listener listener;
  listener.gateway = gateway.name;
  listener.name = source.name;
  listener.place = place_of(source);
  const model::SslProfile* profile = model::profile_of(gateway, source);
  if (profile == nullptr) return listener;
  const model::ClientAuthConfiguration asked = model::effective_client_auth_configuration(*profile);
  listener.mode = model::effective_client_auth(*profile);
  listener.issuer_dn = asked.verify_client_cert_issuer_dn;
  listener.ocsp = asked.verify_client_revocation == model::ClientRevocation::kOcsp;
  const auto [cas, is_new] = known.try_emplace(profile);
  if (is_new) cas->second = trusted_by(gateway, *profile);
  listener.cas = cas->second;
  return listener;
}

const Listener* predecessor(const AuthenticationOutline& before, const Listener& now) {
  const auto same = [&now](const auto& what) {
    return [&now, what](const Listener& one) {
      return equals_ignore_case(one.gateway, now.gateway) && equals_ignore_case(one.*what, now.*what);
    };
  };
  const auto& all = before.listeners;
  auto found = std::find_if(all.begin(), all.end(), same(&Listener::name));
  if (found == all.end()) found = std::find_if(all.begin(), all.end(), same(&Listener::place));
  return found == all.end() ? nullptr : &*found;
}

class Comparison {
 public:
  std::vector<Weakening> found;

  void listeners(const Listener& before, const Listener& after) {
    const auto weaker = [&](std::string_view what, std::string_view old, std::string_view now) {
      found.push_back({what, after.gateway, after.name, std::string(old), std::string(now)});
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
    const auto gives_any = [](const model::CrlSource& source) { return source.fetch || !source.files.empty(); };
    for (const auto& [profile, source] : before.crl) {
      const auto kept = after.crl.find(profile);
      const bool any = kept != after.crl.end() && gives_any(kept->second);
      if (gives_any(source) && !any) process("revocation.crl", profile, "");
    }
  }
};

}  // namespace

AuthenticationOutline outline(std::span<const Gateway> gateways, const model::HostConfig& host) {
  AuthenticationOutline made;
  for (const Gateway& gateway : gateways) {
    KnownCas known;
    for (const model::HttpListener& listener : gateway.http_listeners) {
      made.listeners.push_back(outline_of(gateway, listener, known));
    }
  }
  made.client_auth = host.client_auth;
  made.revocation = host.revocation;
  return made;
}

std::vector<Weakening> weakenings(const AuthenticationOutline& before, const AuthenticationOutline& after) {
  Comparison comparison;
  for (const Listener& now : after.listeners) {
    if (const Listener* then = predecessor(before, now)) comparison.listeners(*then, now);
  }
  comparison.hosts(before, after);
  return std::move(comparison.found);
}

}  // namespace portcullis::validate
