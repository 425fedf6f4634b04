// The server variables of rewrite rules (azure-semantics §2): their names, and the interface through which their values
// arrive. Pure values; any thread. This room knows the names only: proxy/ owns the request and hands in the values. A
// name that is not in the table is nullopt here and an error that lists near names in value_template.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::routing {

enum class Variable : std::uint8_t {
  // §2.1: mutual authentication. is_client_certificate() is true for these.
  kClientCertificate,  // percent-encoded PEM of the leaf, one line
  kClientCertificateEndDate,
  kClientCertificateFingerprint,
  kClientCertificateIssuer,
  kClientCertificateSerial,
  kClientCertificateStartDate,
  kClientCertificateSubject,
  kClientCertificateVerification,
  // §2.2
  kAddXForwardedForProxy,
  kCiphersSupported,
  kCiphersUsed,
  kClientIp,
  kClientPort,
  kClientTcpRtt,
  kClientUser,
  kHost,
  kHttpMethod,
  kHttpStatus,
  kHttpVersion,
  kQueryString,
  kReceivedBytes,
  kRequestQuery,
  kRequestScheme,
  kRequestUri,
  kSentBytes,
  kServerPort,
  kSslConnectionProtocol,
  kSslEnabled,
  kUriPath,
  // Parameterised: VariableRef::argument says which.
  kCookie,          // var_cookie_<name>
  kRequestHeader,   // http_req_<Name>
  kResponseHeader,  // http_resp_<Name>
};

struct VariableRef {
  Variable kind = Variable::kClientIp;
  // kCookie: the cookie's name, exactly as written (cookie names are case-sensitive, RFC 6265 §5.4). kRequestHeader and
  // kResponseHeader: the field's name in lower case with every '_' turned into '-'. Empty for all others.
  std::string argument;

  bool operator==(const VariableRef&) const = default;
};

// `var_NAME`, `var_cookie_NAME`, `http_req_NAME` or `http_resp_NAME`, without braces. Prefixes, variable names and
// header names are read without regard to case, and a header name may be spelled with '_' for '-' (§7.4: the
// whole-value form tolerates it); a cookie's name is taken as it stands. A header name that ends in '_' and digits is
// the capture form of §7.4, which needs a condition, and is not a variable (write `http_req_X-1` for a header called
// nullopt for anything else, for an empty argument, one over 256 bytes, or one that is not a token (RFC 9110
// §5.6.2).
std::optional<VariableRef> parse_variable(std::string_view name);

// As written in a template, without braces: "var_client_ip", "var_cookie_id", "http_req_x-tenant".
std::string to_string(const VariableRef& variable);

// True for the eight variables of §2.1: a request header filled from one is an identity header (I18).
bool is_client_certificate(Variable variable);

// True for values that exist only once the backend has answered: empty while a request is rewritten.
bool is_response_only(Variable variable);

// At most three names of the table that `name` (with its prefix) may have meant, nearest first; empty when none is
// near.
std::vector<std::string> near_variable_names(std::string_view name);

// Where values come from. Implemented by proxy/ over one request; called on that request's worker only.
class VariableSource {
 public:
  virtual ~VariableSource() = default;
  // Appends the value to `out`, or nothing when there is none (an absent header, no certificate). Never shortens or
  // changes what `out` held. Bytes that no header may carry are made harmless by the caller, so raw values are fine.
  // kRequestHeader and kResponseHeader are read from the Fields that are being rewritten, as they are at that moment: a
  // later action sees what an earlier one did (§7.4). Several fields of one name are joined by ", " (RFC 9110 §5.3).
  virtual void append(const VariableRef& variable, std::string& out) const = 0;
};

}  // namespace portcullis::routing
