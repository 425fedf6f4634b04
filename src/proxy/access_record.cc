#include "proxy/access_record.h"

#include "clientauth/revocation_evidence.h"

namespace portcullis::proxy {

using telemetry::JsonLine;

namespace {

void add_tls(JsonLine& line, const RequestContext& context) {
  const tls::TlsStream* tls = context.connection.tls;
  line.add("sslEnabled", tls == nullptr ? "off" : "on");
  line.add("sslCipher", tls == nullptr ? std::string_view() : tls->cipher());
  line.add("sslProtocol", tls == nullptr ? std::string_view() : tls->protocol());
  line.add("sslClientVerify", context.verdict.log_value);
  const clientauth::PeerRecord* peer = context.connection.admission.peer();
  line.add("sslClientCertificateFingerprint", peer == nullptr ? "" : peer->identity.fingerprint);
  line.add("sslClientCertificateIssuerName", peer == nullptr ? "" : peer->identity.issuer);
}

void add_upstream(JsonLine& line, const RequestContext& context) {
  const UpstreamRecord& upstream = context.upstream;
  line.add("serverRouted", upstream.attempts == 0 ? std::string() : upstream.routed.to_string());
  line.add("serverStatus", upstream.status == 0 ? std::string() : std::to_string(upstream.status));
  if (upstream.answered == MonoTime{}) {
    line.add("serverResponseLatency", "");
  } else {
    line.add_quoted_seconds("serverResponseLatency", upstream.answered - upstream.sent);
  }
  line.add("upstreamSourcePort", upstream.source_port == 0 ? std::string() : std::to_string(upstream.source_port));
}

// What a backend was not told of a verified client, because it was too much.
void add_client_cert_omission(JsonLine& line, const RequestContext& context) {
  const clientauth::PeerRecord* peer = context.connection.admission.peer();
  if (!context.verdict.verified() || peer == nullptr) return;
  const clientauth::ClientCertFields& values = peer->client_cert_fields();
  const bool wanted = context.snapshot->client_cert_header == model::ClientCertHeader::kChain;
  if (values.leaf_omitted) {
    line.add("clientCertOmitted", "all");
  } else if (wanted && values.chain_omitted) {
    line.add("clientCertOmitted", "chain");
  }
}

void add_own(JsonLine& line, const RequestContext& context, std::string_view reason) {
  const ClientConnection& connection = context.connection;
  line.begin("portcullis");
  line.add("reason", reason);
  line.add("connection", connection.id);
  line.add("request", context.number);
  line.add("resumed", connection.tls != nullptr && connection.tls->info().resumed);
  line.add("sni", connection.tls == nullptr ? std::string_view() : std::string_view(connection.tls->info().sni));
  line.add("sslListener", connection.listener == nullptr ? "" : connection.listener->name);
  line.add("generation", context.snapshot->generation);
  if (!context.verdict.shadow.empty()) {
    line.add("strictWouldSay", context.verdict.shadow).add("strictReason", context.verdict.shadow_code);
  }
  if (context.snapshot->client_cert_header != model::ClientCertHeader::kOff) add_client_cert_omission(line, context);
  add_revocation(line, context.verdict, context.services.loop.wall_now());
  if (context.upstream.attempts > 1) line.add("attempts", context.upstream.attempts);
  if (context.tunnel.ended != TunnelRecord::Ended::kNot) {
    line.begin("websocket");
    line.add("ended", to_string(context.tunnel.ended));
    line.add("toBackend", context.tunnel.to_backend).add("toClient", context.tunnel.to_client);
    line.end();
  }
  line.end();
}

int status_of(const RequestContext& context) {
  if (context.exchange.responded()) return context.response.status;
  return context.refused.status == 0 ? 499 : context.refused.status;
}

}  // namespace

void add_revocation(JsonLine& line, const clientauth::Verdict& verdict, WallTime now) {
  using clientauth::RevocationEvidence;
  const RevocationEvidence evidence = clientauth::revocation_evidence(verdict, now);
  if (evidence.source == RevocationEvidence::Source::kNone) return;
  line.begin("revocation");
  line.add("source", evidence.source_name());
  line.add("status", evidence.status);
  line.add("reason", evidence.reason);
  if (!evidence.detail.empty()) line.add("detail", evidence.detail);
  if (evidence.responder) line.add("responder", *evidence.responder);
  if (evidence.url) line.add("url", *evidence.url);
  if (evidence.this_update) line.add_time("thisUpdate", *evidence.this_update);
  if (evidence.next_update) line.add_time("nextUpdate", *evidence.next_update);
  if (evidence.revoked_at) {
    line.add_time("revokedAt", *evidence.revoked_at);
    line.add("revocationReason", evidence.revocation_reason);
  }
  if (evidence.age) line.add_seconds("age", *evidence.age);
  if (evidence.latency) line.add_seconds("latency", *evidence.latency);
  const bool by_responder = evidence.source == RevocationEvidence::Source::kOcsp;
  if (by_responder || evidence.url) line.add_seconds("waited", evidence.waited);
  if (by_responder) line.add("cacheHit", evidence.cache_hit);
  line.add("allowed", evidence.allowed);
  line.end();
}

void write_access_record(RequestContext& context) {
  Services& services = context.services;
  if (!services.access_log.enabled()) return;
  conn::Exchange& exchange = context.exchange;
  // What the handshake meant is named where no listener was selected by Host.
  const snapshot::Listener* listener = context.listener != nullptr ? context.listener : context.connection.listener;
  const snapshot::Rule* rule = context.rule();
  const http::RequestHead& request = exchange.request();
  const auto taken = services.loop.now() - exchange.started();
  std::string& out = services.log_line;
  out.clear();
  JsonLine line(out);
  line.add_time("timeStamp", services.loop.wall_now());
  line.add("resourceId", listener == nullptr ? context.address.listeners.front().resource_id : listener->resource_id);
  line.add("listenerName", listener == nullptr ? "" : listener->name);
  line.add("ruleName", rule == nullptr ? "" : rule->name);
  line.add("backendPoolName", rule == nullptr ? "" : rule->backend.pool_name);
  line.add("backendSettingName", rule == nullptr ? "" : rule->backend.settings_name);
  line.add("operationName", "ApplicationGatewayAccess").add("category", "ApplicationGatewayAccessLog");
  line.begin("properties");
  line.add("instanceId", "appgw_0");
  line.add("clientIP", context.connection.client.address.to_string());
  line.add("clientPort", context.connection.client.port);
  line.add("httpMethod", request.method);
  line.add("originalRequestUriWithArgs", context.original_target);
  line.add("requestUri", context.target.path);
  line.add("requestQuery", context.target.query);
  line.add("userAgent", context.user_agent);
  line.add("httpStatus", status_of(context));
  line.add("httpVersion", http::to_string(request.version));
  line.add("receivedBytes", exchange.received_bytes()).add("sentBytes", exchange.sent_bytes());
  const auto sending =
      exchange.responded() ? services.loop.now() - exchange.responded_at() : std::chrono::milliseconds(0);
  line.add_seconds("clientResponseTime", sending).add_seconds("timeTaken", taken);
  line.add("WAFEvaluationTime", "0.000").add("WAFMode", "");
  line.add("transactionId", std::string_view(context.trace_id));
  add_tls(line, context);
  add_upstream(line, context);
  line.add("originalHost", context.original_host);
  line.add("host", rule == nullptr ? std::string_view(context.original_host) : request.fields.get("Host").value_or(""));
  line.add("error_info", context.error_info);
  line.add("contentType", context.response.fields.get("Content-Type").value_or(""));
  line.end();
  add_own(line, context, context.refused.reason);
  line.close();
  services.access_log.append(out);
}

}  // namespace portcullis::proxy
