// A rewrite rule set compiled for the request path: its header actions in the order in which they run (azure-semantics
// §7.4). Built by snapshot/ from a model::RewriteRuleSet, immutable, shared by workers; applying it cannot fail.
// Conditions and URL rewriting are later work: every action here is unconditional.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "http/fields.h"
#include "model/finding.h"
#include "model/gateway.h"
#include "routing/value_template.h"
#include "routing/variables.h"

namespace portcullis::routing {

class RewriteProgram {
 public:
  RewriteProgram() = default;  // rewrites nothing

  // Reports everything that is wrong, each with the pointer of its action; nullopt exactly when one finding is an
  // error. Errors: rewrite.bad_header_name (not a token), rewrite.header_not_writable (Connection, Upgrade, and what
  // frames or hops: Content-Length, Transfer-Encoding, TE, Trailer, Keep-Alive, Proxy-Connection),
  // rewrite.host_deleted, rewrite.host_invalid (a constant Host that is no host[:port]), rewrite.host_from_certificate,
  // and those of ValueTemplate::compile. Warnings: rewrite.header_discarded (a request header name with a byte outside
  // letters, digits and '-', or a response header name with '_': Azure discards such headers, so the action is left
  // out), rewrite.response_variable_in_request (always empty there).
  static std::optional<RewriteProgram> compile(const model::RewriteRuleSet& rules, model::Findings& findings);

  // Runs the request actions in order of ruleSequence (ties in document order), each seeing what the earlier ones did:
  // `source` must read http_req_… from `fields` itself. Setting a header replaces every field of its name; an empty
  // value removes them. A Host whose value turns out empty, or no host[:port], is left as it was. Run it after the
  // client's identity headers are stripped and the hop-by-hop fields are gone, so that Connection can name none of ours
  // (I19).
  void apply_request(http::Fields& fields, const VariableSource& source) const;
  // The same for a response head; `source` reads http_resp_… from `fields`.
  void apply_response(http::Fields& fields, const VariableSource& source) const;

  bool has_request_actions() const { return !request_.empty(); }
  bool has_response_actions() const { return !response_.empty(); }

 private:
  struct Action {
    std::string name;  // as the document spells it: what goes out
    ValueTemplate value;
    bool is_host = false;  // a request's Host
  };

  static void apply(const std::vector<Action>& actions, http::Fields& fields, const VariableSource& source);

  std::vector<Action> request_;
  std::vector<Action> response_;
};

}  // namespace portcullis::routing
