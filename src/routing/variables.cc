#include "routing/variables.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <utility>

#include "base/strings.h"
#include "http/writer.h"

namespace portcullis::routing {

namespace {

constexpr std::size_t kMaxArgument = 256;
constexpr std::size_t kMaxGuess = 64;  // longer than any name: not worth a search
constexpr std::size_t kMaxNear = 3;
constexpr std::string_view kVar = "var_";
constexpr std::string_view kCookiePrefix = "cookie_";
constexpr std::string_view kRequestPrefix = "http_req_";
constexpr std::string_view kResponsePrefix = "http_resp_";

struct Named {
  std::string_view name;
  Variable kind;
};

constexpr std::array kNames = {
    Named{"client_certificate", Variable::kClientCertificate},
    Named{"client_certificate_end_date", Variable::kClientCertificateEndDate},
    Named{"client_certificate_fingerprint", Variable::kClientCertificateFingerprint},
    Named{"client_certificate_issuer", Variable::kClientCertificateIssuer},
    Named{"client_certificate_serial", Variable::kClientCertificateSerial},
    Named{"client_certificate_start_date", Variable::kClientCertificateStartDate},
    Named{"client_certificate_subject", Variable::kClientCertificateSubject},
    Named{"client_certificate_verification", Variable::kClientCertificateVerification},
    Named{"add_x_forwarded_for_proxy", Variable::kAddXForwardedForProxy},
    Named{"ciphers_supported", Variable::kCiphersSupported},
    Named{"ciphers_used", Variable::kCiphersUsed},
    Named{"client_ip", Variable::kClientIp},
    Named{"client_port", Variable::kClientPort},
    Named{"client_tcp_rtt", Variable::kClientTcpRtt},
    Named{"client_user", Variable::kClientUser},
    Named{"host", Variable::kHost},
    Named{"http_method", Variable::kHttpMethod},
    Named{"http_status", Variable::kHttpStatus},
    Named{"http_version", Variable::kHttpVersion},
    Named{"query_string", Variable::kQueryString},
    Named{"received_bytes", Variable::kReceivedBytes},
    Named{"request_query", Variable::kRequestQuery},
    Named{"request_scheme", Variable::kRequestScheme},
    Named{"request_uri", Variable::kRequestUri},
    Named{"sent_bytes", Variable::kSentBytes},
    Named{"server_port", Variable::kServerPort},
    Named{"ssl_connection_protocol", Variable::kSslConnectionProtocol},
    Named{"ssl_enabled", Variable::kSslEnabled},
    Named{"uri_path", Variable::kUriPath},
};

bool ends_in_capture_number(std::string_view text) {
  const auto last = text.find_last_not_of("0123456789");
  return last != std::string_view::npos && last + 1 < text.size() && text[last] == '_';
}

std::optional<VariableRef> header_variable(Variable kind, std::string_view name) {
  if (name.size() > kMaxArgument || !http::is_token(name) || ends_in_capture_number(name)) return std::nullopt;
  VariableRef out{kind, to_lower(name)};
  std::replace(out.argument.begin(), out.argument.end(), '_', '-');
  return out;
}

// Levenshtein distance, one row at a time.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row[b.size()];
}

std::string_view name_of(Variable kind) {
  const auto* const found =
      std::find_if(kNames.begin(), kNames.end(), [kind](const Named& named) { return named.kind == kind; });
  return found == kNames.end() ? std::string_view() : found->name;
}

}  // namespace

std::optional<VariableRef> parse_variable(std::string_view name) {
  if (starts_with_ignore_case(name, kRequestPrefix)) {
    return header_variable(Variable::kRequestHeader, name.substr(kRequestPrefix.size()));
  }
  if (starts_with_ignore_case(name, kResponsePrefix)) {
    return header_variable(Variable::kResponseHeader, name.substr(kResponsePrefix.size()));
  }
  if (!starts_with_ignore_case(name, kVar)) return std::nullopt;
  name.remove_prefix(kVar.size());
  if (starts_with_ignore_case(name, kCookiePrefix)) {
    name.remove_prefix(kCookiePrefix.size());
    if (name.size() > kMaxArgument || !http::is_token(name)) return std::nullopt;
    return VariableRef{Variable::kCookie, std::string(name)};
  }
  for (const Named& named : kNames) {
    if (equals_ignore_case(named.name, name)) return VariableRef{named.kind, {}};
  }
  return std::nullopt;
}

std::string to_string(const VariableRef& variable) {
  switch (variable.kind) {
    case Variable::kCookie:
      return "var_cookie_" + variable.argument;
    case Variable::kRequestHeader:
      return "http_req_" + variable.argument;
    case Variable::kResponseHeader:
      return "http_resp_" + variable.argument;
    default:
      return "var_" + std::string(name_of(variable.kind));
  }
}

bool is_client_certificate(Variable variable) { return variable <= Variable::kClientCertificateVerification; }

bool is_response_only(Variable variable) {
  return variable == Variable::kHttpStatus || variable == Variable::kSentBytes || variable == Variable::kResponseHeader;
}

std::vector<std::string> near_variable_names(std::string_view name) {
  if (name.size() > kMaxGuess || !starts_with_ignore_case(name, kVar)) return {};
  const std::string guess = to_lower(name.substr(kVar.size()));
  std::vector<std::pair<std::size_t, std::string_view>> near;
  for (const Named& named : kNames) {
    const std::size_t apart = distance(guess, named.name);
    const bool part_of_it = guess.size() >= 3 && named.name.find(guess) != std::string_view::npos;
    if (apart <= 3 || part_of_it) near.emplace_back(apart, named.name);
  }
  std::stable_sort(near.begin(), near.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  near.resize(std::min(near.size(), kMaxNear));
  std::vector<std::string> out;
  out.reserve(near.size());
  for (const auto& [apart, found] : near) out.push_back("var_" + std::string(found));
  return out;
}

}  // namespace portcullis::routing
