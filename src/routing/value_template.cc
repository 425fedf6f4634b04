#include "routing/value_template.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/strings.h"

namespace portcullis::routing {

namespace {

constexpr std::string_view kOws = " \t";

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

bool begins_reference(std::string_view after_brace) {
  return starts_with_ignore_case(after_brace, "var_") || starts_with_ignore_case(after_brace, "http_req_") ||
         starts_with_ignore_case(after_brace, "http_resp_");
}

// Where the next reference's '{' stands, or npos.
std::size_t find_reference(std::string_view text, std::size_t from) {
  for (auto at = text.find('{', from); at != std::string_view::npos; at = text.find('{', at + 1)) {
    if (begins_reference(text.substr(at + 1))) return at;
  }
  return std::string_view::npos;
}

// `{var_client_ip_1}`: a known variable with a capture number.
bool is_capture(std::string_view name) {
  const auto last = name.find_last_not_of("0123456789");
  if (last == std::string_view::npos || last + 1 == name.size() || name[last] != '_') return false;
  return parse_variable(name.substr(0, last)).has_value();
}

tl::unexpected<Error> unknown_variable(std::string_view name) {
  const std::string shown = "{" + printable(name, 80) + "}";
  if (is_capture(name)) {
    return fail("rewrite.capture_without_condition",
                shown +
                    " is a capture, but no condition of the rule captures that variable; drop the number to get the "
                    "whole value");
  }
  std::string message = shown + " names no server variable";
  const auto near = near_variable_names(name);
  for (std::size_t i = 0; i < near.size(); ++i) {
    message += (i == 0 ? "; did you mean {" : " or {") + near[i] + "}";
  }
  return fail("rewrite.unknown_variable", std::move(message));
}

}  // namespace

Result<ValueTemplate> ValueTemplate::compile(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return fail("rewrite.value_too_long", "the header value is longer than " + std::to_string(kMaxBytes) + " bytes");
  }
  if (std::any_of(text.begin(), text.end(), is_control)) {
    return fail("rewrite.value_control_byte",
                "the header value \"" + printable(text, 80) + "\" holds a control byte, which no header can carry");
  }
  // Space at the ends is no part of a field value (RFC 9110 §5.5).
  const auto first = text.find_first_not_of(kOws);
  text = first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(kOws) - first + 1);
  ValueTemplate out;
  std::size_t references = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto open = find_reference(text, at);
    const auto literal_end = std::min(open, text.size());
    if (literal_end > at) out.parts_.push_back({false, std::string(text.substr(at, literal_end - at)), {}});
    if (open == std::string_view::npos) break;
    const auto close = text.find('}', open);
    if (close == std::string_view::npos) {
      return fail("rewrite.unclosed_variable", "\"" + printable(text.substr(open), 80) + "\" has no closing '}'");
    }
    const auto name = text.substr(open + 1, close - open - 1);
    auto variable = parse_variable(name);
    if (!variable) return unknown_variable(name);
    if (++references > kMaxReferences) {
      return fail("rewrite.too_many_variables",
                  "the header value has more than " + std::to_string(kMaxReferences) + " variables");
    }
    out.parts_.push_back({true, {}, std::move(*variable)});
    out.constant_ = false;
    at = close + 1;
  }
  return out;
}

std::string_view ValueTemplate::literal() const {
  CHECK(constant_);
  return parts_.empty() ? std::string_view() : std::string_view(parts_.front().text);
}

void ValueTemplate::expand(const VariableSource& source, std::string& out) const {
  const std::size_t start = out.size();
  for (const Part& part : parts_) {
    if (!part.is_variable) {
      out += part.text;
      continue;
    }
    const std::size_t value_at = out.size();
    source.append(part.variable, out);
    CHECK(out.size() >= value_at);
    std::replace_if(out.begin() + static_cast<std::ptrdiff_t>(value_at), out.end(), is_control, ' ');
  }
  const auto last = out.find_last_not_of(kOws);
  out.resize(last == std::string::npos ? start : std::max(start, last + 1));
  const auto first = out.find_first_not_of(kOws, start);
  if (first != std::string::npos) out.erase(start, first - start);
}

}  // namespace portcullis::routing
