// What the journal knows of one event at a client's door: JournalNote is how a worker tells it, JournalPeer what is
// found out about the client's certificate later, off the worker. Both are values; nothing here decides anything.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ip_address.h"

namespace portcullis::store {

enum class JournalEvent : std::uint8_t {
  kHandshake,        // a TLS handshake that was completed; its outcome is what the chain alone says
  kHandshakeFailed,  // one that was not
  kRequest,          // a request, or a WebSocket in progress, that was refused for who its client is
  kLeftOut,          // no event: how many like it were left out
};
enum class JournalOutcome : std::uint8_t { kAdmitted, kRefused, kNoCertificate, kMisdirected, kFailed, kLeftOut };

// As the journal's columns spell them: "handshake_failed", "no_certificate".
std::string_view to_string(JournalEvent event);
std::string_view to_string(JournalOutcome outcome);
// As details spell a moment: "2026-11-28T21:19:43Z".
std::string to_utc_seconds(WallTime time);

// Views: good for the length of the call that takes it. `reason`, `protocol` and `cipher` are static strings.
struct JournalNote {
  JournalEvent event = JournalEvent::kHandshake;
  JournalOutcome outcome = JournalOutcome::kAdmitted;
  WallTime at{};
  std::uint64_t connection = 0;  // as in the access log
  std::uint64_t request = 0;     // of the connection, from 1; 0: about the connection itself
  Endpoint client;
  Endpoint local;
  std::string_view reason;     // stable: "client_cert.expired"; empty when admitted
  std::string_view log_value;  // the access log's sslClientVerify
  std::string_view detail;     // free text: what OpenSSL said
  std::string_view gateway, listener;
  std::string_view sni, host;  // canonical; empty: none
  std::string_view protocol, cipher;
  bool resumed = false;
  // The client's record, kept alive until the journal has read it; null: no certificate.
  std::shared_ptr<const void> peer;
  std::string_view peer_name;   // what tells this client from others behind its address: a fingerprint
  std::size_t peer_weight = 0;  // bytes of memory that `peer` holds, roughly
};

struct JournalCertificate {
  std::string sha256;  // 32 bytes, over the DER
  std::string der;
};

// A presented chain. All text is printable ASCII.
struct JournalPeer {
  std::string subject, issuer, serial;  // of the leaf
  std::string sha1;                     // 40 lower-case hex digits
  WallTime not_before{}, not_after{};
  std::vector<JournalCertificate> chain;  // leaf first, never empty
};

}  // namespace portcullis::store
