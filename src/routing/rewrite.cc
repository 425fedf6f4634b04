#include "routing/rewrite.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/host_name.h"
#include "base/strings.h"
#include "http/writer.h"
#include "routing/internal/header_names.h"

namespace portcullis::routing {

namespace {

enum class Side { kRequest, kResponse };

// The rules in the order in which they run.
std::vector<const model::RewriteRule*> in_sequence(const model::RewriteRuleSet& rules) {
  std::vector<const model::RewriteRule*> out;
  out.reserve(rules.rewrite_rules.size());
  for (const auto& rule : rules.rewrite_rules) out.push_back(&rule);
  std::stable_sort(out.begin(), out.end(),
                   [](const auto* a, const auto* b) { return a->rule_sequence < b->rule_sequence; });
  return out;
}

// Whether the action may stand at all by its name; reports why not. An action that Azure discards is no error.
bool name_is_writable(const model::HeaderConfiguration& action, Side side, model::Findings& findings) {
  const std::string shown = "'" + printable(action.header_name, 80) + "'";
  if (!http::is_token(action.header_name)) {
    findings.error("rewrite.bad_header_name", action.pointer,
                   shown + " is not a header name; use letters, digits and '-'");
    return false;
  }
  if (internal::is_framing_header(action.header_name)) {
    findings.error(
        "rewrite.header_not_writable", action.pointer,
        shown + " belongs to the connection or frames the message and cannot be rewritten; remove the action");
    return false;
  }
  const bool discarded = side == Side::kRequest ? !internal::is_plain_name(action.header_name)
                                                : action.header_name.find('_') != std::string::npos;
  if (discarded) {
    findings.warning("rewrite.header_discarded", action.pointer,
                     "a header called " + shown +
                         " is never sent, so the action does nothing; use letters, digits and '-' in its name");
  }
  return !discarded;
}

void judge_variables(const model::HeaderConfiguration& action, Side side, const ValueTemplate& value, bool is_host,
                     model::Findings& findings) {
  value.for_each_variable([&](const VariableRef& variable) {
    const std::string shown = "{" + to_string(variable) + "}";
    if (is_host && is_client_certificate(variable.kind)) {
      findings.error("rewrite.host_from_certificate", action.pointer,
                     "Host cannot be filled from " + shown +
                         ": an identity header is removed from every client's request, and Host is needed; use another "
                         "header");
    }
    if (side == Side::kRequest && is_response_only(variable.kind)) {
      findings.warning("rewrite.response_variable_in_request", action.pointer,
                       shown + " is known only once the backend has answered and is always empty in a request header");
    }
  });
}

std::optional<ValueTemplate> compile_value(const model::HeaderConfiguration& action, Side side, bool is_host,
                                           model::Findings& findings) {
  auto value = ValueTemplate::compile(action.header_value);
  if (!value) {
    findings.error(value.error().code, action.pointer,
                   "header '" + printable(action.header_name, 80) + "': " + value.error().message);
    return std::nullopt;
  }
  judge_variables(action, side, *value, is_host, findings);
  if (is_host && value->is_constant()) {
    if (value->literal().empty()) {
      findings.error("rewrite.host_deleted", action.pointer, "Host cannot be deleted; give it a value");
    } else if (!parse_host_port(value->literal())) {
      findings.error("rewrite.host_invalid", action.pointer,
                     "Host cannot be set to '" + printable(value->literal(), 80) + "', which is no host[:port]");
    }
  }
  return std::move(*value);
}

}  // namespace

std::optional<RewriteProgram> RewriteProgram::compile(const model::RewriteRuleSet& rules, model::Findings& findings) {
  RewriteProgram out;
  model::Findings found;
  const auto add = [&found](const auto& configurations, Side side, std::vector<Action>& actions) {
    for (const auto& action : configurations) {
      if (!name_is_writable(action, side, found)) continue;
      const bool is_host = side == Side::kRequest && equals_ignore_case(action.header_name, "host");
      auto value = compile_value(action, side, is_host, found);
      if (value) actions.push_back({action.header_name, std::move(*value), is_host});
    }
  };
  for (const auto* rule : in_sequence(rules)) {
    add(rule->request_header_configurations, Side::kRequest, out.request_);
    add(rule->response_header_configurations, Side::kResponse, out.response_);
  }
  const bool refused = found.has_errors();
  findings.append(std::move(found));
  if (refused) return std::nullopt;
  return out;
}

void RewriteProgram::apply(const std::vector<Action>& actions, http::Fields& fields, const VariableSource& source) {
  std::string expanded;
  for (const Action& action : actions) {
    std::string_view value;
    if (action.value.is_constant()) {
      value = action.value.literal();
    } else {
      expanded.clear();
      action.value.expand(source, expanded);
      value = expanded;
      // A client's bytes may have ended up here: what is no host must not reach the backend's Host.
      if (action.is_host && !parse_host_port(value)) continue;
    }
    if (value.empty()) {
      fields.remove(action.name);
    } else {
      fields.set(action.name, value);
    }
  }
}

void RewriteProgram::apply_request(http::Fields& fields, const VariableSource& source) const {
  apply(request_, fields, source);
}

void RewriteProgram::apply_response(http::Fields& fields, const VariableSource& source) const {
  apply(response_, fields, source);
}

}  // namespace portcullis::routing
