#include "proxy/stages.h"

#include "base/host_name.h"
#include "base/strings.h"
#include "http/error_page.h"
#include "http/hop_by_hop.h"
#include "proxy/websocket_handshake.h"
#include "routing/forwarded.h"

namespace portcullis::proxy {

bool normalise(RequestContext& context) {
  if (const http::Refusal* refusal = context.exchange.refusal()) {
    context.refuse(refusal->status, refusal->code, refusal->error_info);
    if (refusal->code == "http.fields_too_large" || refusal->code == "http.too_many_fields") {
      context.refused.body = http::error_page(http::BadRequestPage::kHeaderTooLarge);
    }
    return false;
  }
  const http::RequestHead& request = context.exchange.request();
  if (request.method == "TRACE" || request.method == "CONNECT") {
    context.refuse(405, "http.method_not_supported",
                   request.method == "TRACE" ? "ERRORINFO_INVALID_METHOD_TRACE" : "ERRORINFO_INVALID_METHOD");
    return false;
  }
  const auto parsed = http::parse_target_into(request.method, request.target, context.target);
  if (!parsed) {
    context.refuse(400, parsed.error().code, http::kTargetErrorInfo);
    return false;
  }
  if (request.upgrade != http::Upgrade::kNone && !note_websocket_key(context)) {
    context.refuse(400, "http.websocket_version", "ERRORINFO_INVALID_REQUEST");
    return false;
  }
  if (context.target.has_host()) {
    context.host = context.target.host;
    // RFC 9112 §3.2.2: the target's authority replaces whatever Host said, for the log and the backend alike.
    context.original_host = context.target.host;
    if (context.target.port) context.original_host += ":" + std::to_string(*context.target.port);
  } else if (const auto named = parse_host_port(context.original_host)) {
    context.host = named->host;
  }
  return true;
}

bool admit(RequestContext& context) {
  using Outcome = clientauth::Verdict::Outcome;
  Counters& counters = context.services.counters;
  if (!context.verdict.shadow.empty()) {
    (context.verdict.shadow_code.empty() ? counters.shadow_admitted : counters.shadow_refused).add();
  }
  switch (context.verdict.outcome) {
    case Outcome::kAdmitted:
      counters.admitted.add();
      return true;
    case Outcome::kNoCertificate:
      counters.no_certificate.add();
      context.refuse(400, context.verdict.reason_code, "ERRORINFO_HTTPS_NO_CERT");
      context.refused.body = http::error_page(http::BadRequestPage::kNoCertificate);
      break;
    case Outcome::kRefused:
      counters.refused.add();
      context.refuse(400, context.verdict.reason_code, "ERRORINFO_HTTPS_NO_CERT");
      context.refused.body = http::error_page(http::BadRequestPage::kCertificateError);
      break;
  }
  context.exchange.close_after();
  return false;
}

bool still_served(RequestContext& context, bool in_force) {
  if (in_force) return true;
  context.refuse(421, "listener.removed", "ERRORINFO_INVALID_HOST");
  context.exchange.close_after();
  return false;
}

bool select_listener(RequestContext& context) {
  const snapshot::Address& address = context.address;
  const auto index = address.hosts.select(context.host);
  if (!index) {
    context.refuse(404, "host.unknown", "ERRORINFO_INVALID_HOST");
    return false;
  }
  const snapshot::Listener& listener = address.listeners[*index];
  if (listener.trust != context.verdict.trust) {
    context.services.counters.misdirected.add();
    context.refuse(421, "host.misdirected", "ERRORINFO_INVALID_HOST");
    return false;
  }
  context.listener = &listener;
  if (listener.rule) return true;
  context.refuse(404, "listener.no_rule", "ERRORINFO_INVALID_HOST");
  return false;
}

namespace {

// The Host that the backend sees (ARM hostName, pickHostNameFromBackendAddress is applied when the member is known).
void set_host(RequestContext& context, http::Fields& fields) {
  const snapshot::Backend& backend = context.rule()->backend;
  if (!backend.host_name.empty()) {
    fields.set("Host", backend.host_name);
  } else if (context.target.has_host()) {
    fields.set("Host", context.original_host);
  }
}

// RFC 9440, for clients that were verified and no others.
void set_client_cert(const RequestContext& context, http::Fields& fields) {
  const clientauth::PeerRecord* peer = context.connection.admission.peer();
  if (!context.verdict.verified() || peer == nullptr) return;
  const clientauth::ClientCertFields& values = peer->client_cert_fields();
  if (values.leaf.empty()) return;
  fields.add_named("Client-Cert", values.leaf);
  const bool chain = context.snapshot->client_cert_header == model::ClientCertHeader::kChain;
  if (chain && !values.chain.empty()) fields.add_named("Client-Cert-Chain", values.chain);
}

}  // namespace

void rewrite_request(RequestContext& context) {
  http::RequestHead& request = context.exchange.request();
  http::Fields& fields = request.fields;
  http::strip_hop_by_hop(fields);
  routing::drop_invalid_request_names(fields);
  context.snapshot->identity_headers.strip(fields);
  // The gateway answers Expect itself.
  fields.remove("Expect");
  routing::ForwardedInfo info;
  info.client = context.connection.client;
  info.scheme = context.scheme();
  info.port = context.address.document_port;
  info.original_host = context.original_host;
  info.original_url = context.original_target;
  info.trace_id = context.trace_id;
  routing::set_forwarded_headers(fields, info);
  set_host(context, fields);
  if (context.snapshot->client_cert_header != model::ClientCertHeader::kOff) set_client_cert(context, fields);
  context.rule()->rewrite.apply_request(fields, context);
  if (request.upgrade != http::Upgrade::kNone) ask_for_websocket(context);
  request.target.clear();
  http::append_origin_form(request.target, context.target);
}

void rewrite_response(RequestContext& context) {
  http::strip_hop_by_hop(context.response.fields);
  context.rule()->rewrite.apply_response(context.response.fields, context);
}

}  // namespace portcullis::proxy
