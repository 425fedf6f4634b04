#include "proxy/request_context.h"

#include "base/base64.h"
#include "base/strings.h"
#include "http/error_page.h"

namespace portcullis::proxy {

using routing::Variable;

namespace {

constexpr std::size_t kSpareScratch = 256;

std::unique_ptr<RequestScratch> take_scratch(Services& services) {
  if (services.spare_scratch.empty()) return std::make_unique<RequestScratch>();
  auto scratch = std::move(services.spare_scratch.back());
  services.spare_scratch.pop_back();
  return scratch;
}

}  // namespace

RequestContext::RequestContext(conn::Exchange& exchange_in, ClientConnection& connection_in, Services& services_in)
    : exchange(exchange_in),
      connection(connection_in),
      services(services_in),
      snapshot(connection_in.snapshot),
      address(*connection_in.address),
      number(connection_in.requests),
      scratch(take_scratch(services_in)),
      trace_id(services_in.trace_ids.next()) {
  const http::Fields& fields = exchange.request().fields;
  original_host = fields.get("Host").value_or("");
  user_agent = fields.get("User-Agent").value_or("");
  original_target = exchange.request().target;
  host.clear();
  target.form = http::TargetForm::kOrigin;
  target.host.clear();
  target.port.reset();
  target.path.clear();
  target.query.clear();
  target.has_query = false;
  response.clear();
  verdict.trust = connection.admission.trust();
}

RequestContext::~RequestContext() {
  auto& spare = services.spare_scratch;
  if (spare.size() < kSpareScratch) spare.push_back(std::move(scratch));
}

void RequestContext::refuse(int status, std::string_view reason, std::string_view info) {
  refused.status = status;
  refused.reason = reason;
  error_info = info;
  refused.body = http::error_page(status);
}

void RequestContext::take_back_refusal() {
  refused = {};
  error_info = kNoError;
}

namespace {

void append_joined(const http::Fields& fields, std::string_view name, std::string& out) {
  bool first = true;
  fields.for_each([&](const http::Field& field) {
    if (!equals_ignore_case(field.name, name)) return;
    if (!first) out += ", ";
    first = false;
    out += field.value;
  });
}

void append_cookie(const http::Fields& fields, std::string_view name, std::string& out) {
  bool found = false;
  fields.for_each([&](const http::Field& field) {
    if (found || !equals_ignore_case(field.name, "Cookie")) return;
    for (const std::string_view pair : split(field.value, ';')) {
      const auto equals = pair.find('=');
      if (equals == std::string_view::npos || trim(pair.substr(0, equals)) != name) continue;
      out += trim(pair.substr(equals + 1));
      found = true;
      return;
    }
  });
}

// The user of HTTP Basic authentication (RFC 7617), or nothing.
void append_basic_user(const http::Fields& fields, std::string& out) {
  const std::string_view value = fields.get("Authorization").value_or("");
  if (!starts_with_ignore_case(value, "Basic ")) return;
  const auto decoded = base64_decode(value.substr(6));
  if (decoded && decoded->find(':') != std::string::npos) out += decoded->substr(0, decoded->find(':'));
}

}  // namespace

void RequestContext::append(const routing::VariableRef& variable, std::string& out) const {
  switch (variable.kind) {
    case Variable::kClientCertificate:
    case Variable::kClientCertificateEndDate:
    case Variable::kClientCertificateFingerprint:
    case Variable::kClientCertificateIssuer:
    case Variable::kClientCertificateSerial:
    case Variable::kClientCertificateStartDate:
    case Variable::kClientCertificateSubject:
    case Variable::kClientCertificateVerification:
      return append_certificate(variable.kind, out);
    case Variable::kCiphersSupported:
    case Variable::kCiphersUsed:
    case Variable::kClientIp:
    case Variable::kClientPort:
    case Variable::kClientTcpRtt:
    case Variable::kServerPort:
    case Variable::kSslConnectionProtocol:
    case Variable::kSslEnabled:
      return append_connection(variable.kind, out);
    default:
      return append_request(variable, out);
  }
}

void RequestContext::append_certificate(Variable variable, std::string& out) const {
  if (variable == Variable::kClientCertificateVerification) {
    out += verdict.variable;
    return;
  }
  const clientauth::PeerRecord* peer = connection.admission.peer();
  if (peer == nullptr) return;
  const x509::Identity& identity = peer->identity;
  switch (variable) {
    case Variable::kClientCertificateEndDate:
      out += identity.end_date;
      break;
    case Variable::kClientCertificateFingerprint:
      out += identity.fingerprint;
      break;
    case Variable::kClientCertificateIssuer:
      out += identity.issuer;
      break;
    case Variable::kClientCertificateSerial:
      out += identity.serial;
      break;
    case Variable::kClientCertificateStartDate:
      out += identity.start_date;
      break;
    case Variable::kClientCertificateSubject:
      out += identity.subject;
      break;
    default:
      out += identity.escaped_pem;
  }
}

void RequestContext::append_connection(Variable variable, std::string& out) const {
  switch (variable) {
    case Variable::kClientIp:
      out += connection.client.address.to_string();
      break;
    case Variable::kClientPort:
      out += std::to_string(connection.client.port);
      break;
    case Variable::kClientTcpRtt:
      out += std::to_string(connection.tcp->rtt_us());
      break;
    case Variable::kServerPort:
      out += std::to_string(address.document_port);
      break;
    default:
      if (connection.tls == nullptr) return;
      if (variable == Variable::kSslEnabled) out += "On";
      if (variable == Variable::kSslConnectionProtocol) out += connection.tls->protocol();
      if (variable == Variable::kCiphersUsed) out += connection.tls->cipher();
      if (variable == Variable::kCiphersSupported) out += connection.tls->client_ciphers();
  }
}

void RequestContext::append_request(const routing::VariableRef& variable, std::string& out) const {
  const http::RequestHead& request = exchange.request();
  switch (variable.kind) {
    case Variable::kAddXForwardedForProxy: {
      // x-forwarded-for has been set by then, with the client's IP:port at its end; this variable leaves the port out.
      const std::string_view so_far = request.fields.get("x-forwarded-for").value_or("");
      const auto comma = so_far.rfind(',');
      if (comma != std::string_view::npos) out.append(so_far.substr(0, comma)).append(", ");
      out += connection.client.address.to_string();
      break;
    }
    case Variable::kClientUser:
      return append_basic_user(request.fields, out);
    case Variable::kHost:
      out += host;
      break;
    case Variable::kHttpMethod:
      out += request.method;
      break;
    case Variable::kHttpStatus:
      if (response.status != 0) out += std::to_string(response.status);
      break;
    case Variable::kHttpVersion:
      out += http::to_string(request.version);
      break;
    case Variable::kQueryString:
    case Variable::kRequestQuery:
      out += target.query;
      break;
    case Variable::kReceivedBytes:
      out += std::to_string(exchange.received_bytes());
      break;
    case Variable::kRequestScheme:
      out += scheme();
      break;
    case Variable::kRequestUri:
      out += original_target;
      break;
    case Variable::kSentBytes:
      out += std::to_string(exchange.sent_bytes());
      break;
    case Variable::kUriPath:
      out += target.path;
      break;
    case Variable::kCookie:
      return append_cookie(request.fields, variable.argument, out);
    case Variable::kRequestHeader:
      return append_joined(request.fields, variable.argument, out);
    case Variable::kResponseHeader:
      return append_joined(response.fields, variable.argument, out);
    default:
      break;
  }
}

}  // namespace portcullis::proxy
