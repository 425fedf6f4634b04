// Numbers, comparison and logic in template expressions: 64-bit whole numbers, overflow is an error.
#include <algorithm>

#include "arm/template_functions.h"
#include "base/strings.h"

namespace portcullis::arm {
namespace {

Result<std::pair<std::int64_t, std::int64_t>> two(const FunctionCall& call) {
  const auto a = call.integer(0);
  const auto b = call.integer(1);
  if (!a) return tl::unexpected(a.error());
  if (!b) return tl::unexpected(b.error());
  return std::pair(*a, *b);
}

enum class Operation : std::uint8_t { kAdd, kSub, kMul, kDiv, kMod };

template <Operation kOperation>
Result<Value> arithmetic(FunctionCall& call) {
  const auto pair = two(call);
  if (!pair) return tl::unexpected(pair.error());
  const auto [a, b] = *pair;
  std::int64_t result = 0;
  bool overflow = false;
  switch (kOperation) {
    case Operation::kAdd:
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case Operation::kSub:
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case Operation::kMul:
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    case Operation::kDiv:
    case Operation::kMod:
      if (b == 0) return call.wrong("the second argument is 0");
      overflow = a == INT64_MIN && b == -1;
      if (!overflow) result = kOperation == Operation::kDiv ? a / b : a % b;
      break;
  }
  if (overflow) return call.wrong("the result does not fit into 64 bits");
  return to_value(integer_node(result));
}

Result<Value> int_of(FunctionCall& call) {
  if (const auto value = integer_of(call.arg(0))) return to_value(integer_node(*value));
  const auto text = call.text(0);
  if (!text) return call.wrong_kind(0, "a whole number or a string of digits");
  Node digits = integer_node(0);
  digits.text = std::string(trim(*text));
  const auto value = integer_of(digits);
  if (!value) return call.wrong("the string is not a whole number of at most 64 bits");
  return to_value(integer_node(*value));
}

template <bool kLeast>
Result<Value> extreme(FunctionCall& call) {
  std::vector<std::int64_t> numbers;
  const bool list = call.args.size() == 1 && call.arg(0).is(Kind::kArray);
  const std::size_t count = list ? call.arg(0).items.size() : call.args.size();
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = integer_of(list ? call.arg(0).items[i] : call.arg(i));
    if (!value)
      return list ? call.wrong("the array holds more than whole numbers") : call.wrong_kind(i, "a whole number");
    numbers.push_back(*value);
  }
  if (numbers.empty()) return call.wrong("the array is empty");
  const auto [least, most] = std::minmax_element(numbers.begin(), numbers.end());
  return to_value(integer_node(kLeast ? *least : *most));
}

Result<Value> equals(FunctionCall& call) {
  std::size_t work = 0;
  const bool same = same_value(call.arg(0), call.arg(1), SameCase::kRegarded, work, call.session.meter().steps_left());
  if (!call.session.meter().step(work)) return too_large();
  return to_value(boolean_node(same));
}

// Negative, zero, positive; strings by their bytes.
Result<int> order(const FunctionCall& call) {
  if (call.arg(0).is(Kind::kString) && call.arg(1).is(Kind::kString)) return call.arg(0).text.compare(call.arg(1).text);
  const auto pair = two(call);
  if (!pair) return tl::unexpected(pair.error());
  return pair->first < pair->second ? -1 : pair->first > pair->second ? 1 : 0;
}

template <bool kLess, bool kEqual>
Result<Value> compare(FunctionCall& call) {
  const auto sign = order(call);
  if (!sign) return tl::unexpected(sign.error());
  return to_value(boolean_node(*sign == 0 ? kEqual : (*sign < 0) == kLess));
}

Result<Value> negation(FunctionCall& call) {
  const auto value = call.boolean(0);
  if (!value) return tl::unexpected(value.error());
  return to_value(boolean_node(!*value));
}

Result<Value> bool_of(FunctionCall& call) {
  const Node& given = call.arg(0);
  if (given.is(Kind::kBoolean)) return call.args[0];
  if (const auto number = integer_of(given)) return to_value(boolean_node(*number != 0));
  const bool yes = given.is(Kind::kString) && equals_ignore_case(given.text, "true");
  const bool no = given.is(Kind::kString) && equals_ignore_case(given.text, "false");
  if (!yes && !no) return call.wrong("its argument is neither a boolean, a whole number, 'true' nor 'false'");
  return to_value(boolean_node(yes));
}

template <bool kValue>
Result<Value> constant(FunctionCall&) {
  return to_value(boolean_node(kValue));
}

Result<Value> null(FunctionCall&) { return to_value(null_node()); }

constexpr FunctionEntry kEntries[] = {{"add", 2, 2, arithmetic<Operation::kAdd>},
                                      {"sub", 2, 2, arithmetic<Operation::kSub>},
                                      {"mul", 2, 2, arithmetic<Operation::kMul>},
                                      {"div", 2, 2, arithmetic<Operation::kDiv>},
                                      {"mod", 2, 2, arithmetic<Operation::kMod>},
                                      {"int", 1, 1, int_of},
                                      {"min", 1, kAnyNumber, extreme<true>},
                                      {"max", 1, kAnyNumber, extreme<false>},
                                      {"equals", 2, 2, equals},
                                      {"less", 2, 2, compare<true, false>},
                                      {"lessOrEquals", 2, 2, compare<true, true>},
                                      {"greater", 2, 2, compare<false, false>},
                                      {"greaterOrEquals", 2, 2, compare<false, true>},
                                      {"not", 1, 1, negation},
                                      {"bool", 1, 1, bool_of},
                                      {"true", 0, 0, constant<true>},
                                      {"false", 0, 0, constant<false>},
                                      {"null", 0, 0, null}};

}  // namespace

std::span<const FunctionEntry> number_functions() { return kEntries; }

}  // namespace portcullis::arm
