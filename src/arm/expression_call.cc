// TemplateEvaluator: calls of functions, those of the table, those that choose what they evaluate, and the template's
// own.
#include "arm/expression_evaluator.h"
#include "base/strings.h"

namespace portcullis::arm {
namespace {

constexpr std::string_view kInvalid = "InvalidTemplate";

tl::unexpected<Error> wrong_count(std::string_view name, std::size_t given, std::size_t least, std::size_t most) {
  std::string wanted = std::to_string(least);
  if (most == kAnyNumber)
    wanted += " or more";
  else if (most != least)
    wanted += " to " + std::to_string(most);
  return fail(kInvalid,
              printable(name, 60) + "() takes " + wanted + " arguments; here it has " + std::to_string(given) + ".");
}

}  // namespace

Result<std::vector<Value>> TemplateEvaluator::evaluate_arguments(const Expr& expr) {
  std::vector<Value> arguments;
  arguments.reserve(expr.operands.size());
  for (const Expr& operand : expr.operands) {
    auto value = evaluate(operand);
    if (!value) return tl::unexpected(std::move(value.error()));
    // What a function does with an argument is at least to look at it.
    if (!meter_.step((*value)->text.size() / 64 + (*value)->items.size() / 8)) return too_large();
    arguments.push_back(std::move(*value));
  }
  return arguments;
}

Result<Value> TemplateEvaluator::evaluate_call(const Expr& expr) {
  if (expr.text.find('.') != std::string::npos) return call_user_function(expr);
  if (auto lazy = evaluate_lazy(expr)) return std::move(*lazy);
  const FunctionEntry* entry = find_function(expr.text);
  if (entry == nullptr)
    return fail(kInvalid, "There is no function '" + printable(expr.text, 60) + "', or none that is known here.");
  if (expr.operands.size() < entry->least || expr.operands.size() > entry->most)
    return wrong_count(expr.text, expr.operands.size(), entry->least, entry->most);
  auto arguments = evaluate_arguments(expr);
  if (!arguments) return tl::unexpected(std::move(arguments.error()));
  FunctionCall call{*this, expr.text, std::move(*arguments)};
  return entry->run(call);
}

std::optional<Result<Value>> TemplateEvaluator::evaluate_lazy(const Expr& expr) {
  const auto named = [&](std::string_view name) { return equals_ignore_case(expr.text, name); };
  if (named("if")) return evaluate_if(expr);
  if (named("and")) return evaluate_and_or(expr, false);
  if (named("or")) return evaluate_and_or(expr, true);
  if (named("coalesce")) return evaluate_coalesce(expr);
  return std::nullopt;
}

Result<Value> TemplateEvaluator::evaluate_if(const Expr& expr) {
  if (expr.operands.size() != 3) return wrong_count(expr.text, expr.operands.size(), 3, 3);
  auto condition = evaluate(expr.operands[0]);
  if (!condition) return condition;
  if (!(*condition)->is(Kind::kBoolean))
    return fail(kInvalid,
                "if(): the condition is " + std::string(kind_name(**condition)) + "; it should be a boolean.");
  return evaluate(expr.operands[(*condition)->is_true() ? 1 : 2]);
}

Result<Value> TemplateEvaluator::evaluate_and_or(const Expr& expr, bool stops_at) {
  if (expr.operands.size() < 2) return wrong_count(expr.text, expr.operands.size(), 2, kAnyNumber);
  for (std::size_t i = 0; i < expr.operands.size(); ++i) {
    auto value = evaluate(expr.operands[i]);
    if (!value) return value;
    if (!(*value)->is(Kind::kBoolean))
      return fail(kInvalid, printable(expr.text, 60) + "(): argument " + std::to_string(i + 1) + " is " +
                                std::string(kind_name(**value)) + "; it should be a boolean.");
    if ((*value)->is_true() == stops_at) return to_value(boolean_node(stops_at));
  }
  return to_value(boolean_node(!stops_at));
}

Result<Value> TemplateEvaluator::evaluate_coalesce(const Expr& expr) {
  if (expr.operands.empty()) return wrong_count(expr.text, 0, 1, kAnyNumber);
  for (const Expr& operand : expr.operands) {
    auto value = evaluate(operand);
    if (!value || !(*value)->is(Kind::kNull)) return value;
  }
  return to_value(null_node());
}

Result<Value> TemplateEvaluator::call_user_function(const Expr& expr) {
  const std::size_t dot = expr.text.find('.');
  const std::string_view space = std::string_view(expr.text).substr(0, dot);
  const std::string_view name = std::string_view(expr.text).substr(dot + 1);
  const TemplateScope& scope = *place_.scope;
  const Node* spaces = scope.of_function ? nullptr : scope.root->find("functions");
  for (std::size_t i = 0; spaces != nullptr && spaces->is(Kind::kArray) && i < spaces->items.size(); ++i) {
    const Node& one = spaces->items[i];
    const Node* called = one.find("namespace");
    const Node* members = one.find("members");
    const Node* function = members == nullptr ? nullptr : members->find(name);
    if (called == nullptr || !equals_ignore_case(called->text, space) || function == nullptr) continue;
    auto arguments = evaluate_arguments(expr);
    if (!arguments) return tl::unexpected(std::move(arguments.error()));
    const std::string base = pointer_to(pointer_to(scope.pointer, spaces->key), i);
    return run_user_function(*function, pointer_to(pointer_to(base, members->key), function->key),
                             std::move(*arguments));
  }
  return fail(kInvalid, "The template's 'functions' hold no '" + printable(expr.text, 80) +
                            "'; functions of a template cannot call each other.");
}

Result<Value> TemplateEvaluator::run_user_function(const Node& function, const std::string& pointer,
                                                   std::vector<Value> arguments) {
  const Node* output = function.find("output");
  const Node* value = output == nullptr ? nullptr : member_of(*output, "value");
  if (value == nullptr)
    return fail(kInvalid, "The function has no 'output' with a 'value' (" + function.place() + ").");
  const Node* declared = function.find("parameters");
  const std::size_t count = declared != nullptr && declared->is(Kind::kArray) ? declared->items.size() : 0;
  if (count != arguments.size())
    return fail(kInvalid, "The function takes " + std::to_string(count) + " arguments; here it has " +
                              std::to_string(arguments.size()) + ".");
  TemplateScope scope;
  scope.root = &function;
  scope.pointer = pointer;
  scope.target = place_.scope->target;
  scope.of_function = true;
  for (std::size_t i = 0; i < count; ++i) {
    const Node* name = declared->items[i].find("name");
    if (name == nullptr || !name->is(Kind::kString))
      return fail(kInvalid, "A parameter of the function has no name (" + declared->items[i].place() + ").");
    scope.given[name->text].value = std::move(arguments[i]);
  }
  auto result =
      resolve_apart(*value, pointer_to(pointer_to(pointer, output->key), value->key), Place{&scope, CopyFrames{}});
  if (!result) return already_reported();
  return std::move(*result);
}

}  // namespace portcullis::arm
