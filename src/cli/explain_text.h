// What `explain` prints: text for people, one line of JSON for programs. Pure.
#pragma once

#include <string>
#include <vector>

#include "clientauth/explain.h"

namespace portcullis::cli {

struct Explained {
  std::string gateway;
  std::string listener;
  std::string profile;  // empty: the listener has none
  clientauth::Mode mode = clientauth::Mode::kNone;
  std::vector<std::string> files;  // of the profile's trusted client certificates
  WallTime at{};
  x509::CertificateList presented;
  clientauth::Explanation answer;
};

std::string to_text(const Explained& explained);

// One object and a line feed. Members: gateway, listener, profile, mode, at, presented, paths, admitted, handshake,
// status (0: no response, since the handshake fails), sslClientVerify, reason, revocation ("open": a responder is asked
// first; with --ocsp live or cache an object as in the access log), shadow (passthrough with CA files).
std::string to_json_line(const Explained& explained);

}  // namespace portcullis::cli
