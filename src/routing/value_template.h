// The text of a rewrite action's headerValue, compiled: literal bytes with `{var_x}`, `{http_req_X}`, `{http_resp_X}`
// in between (azure-semantics §2, §7.4). Immutable once compiled, owned by the RewriteProgram, free to share between
// threads. What it expands to is always a valid field value (RFC 9110 §5.5), whatever the variables hold.
//
// Which braces are a reference: a '{' followed, without regard to case, by `var_`, `http_req_` or `http_resp_` begins
// one, and it must then end in '}' and name a known variable. Every other '{' and every '}' outside a reference is
// literal, so JSON in a header needs no escape. There is no way to write a literal `{var_`.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "routing/variables.h"

namespace portcullis::routing {

class ValueTemplate {
 public:
  static constexpr std::size_t kMaxBytes = 32 * 1024;  // the HTTP/1.1 header limit (azure-semantics §9.4)
  static constexpr std::size_t kMaxReferences = 64;    // bounds what one action can expand to

  // Errors: rewrite.value_too_long, rewrite.too_many_variables, rewrite.value_control_byte (a control byte other than
  // tab in the literal text), rewrite.unclosed_variable, rewrite.unknown_variable (lists near names),
  // rewrite.capture_without_condition (`{var_client_ip_1}`, `{http_req_X_1}`).
  static Result<ValueTemplate> compile(std::string_view text);

  // Appends the value to `out`. Control bytes of a variable's value (CR, LF, NUL and the rest, tab excepted) become
  // spaces, as RFC 9110 §5.5 says, and spaces and tabs at both ends of the result are dropped. Nothing appended: the
  // value is empty, which deletes the header (§2.1).
  void expand(const VariableSource& source, std::string& out) const;

  // True when there is no variable: the value is literal().
  bool is_constant() const { return constant_; }
  // The value of a constant template, trimmed; may be empty.
  std::string_view literal() const;

  template <class Visitor>
  void for_each_variable(Visitor visit) const {
    for (const Part& part : parts_) {
      if (part.is_variable) visit(part.variable);
    }
  }

 private:
  struct Part {
    bool is_variable = false;
    std::string text;
    VariableRef variable;
  };

  std::vector<Part> parts_;  // literal texts are never empty
  bool constant_ = true;
};

}  // namespace portcullis::routing
