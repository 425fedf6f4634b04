#include "arm/expression_evaluator.h"

#include "arm/internal/context.h"
#include "base/strings.h"

namespace portcullis::arm {
namespace {

constexpr std::string_view kReported = "reported";
constexpr std::string_view kInvalid = "InvalidTemplate";
constexpr std::size_t kShownExpression = 160;

// Sets the place of a value that was made elsewhere to that of the expression it came from.
void put_at(Node& node, const Node& place) {
  node.line = place.line;
  node.column = place.column;
  for (Node& item : node.items) put_at(item, place);
}

}  // namespace

tl::unexpected<Error> already_reported() { return fail(kReported, ""); }

TemplateScope& TemplateEvaluator::add_scope(TemplateScope scope) { return scopes_.emplace_back(std::move(scope)); }

void TemplateEvaluator::report(std::string_view code, const std::string& pointer, std::string message) {
  if (code == kReported) return;
  // Everything fails once the meter is empty: that is said once.
  if (meter_.exhausted() && std::exchange(exhaustion_reported_, true)) return;
  if (findings_.size() < kMaxFindings) findings_.error(code, pointer, std::move(message));
}

std::optional<Node> TemplateEvaluator::resolve(const Node& node, const std::string& pointer) {
  if (node.is(Kind::kString)) return resolve_string(node, pointer);
  if (!meter_.node(node.text.size())) {
    report(too_large().value().code, pointer, too_large().value().message);
    return std::nullopt;
  }
  Node out;
  out.kind = node.kind;
  out.line = node.line;
  out.column = node.column;
  out.key = node.key;
  out.text = node.text;
  bool good = true;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    if (node.is(Kind::kObject)) {
      good &= resolve_member(node.items[i], pointer, out);
    } else if (auto item = resolve(node.items[i], pointer_to(pointer, i))) {
      out.items.push_back(std::move(*item));
    } else {
      good = false;
    }
    if (meter_.exhausted()) return std::nullopt;
  }
  if (!good) return std::nullopt;
  return out;
}

bool TemplateEvaluator::resolve_member(const Node& member, const std::string& pointer, Node& into) {
  const std::string place = pointer_to(pointer, member.key);
  if (equals_ignore_case(member.key, "copy") && member.is(Kind::kArray)) return expand_copies(member, place, into);
  auto value = resolve(member, place);
  if (!value) return false;
  if (is_expression(member.key)) {
    const auto key = resolve_key(member, place);
    if (!key) return false;
    value->key = key->text;
    if (!meter_.step(into.items.size())) return false;
    if (member_of(into, value->key) != nullptr) {
      report(kInvalid, place,
             "The name that this expression gives stands in the object already (" + member.place() + ").");
      return false;
    }
  } else {
    value->key = std::string(literal_text(member.key));
  }
  into.items.push_back(std::move(*value));
  return true;
}

std::optional<Node> TemplateEvaluator::resolve_key(const Node& member, const std::string& pointer) {
  Node text = text_node(member.key);
  text.line = member.line;
  text.column = member.column;
  auto key = resolve_string(text, pointer);
  parsed_.erase(&text);
  if (key && !key->is(Kind::kString)) {
    report(kInvalid, pointer,
           "The name of a member comes out as " + std::string(kind_name(*key)) + "; it should be a string (" +
               printable(member.key, kShownExpression) + ").");
    return std::nullopt;
  }
  return key;
}

std::optional<Node> TemplateEvaluator::resolve_string(const Node& node, const std::string& pointer) {
  if (!is_expression(node.text)) {
    Node out = text_node(std::string(literal_text(node.text)));
    if (!meter_.node(out.text.size())) {
      report(too_large().value().code, pointer, too_large().value().message);
      return std::nullopt;
    }
    out.line = node.line;
    out.column = node.column;
    out.key = node.key;
    return out;
  }
  auto known = parsed_.find(&node);
  if (known == parsed_.end()) known = parsed_.emplace(&node, parse_expression(node.text)).first;
  Result<Value> value = known->second ? evaluate(*known->second) : tl::unexpected(known->second.error());
  if (value && !meter_.copy(**value)) value = too_large();
  if (!value) {
    report(value.error().code, pointer,
           value.error().message + " In " + printable(node.text, kShownExpression) + " (" + node.place() + ").");
    return std::nullopt;
  }
  Node out = **value;
  put_at(out, node);
  out.key = node.key;
  return out;
}

std::optional<std::string> TemplateEvaluator::resolve_text(const Node& node, const std::string& pointer) {
  auto value = resolve(node, pointer);
  if (!value) return std::nullopt;
  if (value->is(Kind::kString)) return std::move(value->text);
  report(kInvalid, pointer,
         "This is " + std::string(kind_name(*value)) + "; it should be a string (" + node.place() + ").");
  return std::nullopt;
}

std::optional<bool> TemplateEvaluator::resolve_boolean(const Node& node, const std::string& pointer) {
  const auto value = resolve(node, pointer);
  if (!value) return std::nullopt;
  if (value->is(Kind::kBoolean)) return value->is_true();
  report(kInvalid, pointer,
         "This is " + std::string(kind_name(*value)) + "; it should be a boolean (" + node.place() + ").");
  return std::nullopt;
}

std::optional<std::int64_t> TemplateEvaluator::resolve_count(const Node& loop, const std::string& pointer) {
  const Node* count = loop.find("count");
  if (count == nullptr) {
    report(kInvalid, pointer, "The copy loop has no 'count' (" + loop.place() + ").");
    return std::nullopt;
  }
  const std::string place = pointer_to(pointer, count->key);
  const auto value = resolve(*count, place);
  if (!value) return std::nullopt;
  const auto number = integer_of(*value);
  if (number && *number >= 0 && *number <= kMaxCopyCount) return number;
  report(kInvalid, place,
         "The count of a copy loop is a whole number from 0 to " + std::to_string(kMaxCopyCount) +
             ", Azure's limit; this one is not (" + count->place() + ").");
  return std::nullopt;
}

bool TemplateEvaluator::expand_copies(const Node& copies, const std::string& pointer, Node& into) {
  bool good = true;
  for (std::size_t i = 0; i < copies.items.size(); ++i) {
    const std::string place = pointer_to(pointer, i);
    auto expanded = expand_copy(copies.items[i], place);
    if (expanded && member_of(into, expanded->key) != nullptr) {
      report(kInvalid, place,
             "The copy loop makes the member '" + printable(expanded->key, 80) +
                 "', which stands in the object already (" + copies.items[i].place() + ").");
      expanded.reset();
    }
    if (expanded)
      into.items.push_back(std::move(*expanded));
    else
      good = false;
  }
  return good;
}

// The array that a {name, count, input} stands for, its key the loop's name.
std::optional<Node> TemplateEvaluator::expand_copy(const Node& loop, const std::string& pointer) {
  const Node* name = loop.find("name");
  if (!loop.is(Kind::kObject) || name == nullptr || !name->is(Kind::kString) || name->text.empty()) {
    report(kInvalid, pointer,
           "A copy loop is an object {\"name\": …, \"count\": …, \"input\": …} (" + loop.place() + ").");
    return std::nullopt;
  }
  const Node* input = member_of(loop, "input");
  if (input == nullptr) {
    report(kInvalid, pointer,
           "The copy loop '" + printable(name->text, 80) + "' has no 'input' (" + loop.place() + ").");
    return std::nullopt;
  }
  const auto count = resolve_count(loop, pointer);
  if (!count) return std::nullopt;
  Node all = collection_node(Kind::kArray);
  all.line = loop.line;
  all.column = loop.column;
  all.key = name->text;
  bool good = true;
  for (std::int64_t i = 0; i < *count && good; ++i) {
    place_.frames.push_back({name->text, i, false});
    auto item = resolve(*input, pointer_to(pointer, input->key));
    place_.frames.pop_back();
    // The first failure is enough: the others would say the same.
    good = item.has_value();
    if (good) all.items.emplace_back(std::move(*item)).key.clear();
  }
  if (!good) return std::nullopt;
  return all;
}

// --- expressions ---------------------------------------------------------------------------------------------------

namespace {
constexpr std::size_t kMaxNesting = 500;  // of expressions, by way of variables and parameters too
}  // namespace

Result<Value> TemplateEvaluator::evaluate(const Expr& expr) {
  if (!meter_.step()) return too_large();
  if (nesting_ >= kMaxNesting)
    return fail(kInvalid, "Expressions, variables and parameters refer to each other over too many steps.");
  ++nesting_;
  Result<Value> value = evaluate_kind(expr);
  --nesting_;
  return value;
}

Result<Value> TemplateEvaluator::evaluate_kind(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kString:
      if (!meter_.bytes(expr.text.size())) return too_large();
      return to_value(text_node(expr.text));
    case ExprKind::kInteger:
      return to_value(integer_node(expr.integer));
    case ExprKind::kCall:
      return evaluate_call(expr);
    case ExprKind::kMember:
      return evaluate_member(expr);
    case ExprKind::kIndex:
      return evaluate_index(expr);
  }
  return already_reported();
}

namespace {

Result<Value> member_value(Meter& meter, const Value& target, std::string_view name) {
  if (!meter.step(target->items.size() / 8)) return too_large();
  if (!target->is(Kind::kObject))
    return fail(kInvalid, "A member is asked of " + std::string(kind_name(*target)) + "; only objects have members.");
  if (const Node* member = member_of(*target, name)) return part_of(target, *member);
  std::string names;
  for (const Node& member : target->items) {
    if (names.size() > 200) {
      names += ", …";
      break;
    }
    names += (names.empty() ? "" : ", ") + printable(member.key, 60);
  }
  return fail(kInvalid, "The object has no member '" + printable(name, 80) +
                            "'; it has: " + (names.empty() ? "none" : names) + ".");
}

}  // namespace

Result<Value> TemplateEvaluator::evaluate_member(const Expr& expr) {
  auto target = evaluate(expr.operands[0]);
  if (!target) return target;
  return member_value(meter_, *target, expr.text);
}

Result<Value> TemplateEvaluator::evaluate_index(const Expr& expr) {
  auto target = evaluate(expr.operands[0]);
  if (!target) return target;
  auto key = evaluate(expr.operands[1]);
  if (!key) return key;
  if ((*key)->is(Kind::kString)) return member_value(meter_, *target, (*key)->text);
  const auto index = integer_of(**key);
  if (!index)
    return fail(kInvalid, "An index is " + std::string(kind_name(**key)) + "; it should be a whole number or a name.");
  if (!(*target)->is(Kind::kArray))
    return fail(kInvalid,
                "An element is asked of " + std::string(kind_name(**target)) + "; only arrays have elements.");
  const auto& items = (*target)->items;
  if (*index < 0 || static_cast<std::uint64_t>(*index) >= items.size())
    return fail(kInvalid, "The index " + std::to_string(*index) + " is out of range: the array has " +
                              std::to_string(items.size()) + " elements, counted from 0.");
  return part_of(*target, items[static_cast<std::size_t>(*index)]);
}

}  // namespace portcullis::arm
