// Every rule that a gateway must pass before it may be compiled: Azure's with Azure's codes where they are known
// (azure-semantics §9), ours where not, all reported at once (where
// a collection exceeds its limit, only that is said). A Gateway that passes has every reference that serving
// needs, names that are unique, listeners that do not collide, and trust files that parse. Pure; control thread.
#pragma once

#include "model/finding.h"
#include "model/gateway.h"
#include "model/host_config.h"

namespace portcullis::validate {

// What holds for a gateway without errors, so that snapshot/ may rely on it:
//  - every listener has frontend IP, port and exactly one rule; an Https one has a certificate whose key is at hand;
//  - every rule is Basic, with listener, pool, settings and a priority of its own;
//  - every strict SSL profile that a listener uses has at least one CA file that parses;
//  - TLS policies are predefined ones of 2022; settings are Http without affinity; pools hold valid addresses;
//  - host names are canonicalisable, without wildcards, and at most one listener answers to each on one port.
// Warnings describe what is accepted but will surprise.
model::Findings validate(const model::Gateway& gateway, const model::HostConfig& host);

}  // namespace portcullis::validate
