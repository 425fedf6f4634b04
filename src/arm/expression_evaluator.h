// Evaluates what stands in a template: trees with expressions in them, parameters and variables (each once, on first
// use), copy loops, user-defined functions. What goes wrong is reported where it stands, once. One evaluation, one
// thread; refers to the options and the template's tree, which must outlive it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arm/expression.h"
#include "arm/template.h"
#include "arm/template_functions.h"

namespace portcullis::arm {

inline constexpr std::int64_t kMaxCopyCount = 800;  // Azure's limit

struct CopyFrame {
  std::string name;
  std::int64_t index = 0;
  bool of_resource = false;
};
using CopyFrames = std::vector<CopyFrame>;

// What parameters() and variables() mean: one for the template, one for each nested deployment with scope "inner", one
// for each call of a user-defined function.
struct TemplateScope {
  // A value that was given for a parameter.
  struct Given {
    Value value;                      // set: as it is, from the parameter file or a call
    const Node* node = nullptr;       // else: to be resolved in `scope`, with `frames`
    const Node* reference = nullptr;  // else: a Key Vault secret
    std::string pointer;
    TemplateScope* scope = nullptr;
    CopyFrames frames;
  };
  struct Memo {
    enum class State : std::uint8_t { kBusy, kDone, kFailed } state = State::kBusy;
    Value value;
  };

  const Node* root = nullptr;
  std::string pointer;
  DeploymentTarget target;
  TemplateScope* outer = nullptr;
  bool of_function = false;
  model::NameMap<Given> given;
  model::NameMap<Memo> parameters;
  model::NameMap<Memo> variables;
};

class TemplateEvaluator final : public TemplateSession {
 public:
  TemplateEvaluator(const TemplateOptions& options, model::Findings& findings)
      : options_(options), findings_(findings) {}

  TemplateScope& add_scope(TemplateScope scope);
  // Evaluates in `scope` and `frames` from here on; returns what was so far, to be put back.
  struct Place {
    TemplateScope* scope = nullptr;
    CopyFrames frames;
  };
  Place enter(Place place) { return std::exchange(place_, std::move(place)); }
  const Place& place() const { return place_; }

  // The tree with every expression replaced; nothing where one failed, which is then reported.
  std::optional<Node> resolve(const Node& node, const std::string& pointer);
  // The value of a node as a scalar of a kind; nothing, and a finding, where it is something else.
  std::optional<std::string> resolve_text(const Node& node, const std::string& pointer);
  std::optional<bool> resolve_boolean(const Node& node, const std::string& pointer);
  // The `count` of a loop, from 0 to kMaxCopyCount.
  std::optional<std::int64_t> resolve_count(const Node& loop, const std::string& pointer);

  void report(std::string_view code, const std::string& pointer, std::string message);
  const std::vector<std::string>& secure_values() const { return secure_values_; }

  // What reference('deployment') gives for a deployment nested in the template; set by the owner, may be empty.
  // Nothing: there is no such deployment.
  std::function<std::optional<Result<Value>>(const std::string& name)> nested_outputs;

  Meter& meter() override { return meter_; }
  const DeploymentTarget& target() const override { return place_.scope->target; }
  std::string location() const override { return options_.location; }
  std::string tenant_id() const override { return options_.tenant_id; }
  WallTime now() const override;
  const Node& template_root() const override { return *place_.scope->root; }
  Result<Value> parameter(std::string_view name) override;
  Result<Value> variable(std::string_view name) override;
  Result<std::int64_t> copy_index(std::string_view loop) override;
  Result<Value> reference(const std::string& id, std::string_view action) override;
  Result<Value> laid_over(std::string_view function) override;

 private:
  std::optional<Node> resolve_string(const Node& node, const std::string& pointer);
  bool resolve_member(const Node& member, const std::string& pointer, Node& into);
  bool expand_copies(const Node& copies, const std::string& pointer, Node& into);
  std::optional<Node> expand_copy(const Node& loop, const std::string& pointer);
  std::optional<Node> resolve_key(const Node& member, const std::string& pointer);

  Result<Value> evaluate(const Expr& expr);
  Result<Value> evaluate_kind(const Expr& expr);
  Result<Value> evaluate_member(const Expr& expr);
  Result<Value> evaluate_index(const Expr& expr);
  Result<Value> evaluate_call(const Expr& expr);
  Result<std::vector<Value>> evaluate_arguments(const Expr& expr);
  // if, and, or, coalesce: what they do not need is not evaluated. Nothing: it is none of them.
  std::optional<Result<Value>> evaluate_lazy(const Expr& expr);
  Result<Value> evaluate_if(const Expr& expr);
  Result<Value> evaluate_and_or(const Expr& expr, bool stops_at);
  Result<Value> evaluate_coalesce(const Expr& expr);
  Result<Value> call_user_function(const Expr& expr);
  Result<Value> run_user_function(const Node& function, const std::string& pointer, std::vector<Value> arguments);

  Result<Value> compute_parameter(const Node& declaration, const std::string& pointer);
  std::optional<Value> given_value(const TemplateScope::Given& given, const Node& declaration,
                                   const std::string& pointer);
  std::optional<Value> secret_value(const TemplateScope::Given& given, const std::string& name,
                                    const std::string& pointer);
  std::optional<Value> checked_parameter(std::optional<Value> value, const Node& declaration,
                                         const std::string& pointer);
  std::optional<Value> resolve_apart(const Node& node, const std::string& pointer, Place place);
  std::optional<Value> compute_variable(std::string_view name, bool& known);
  void remember_secrets(const Node& value);
  Result<Value> host_value(const std::string& json, std::string_view key);

  const TemplateOptions& options_;
  model::Findings& findings_;
  Meter meter_;
  Place place_;
  std::size_t nesting_ = 0;
  bool exhaustion_reported_ = false;
  std::deque<TemplateScope> scopes_;
  std::map<const Node*, Result<Expr>> parsed_;
  std::map<std::string, Value, LessIgnoreCase> host_values_;
  std::vector<std::string> secure_values_;
};

// The failure of something that is reported already.
tl::unexpected<Error> already_reported();

}  // namespace portcullis::arm
