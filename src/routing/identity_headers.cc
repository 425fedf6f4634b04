#include "routing/identity_headers.h"

#include <algorithm>

#include "base/strings.h"
#include "routing/internal/header_names.h"
#include "routing/value_template.h"

namespace portcullis::routing {

namespace {

constexpr char fold(char c) { return is_ascii_alpha(c) || is_ascii_digit(c) ? ascii_lower(c) : '-'; }

constexpr std::uint64_t bit_of_length(std::size_t length) {
  return std::uint64_t{1} << std::min<std::size_t>(length, 63);
}
constexpr std::uint64_t bit_of_last(std::string_view name) {
  return std::uint64_t{1} << (static_cast<unsigned char>(fold(name.back())) & 63U);
}

bool must_stay(std::string_view name) {
  // Folded like any other: a name that folds to Content-Length would strip Content-Length.
  std::string folded(name);
  std::transform(folded.begin(), folded.end(), folded.begin(), fold);
  return folded.empty() || folded == "host" || internal::is_framing_header(folded);
}

// The request header that a variable repeats, or empty.
std::string_view repeated_header(const VariableRef& variable) {
  switch (variable.kind) {
    case Variable::kRequestHeader:
      return variable.argument;
    case Variable::kCookie:
      return "cookie";
    case Variable::kClientUser:
      return "authorization";
    case Variable::kAddXForwardedForProxy:
      return "x-forwarded-for";
    default:
      return {};
  }
}

}  // namespace

std::size_t FoldedNameHash::operator()(std::string_view name) const {
  std::uint32_t hash = 2166136261U;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(fold(c));
    hash *= 16777619U;
  }
  return hash;
}

bool FoldedNameEqual::operator()(std::string_view a, std::string_view b) const {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return fold(x) == fold(y); });
}

IdentityHeaders::IdentityHeaders() {
  add("Client-Cert");
  add("Client-Cert-Chain");
}

void IdentityHeaders::add(std::string_view name) {
  if (must_stay(name)) return;
  names_.emplace(name);
  lengths_ |= bit_of_length(name.size());
  last_letters_ |= bit_of_last(name);
}

bool IdentityHeaders::add_from(const model::Gateway& gateway) {
  const std::size_t before = names_.size();
  for (const auto& set : gateway.rewrite_rule_sets) {
    for (const auto& rule : set.rewrite_rules) {
      for (const auto& action : rule.request_header_configurations) {
        const auto value = ValueTemplate::compile(action.header_value);
        if (!value) continue;
        value->for_each_variable([&](const VariableRef& variable) {
          if (is_client_certificate(variable.kind) || contains(repeated_header(variable))) add(action.header_name);
        });
      }
    }
  }
  return names_.size() != before;
}

bool IdentityHeaders::contains(std::string_view name) const {
  if (name.empty() || (lengths_ & bit_of_length(name.size())) == 0 || (last_letters_ & bit_of_last(name)) == 0) {
    return false;
  }
  return names_.find(name) != names_.end();
}

std::size_t IdentityHeaders::strip(http::Fields& fields) const {
  return fields.remove_if([this](const http::Field& field) { return contains(field.name); });
}

IdentityHeaders collect_identity_headers(std::span<const model::Gateway* const> gateways) {
  IdentityHeaders out;
  // A header copied from an identity header tells identity too: repeat until a round finds no more.
  bool grown = true;
  while (grown) {
    grown = false;
    for (const model::Gateway* gateway : gateways) grown = out.add_from(*gateway) || grown;
  }
  return out;
}

std::size_t drop_invalid_request_names(http::Fields& fields) {
  return fields.remove_if([](const http::Field& field) { return !internal::is_plain_name(field.name); });
}

}  // namespace portcullis::routing
