// Every rule that a gateway must pass before it may be compiled: Azure's with Azure's codes where they are known
// (azure-semantics §9), ours where not, all reported at once (where a collection exceeds its limit, only that is said).
// A Gateway that passes has every reference that serving needs, names that are unique, listeners that do not collide,
// and trust files that parse. Pure; control thread.
#pragma once

#include <functional>

#include "model/finding.h"
#include "model/gateway.h"
#include "model/host_config.h"
#include "x509/certificate.h"

namespace portcullis::validate {

// The code of everything that is valid on Azure and that this build's engine does not act on.
inline constexpr std::string_view kNotServedYet = "NotServedYet";

struct Options {
  // True: the gateway is to be served, so what the engine does not serve is an error. False: `check` and its kin; that
  // is a warning then, server certificates are opened too, and what is kept without meaning here is said once.
  bool serving = true;
  // TLS policies and suites that Azure retired on 2025-08-31 are warnings. They are not served for all that.
  bool allow_retired = false;
  // Whether a CA is in the system's bundle of public ones; null: not known, so nothing is said about it.
  std::function<bool(const x509::Certificate& root)> is_public_root;
};

// What holds for a gateway without errors when `serving`, so that snapshot/ may rely on it:
//  - every listener has frontend IP, port and at most one rule (one without any is not served); an Https one has a
//    certificate whose key is at hand;
//  - every rule is Basic, with listener, pool, settings and a priority of its own;
//  - every strict SSL profile that a listener uses has at least one CA file that parses;
//  - TLS policies are predefined ones that tls/ knows, or say nothing but to switch off TLS 1.0 and 1.1; settings are
//    Http without affinity, probe or draining; pools hold valid addresses; rewrite rules are unconditional and touch
//    headers only;
//  - host names are canonicalisable, without wildcards, and at most one listener answers to each on one port.
// Warnings describe what is accepted but will surprise, and protection that the host file's `unenforced` waives.
model::Findings validate(const model::Gateway& gateway, const model::HostConfig& host, const Options& options = {});

}  // namespace portcullis::validate
