// The functions of template expressions: a table from name to implementation, split by theme over
// template_functions_*.cc. Each takes evaluated arguments and returns a value or an error of code "InvalidTemplate"
// that says what was wrong and never shows a value. if(), and(), or(), coalesce() and user-defined functions, which
// choose what is evaluated, belong to expression_evaluator. Pure; one evaluation, one thread.
#pragma once

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arm/expression_value.h"
#include "base/clock.h"

namespace portcullis::arm {

// Where a deployment goes: differs between a template and the deployments nested in it.
struct DeploymentTarget {
  std::string subscription_id;
  std::string resource_group;
  std::string deployment;
};

// What functions may ask of the evaluation that calls them.
class TemplateSession {
 public:
  virtual ~TemplateSession() = default;
  virtual Meter& meter() = 0;
  virtual const DeploymentTarget& target() const = 0;
  virtual std::string location() const = 0;
  virtual std::string tenant_id() const = 0;
  virtual WallTime now() const = 0;
  virtual const Node& template_root() const = 0;
  virtual Result<Value> parameter(std::string_view name) = 0;
  virtual Result<Value> variable(std::string_view name) = 0;
  // The index of the loop of that name; of the resource's loop for an empty name.
  virtual Result<std::int64_t> copy_index(std::string_view loop) = 0;
  // The host's value for reference(id) (empty `action`) or list…(id).
  virtual Result<Value> reference(const std::string& id, std::string_view action) = 0;
  // What the host lays over resourceGroup(), subscription(), deployment(), environment(); null: nothing.
  virtual Result<Value> laid_over(std::string_view function) = 0;
};

struct FunctionCall {
  TemplateSession& session;
  std::string_view name;    // as written
  std::vector<Value> args;  // as many as the table allows

  const Node& arg(std::size_t index) const { return *args[index]; }
  // InvalidTemplate: "<name>(): <what>"
  tl::unexpected<Error> wrong(const std::string& what) const;
  Result<std::string_view> text(std::size_t index) const;
  Result<std::int64_t> integer(std::size_t index) const;
  Result<bool> boolean(std::size_t index) const;
  tl::unexpected<Error> wrong_kind(std::size_t index, std::string_view wanted) const;
  // Charges the meter and checks the size.
  Result<Value> made(std::string text) const;
  // Copies `item` onto the end of `collection`; false when the meter is exhausted.
  bool append(Node& collection, const Node& item) const;
};

inline constexpr std::size_t kAnyNumber = std::numeric_limits<std::size_t>::max();

struct FunctionEntry {
  std::string_view name;  // Azure's spelling
  std::size_t least;      // arguments
  std::size_t most;
  Result<Value> (*run)(FunctionCall& call);
};

std::span<const FunctionEntry> text_functions();
std::span<const FunctionEntry> format_functions();
std::span<const FunctionEntry> number_functions();
std::span<const FunctionEntry> collection_functions();
std::span<const FunctionEntry> resource_functions();

// By name, without regard to case; null when there is none.
const FunctionEntry* find_function(std::string_view name);

}  // namespace portcullis::arm
