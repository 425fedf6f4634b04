// What the journal knows of one event at a client's door: JournalNote is how a worker tells it, JournalPeer what is
// found out about the client's certificate later, off the worker. Both are values; nothing here decides anything.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ip_address.h"

namespace portcullis::store {

enum class JournalEvent : std::uint8_t {
  kHandshake,        // a TLS handshake that was completed; its outcome is what the chain alone says
  kHandshakeFailed,  // one that was not
  kVerdict,          // the first request that a connection had admitted where revocation is looked at
  kRequest,          // a request, or a WebSocket in progress, that was refused for who its client is
  kEnded,            // a live connection that was ended because its client would be refused now
  kLeftOut,          // no event: how many like it were left out
};
enum class JournalOutcome : std::uint8_t { kAdmitted, kRefused, kNoCertificate, kMisdirected, kFailed, kLeftOut };

// As the journal's columns spell them: "handshake_failed", "no_certificate".
std::string_view to_string(JournalEvent event);
std::string_view to_string(JournalOutcome outcome);
// As details spell a moment: "2026-11-28T21:19:43Z".
std::string to_utc_seconds(WallTime time);

// What was known of a client's revocation when it was decided about, as in the access log. `responder` is a view, the
// other texts are static. A time that is zero is not known.
struct RevocationNote {
  std::string_view source;  // "ocsp", "crl"; empty: nobody was asked, and the rest says nothing
  std::string_view status;  // "good", "revoked", "unknown", "failed"
  std::string_view reason;  // "ocsp.timeout", "crl.expired"; empty where the status is good or revoked
  std::string_view responder;
  WallTime this_update{}, next_update{}, revoked_at{};
  std::optional<std::chrono::milliseconds> age, latency;  // since the answer was fetched; of that fetch
  bool cache_hit = false;                                 // the answer was there when the connection asked for it
  bool allowed = false;  // admitted because the host file allows it, not because of a good answer
};

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
  RevocationNote revocation;
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
