#include "proxy/journal_record.h"

#include <fmt/format.h>

namespace portcullis::proxy {

using store::JournalEvent;
using store::JournalNote;
using store::JournalOutcome;
using VerdictOutcome = clientauth::Verdict::Outcome;

namespace {

bool journal_is_on(const Services& services) { return services.journal != nullptr && services.journal->enabled(); }

JournalOutcome outcome_of(const clientauth::Verdict& verdict) {
  switch (verdict.outcome) {
    case VerdictOutcome::kAdmitted:
      return JournalOutcome::kAdmitted;
    case VerdictOutcome::kNoCertificate:
      return JournalOutcome::kNoCertificate;
    case VerdictOutcome::kRefused:
      break;
  }
  return JournalOutcome::kRefused;
}

JournalNote note_of(const ClientConnection& connection, const Services& services) {
  JournalNote note;
  note.at = services.loop.wall_now();
  note.connection = connection.id;
  note.client = connection.client;
  note.local = connection.address->local;
  if (connection.listener != nullptr) {
    note.gateway = connection.listener->gateway;
    note.listener = connection.listener->name;
  }
  if (connection.tls != nullptr) {
    note.sni = connection.tls->info().sni;
    note.protocol = connection.tls->protocol();
    note.cipher = connection.tls->cipher();
    note.resumed = connection.tls->info().resumed;
  }
  if (const clientauth::PeerRecord* peer = connection.admission.peer()) {
    note.peer = std::shared_ptr<const tls::PeerState>(connection.admission.record());
    note.peer_name = peer->identity.fingerprint;
    note.peer_weight = peer->weight();
  }
  return note;
}

// What was known of revocation.
std::string evidence_text(const clientauth::OcspEvidence& evidence) {
  if (!evidence.asked) return {};
  const clientauth::OcspAnswer* answer = evidence.answer.get();
  if (answer == nullptr) return fmt::format("ocsp: {}", evidence.reason);
  std::string text =
      fmt::format("ocsp: {} by {}", revocation::summary(answer->status.outcome), answer->query->responder);
  const auto append_time = [&text](std::string_view name, WallTime time) {
    text += fmt::format(", {} {}", name, store::to_utc_seconds(time));
  };
  if (const auto& said = answer->status.answer) {
    append_time("thisUpdate", said->this_update);
    if (said->next_update) append_time("nextUpdate", *said->next_update);
  }
  return text;
}

}  // namespace

void journal_handshake(const ClientConnection& connection, Services& services) {
  if (!journal_is_on(services) || connection.admission.verifier() == nullptr) return;
  const clientauth::Verdict so_far = connection.admission.so_far(services.loop.wall_now());
  JournalNote note = note_of(connection, services);
  note.event = JournalEvent::kHandshake;
  note.outcome = outcome_of(so_far);
  note.reason = so_far.reason_code;
  note.log_value = so_far.log_value;
  services.journal->add(note, services.loop.now());
}

void journal_failed_handshake(const ClientConnection& connection, const tls::TlsStream* stream, std::string_view reason,
                              std::string_view detail, Services& services) {
  if (!journal_is_on(services)) return;
  JournalNote note = note_of(connection, services);
  note.event = JournalEvent::kHandshakeFailed;
  note.outcome = JournalOutcome::kFailed;
  note.reason = reason;
  note.detail = detail;
  if (stream != nullptr) {
    note.sni = stream->info().sni;
    if (stream->knows_listener()) {
      const snapshot::Listener& listener = connection.address->listeners[stream->info().listener];
      note.gateway = listener.gateway;
      note.listener = listener.name;
    }
  }
  services.journal->add(note, services.loop.now());
}

void journal_request(const RequestContext& context) {
  const bool misdirected = context.refused.status == 421 || !context.tunnel.refusal.empty();
  if (context.verdict.outcome == VerdictOutcome::kAdmitted && !misdirected) return;
  Services& services = context.services;
  if (!journal_is_on(services)) return;
  JournalNote note = note_of(context.connection, services);
  note.event = JournalEvent::kRequest;
  note.outcome = outcome_of(context.verdict);
  note.reason = context.verdict.reason_code;
  if (note.outcome == JournalOutcome::kAdmitted) {
    note.outcome = JournalOutcome::kMisdirected;
    note.reason = context.tunnel.refusal.empty() ? context.refused.reason : context.tunnel.refusal;
  }
  note.request = context.number;
  note.log_value = context.verdict.log_value;
  note.host = context.host;
  const std::string evidence = evidence_text(context.verdict.ocsp);
  note.detail = evidence;
  services.journal->add(note, services.loop.now());
}

store::JournalPeer describe_peer(const void* peer) {
  const auto& record = static_cast<const clientauth::PeerRecord&>(*static_cast<const tls::PeerState*>(peer));
  const x509::Certificate& leaf = record.presented.front();
  store::JournalPeer out;
  out.subject = record.identity.subject;
  out.issuer = record.identity.issuer;
  out.serial = record.identity.serial;
  out.sha1 = record.identity.fingerprint;
  out.not_before = leaf.not_before();
  out.not_after = leaf.not_after();
  for (const x509::Certificate& certificate : record.presented) {
    out.chain.push_back({std::string(certificate.sha256().view()), certificate.der()});
  }
  return out;
}

}  // namespace portcullis::proxy
