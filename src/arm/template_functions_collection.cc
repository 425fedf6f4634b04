// Arrays and objects in template expressions.
#include <algorithm>
#include <cstring>

#include "arm/template_functions.h"

namespace portcullis::arm {
namespace {

constexpr std::int64_t kMaxRange = 10'000;  // Azure's limit

// Equality paid from the meter; an exhausted meter shows in the next charge.
bool same(const FunctionCall& call, const Node& a, const Node& b) {
  std::size_t work = 0;
  const bool equal = same_value(a, b, SameCase::kRegarded, work, call.session.meter().steps_left());
  return call.session.meter().step(work) && equal;
}

bool holds(const FunctionCall& call, const Node& array, const Node& item) {
  return std::any_of(array.items.begin(), array.items.end(), [&](const Node& one) { return same(call, one, item); });
}

Result<Value> finished(const FunctionCall& call, Node node) {
  if (call.session.meter().exhausted()) return too_large();
  return to_value(std::move(node));
}

Result<Value> length(FunctionCall& call) {
  const Node& given = call.arg(0);
  if (given.is(Kind::kString)) return to_value(integer_node(static_cast<std::int64_t>(text_length(given.text))));
  if (!given.is(Kind::kArray) && !given.is(Kind::kObject)) return call.wrong_kind(0, "a string, an array or an object");
  return to_value(integer_node(static_cast<std::int64_t>(given.items.size())));
}

Result<Value> empty(FunctionCall& call) {
  const Node& given = call.arg(0);
  if (given.is(Kind::kNumber) || given.is(Kind::kBoolean)) return call.wrong_kind(0, "a string, an array or an object");
  return to_value(boolean_node(given.text.empty() && given.items.empty()));
}

Result<Value> contains(FunctionCall& call) {
  const Node& container = call.arg(0);
  const Node& item = call.arg(1);
  switch (container.kind) {
    case Kind::kArray:
      return finished(call, boolean_node(holds(call, container, item)));
    case Kind::kObject:
      if (!item.is(Kind::kString)) return call.wrong_kind(1, "the name of a member, a string");
      return to_value(boolean_node(member_of(container, item.text) != nullptr));
    case Kind::kString: {
      if (item.is(Kind::kArray) || item.is(Kind::kObject) || item.is(Kind::kNull))
        return call.wrong_kind(1, "a string");
      const void* found = ::memmem(container.text.data(), container.text.size(), item.text.data(), item.text.size());
      return to_value(boolean_node(found != nullptr));
    }
    default:
      return call.wrong_kind(0, "a string, an array or an object");
  }
}

Result<Value> create_array(FunctionCall& call) {
  Node array = collection_node(Kind::kArray);
  for (const Value& arg : call.args)
    if (!call.append(array, *arg)) return too_large();
  return to_value(std::move(array));
}

Result<Value> create_object(FunctionCall& call) {
  if (call.args.size() % 2 != 0) return call.wrong("its arguments are names and values in turn; the last has no value");
  Node object = collection_node(Kind::kObject);
  for (std::size_t i = 0; i < call.args.size(); i += 2) {
    const auto name = call.text(i);
    if (!name) return tl::unexpected(name.error());
    if (!call.session.meter().step(object.items.size())) return too_large();
    if (member_of(object, *name) != nullptr)
      return call.wrong("argument " + std::to_string(i + 1) + " names a member a second time");
    if (!call.append(object, call.arg(i + 1))) return too_large();
    object.items.back().key = std::string(*name);
  }
  return finished(call, std::move(object));
}

Result<Value> array_of(FunctionCall& call) {
  if (call.arg(0).is(Kind::kArray)) return call.args[0];
  return create_array(call);
}

template <bool kFirst>
Result<Value> edge(FunctionCall& call) {
  const Node& given = call.arg(0);
  if (given.is(Kind::kArray)) {
    if (given.items.empty()) return to_value(null_node());
    return part_of(call.args[0], kFirst ? given.items.front() : given.items.back());
  }
  if (!given.is(Kind::kString)) return call.wrong_kind(0, "an array or a string");
  const std::u16string units = to_utf16(given.text);
  if (units.empty()) return call.made("");
  auto text = to_utf8(std::u16string_view(units).substr(kFirst ? 0 : units.size() - 1, 1));
  if (!text) return call.wrong("it would cut a character in two");
  return call.made(std::move(*text));
}

template <bool kTake>
Result<Value> cut(FunctionCall& call) {
  const Node& given = call.arg(0);
  const auto wanted = call.integer(1);
  if (!wanted) return tl::unexpected(wanted.error());
  const auto at = [&](std::size_t size) {
    return static_cast<std::size_t>(std::clamp<std::int64_t>(*wanted, 0, static_cast<std::int64_t>(size)));
  };
  if (given.is(Kind::kString)) {
    const std::u16string units = to_utf16(given.text);
    const std::u16string_view all = units;
    auto text = to_utf8(kTake ? all.substr(0, at(all.size())) : all.substr(at(all.size())));
    if (!text) return call.wrong("it would cut a character in two");
    return call.made(std::move(*text));
  }
  if (!given.is(Kind::kArray)) return call.wrong_kind(0, "an array or a string");
  const std::size_t edge_index = at(given.items.size());
  Node part = collection_node(Kind::kArray);
  for (std::size_t i = kTake ? 0 : edge_index; i < (kTake ? edge_index : given.items.size()); ++i)
    if (!call.append(part, given.items[i])) return too_large();
  return to_value(std::move(part));
}

// The later value wins; objects in objects are merged, arrays are not (as Azure's union does).
bool merge(FunctionCall& call, Node& into, const Node& from) {
  for (const Node& member : from.items) {
    if (!call.session.meter().step(into.items.size())) return false;
    auto* mine = const_cast<Node*>(member_of(into, member.key));
    if (mine == nullptr) {
      if (!call.append(into, member)) return false;
    } else if (mine->is(Kind::kObject) && member.is(Kind::kObject)) {
      if (!merge(call, *mine, member)) return false;
    } else {
      if (!call.session.meter().copy(member)) return false;
      std::string key = std::move(mine->key);
      *mine = member;
      mine->key = std::move(key);
    }
  }
  return true;
}

Result<Kind> one_kind(const FunctionCall& call) {
  const Kind kind = call.arg(0).kind;
  if (kind != Kind::kArray && kind != Kind::kObject) return call.wrong_kind(0, "an array or an object");
  for (std::size_t i = 1; i < call.args.size(); ++i)
    if (!call.arg(i).is(kind)) return call.wrong_kind(i, "of the same kind as the first");
  return kind;
}

Result<Value> union_of(FunctionCall& call) {
  const auto kind = one_kind(call);
  if (!kind) return tl::unexpected(kind.error());
  Node all = collection_node(*kind);
  for (const Value& arg : call.args) {
    if (*kind == Kind::kObject) {
      if (!merge(call, all, *arg)) return too_large();
      continue;
    }
    for (const Node& item : arg->items)
      if (!holds(call, all, item) && !call.append(all, item)) return too_large();
  }
  return finished(call, std::move(all));
}

Result<Value> intersection(FunctionCall& call) {
  const auto kind = one_kind(call);
  if (!kind) return tl::unexpected(kind.error());
  Node common = collection_node(*kind);
  for (const Node& item : call.arg(0).items) {
    const bool shared = std::all_of(call.args.begin() + 1, call.args.end(), [&](const Value& other) {
      if (*kind == Kind::kArray) return holds(call, *other, item);
      if (!call.session.meter().step(other->items.size())) return false;
      const Node* theirs = member_of(*other, item.key);
      return theirs != nullptr && same(call, *theirs, item);
    });
    if (!shared || (*kind == Kind::kArray && holds(call, common, item))) continue;
    if (!call.append(common, item)) return too_large();
  }
  return finished(call, std::move(common));
}

Result<Value> range(FunctionCall& call) {
  const auto start = call.integer(0);
  const auto count = call.integer(1);
  if (!start) return tl::unexpected(start.error());
  if (!count) return tl::unexpected(count.error());
  if (*count < 0 || *count > kMaxRange) return call.wrong("the count is not from 0 to 10,000");
  if (*start < INT32_MIN || *start > INT32_MAX - *count) return call.wrong("the numbers pass 2,147,483,647");
  Node numbers = collection_node(Kind::kArray);
  for (std::int64_t i = 0; i < *count; ++i)
    if (!call.append(numbers, integer_node(*start + i))) return too_large();
  return to_value(std::move(numbers));
}

Result<Value> json(FunctionCall& call) {
  const auto text = call.text(0);
  if (!text) return tl::unexpected(text.error());
  // What the parser builds on the way to an error must be paid for too: at most a node a byte.
  if (!call.session.meter().step(text->size() / 4)) return too_large();
  ParsedDocument document = parse_json(*text);
  if (document.findings.has_errors()) return call.wrong("its argument is not JSON text");
  if (!call.session.meter().copy(document.root)) return too_large();
  return to_value(std::move(document.root));
}

constexpr FunctionEntry kEntries[] = {{"length", 1, 1, length},
                                      {"empty", 1, 1, empty},
                                      {"contains", 2, 2, contains},
                                      {"createArray", 0, kAnyNumber, create_array},
                                      {"createObject", 0, kAnyNumber, create_object},
                                      {"array", 1, 1, array_of},
                                      {"first", 1, 1, edge<true>},
                                      {"last", 1, 1, edge<false>},
                                      {"take", 2, 2, cut<true>},
                                      {"skip", 2, 2, cut<false>},
                                      {"union", 1, kAnyNumber, union_of},
                                      {"intersection", 1, kAnyNumber, intersection},
                                      {"range", 2, 2, range},
                                      {"json", 1, 1, json}};

}  // namespace

std::span<const FunctionEntry> collection_functions() { return kEntries; }

}  // namespace portcullis::arm
