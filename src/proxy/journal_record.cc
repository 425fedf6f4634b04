#include "proxy/journal_record.h"

#include "clientauth/revocation_evidence.h"

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

store::RevocationNote note_of(const clientauth::RevocationEvidence& evidence) {
  store::RevocationNote note;
  note.source = evidence.source_name();
  note.status = evidence.status;
  note.reason = evidence.reason;
  note.responder = evidence.url ? *evidence.url : evidence.responder.value_or("");
  note.this_update = evidence.this_update.value_or(WallTime{});
  note.next_update = evidence.next_update.value_or(WallTime{});
  note.revoked_at = evidence.revoked_at.value_or(WallTime{});
  note.age = evidence.age;
  note.latency = evidence.latency;
  note.cache_hit = evidence.cache_hit;
  note.allowed = evidence.allowed;
  return note;
}

// The views in `note` hold as long as the verdict.
void note_verdict(JournalNote& note, const clientauth::Verdict& verdict) {
  note.outcome = outcome_of(verdict);
  note.reason = verdict.reason_code;
  note.log_value = verdict.log_value;
  const clientauth::RevocationEvidence evidence = clientauth::revocation_evidence(verdict, note.at);
  note.detail = evidence.detail;
  note.revocation = note_of(evidence);
}

}  // namespace

void journal_handshake(const ClientConnection& connection, Services& services) {
  if (!journal_is_on(services) || connection.admission.verifier() == nullptr) return;
  const clientauth::Verdict so_far = connection.admission.so_far(services.loop.wall_now());
  JournalNote note = note_of(connection, services);
  note.event = JournalEvent::kHandshake;
  note_verdict(note, so_far);
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
  note_verdict(note, context.verdict);
  if (note.outcome == JournalOutcome::kAdmitted) {
    note.outcome = JournalOutcome::kMisdirected;
    note.reason = context.tunnel.refusal.empty() ? context.refused.reason : context.tunnel.refusal;
  }
  note.request = context.number;
  note.host = context.host;
  services.journal->add(note, services.loop.now());
}

void journal_verdict(const RequestContext& context) {
  const clientauth::Verdict& verdict = context.verdict;
  ClientConnection& connection = context.connection;
  if (connection.verdict_noted || !(verdict.crl.decided || verdict.ocsp.asked)) return;
  if (!journal_is_on(context.services)) return;
  connection.verdict_noted = true;
  JournalNote note = note_of(connection, context.services);
  note.event = JournalEvent::kVerdict;
  note_verdict(note, verdict);
  note.request = context.number;
  note.host = context.host;
  context.services.journal->add(note, context.services.loop.now());
}

void journal_ended(const ClientConnection& connection, const clientauth::Verdict& verdict, const Services& services) {
  if (!journal_is_on(services)) return;
  JournalNote note = note_of(connection, services);
  note.event = JournalEvent::kEnded;
  note_verdict(note, verdict);
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
