// What TLS asks of whoever judges client certificates. tls/ proves possession of the key and hands over what was
// presented; it never decides who may pass.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "x509/certificate.h"

namespace portcullis::tls {

// What the verifier made of a presented chain: its own record, opaque here. Immutable; shared by connections, sessions
// and threads.
class PeerState {
 public:
  virtual ~PeerState() = default;
  // Bytes of memory that it holds, roughly: what bounds the session store.
  virtual std::size_t weight() const { return 0; }
  // The leaf that was presented, with its key decoded; null: none is at hand.
  virtual const x509::Certificate* leaf() const { return nullptr; }
};

class PeerVerifier {
 public:
  virtual ~PeerVerifier() = default;

  // Judges a presented chain, leaf first, never empty, within the handshake. Its certificates may be without their keys
  // (x509::with_key). Called on worker threads, many at once.
  // Null refuses the handshake itself, which is for chains beyond the limits only: everything else is an answer that
  // the request gets (azure-semantics §1.3).
  virtual std::shared_ptr<const PeerState> judge(const x509::CertificateList& presented, WallTime now) = 0;

  // Whether a session made at `original` (the time of its full handshake) with this peer (null: no certificate) may
  // still be resumed. False means a full handshake, in silence (invariants I3, I4).
  virtual bool may_resume(const PeerState* peer, WallTime original, WallTime now) = 0;

  // Whether a new session with this peer is worth keeping: not when it could never be resumed.
  virtual bool worth_keeping(const PeerState* /*peer*/, WallTime /*now*/) { return true; }

  // What a stateless ticket has to say of a peer beside its leaf certificate, which lies in the ticket already.
  // nullopt: it cannot be told within `most` bytes, and no ticket is issued.
  virtual std::optional<std::string> write_down(const PeerState& /*peer*/, std::size_t /*most*/) {
    return std::nullopt;
  }

  // The peer that `written` is about, which came back in a ticket of ours (of this process or of another with the same
  // keys), as it is to be seen at `now`. Null: a full handshake, in silence.
  virtual std::shared_ptr<const PeerState> recall(const x509::Certificate& /*leaf*/, std::string_view /*written*/,
                                                  WallTime /*now*/) {
    return nullptr;
  }
};

}  // namespace portcullis::tls
