#include "arm/template_functions.h"

#include <map>

#include "base/strings.h"

namespace portcullis::arm {
namespace {

using Table = std::map<std::string_view, const FunctionEntry*, LessIgnoreCase>;

Table make_table() {
  Table table;
  for (const auto& theme :
       {text_functions(), format_functions(), number_functions(), collection_functions(), resource_functions()})
    for (const FunctionEntry& entry : theme) table.emplace(entry.name, &entry);
  return table;
}

}  // namespace

const FunctionEntry* find_function(std::string_view name) {
  static const Table table = make_table();
  if (const auto found = table.find(name); found != table.end()) return found->second;
  // listKeys, listSecrets, listAccountSas, …: whatever a resource provider calls its POST actions.
  if (starts_with_ignore_case(name, "list")) return table.find("list*")->second;
  return nullptr;
}

tl::unexpected<Error> FunctionCall::wrong(const std::string& what) const {
  return fail("InvalidTemplate", printable(name, 60) + "(): " + what + ".");
}

tl::unexpected<Error> FunctionCall::wrong_kind(std::size_t index, std::string_view wanted) const {
  return wrong("argument " + std::to_string(index + 1) + " is " + std::string(kind_name(arg(index))) +
               "; it should be " + std::string(wanted));
}

Result<std::string_view> FunctionCall::text(std::size_t index) const {
  if (!arg(index).is(Kind::kString)) return wrong_kind(index, "a string");
  return std::string_view(arg(index).text);
}

Result<std::int64_t> FunctionCall::integer(std::size_t index) const {
  if (const auto value = integer_of(arg(index))) return *value;
  return wrong_kind(index, "a whole number");
}

Result<bool> FunctionCall::boolean(std::size_t index) const {
  if (!arg(index).is(Kind::kBoolean)) return wrong_kind(index, "a boolean, such as true() or equals(…)");
  return arg(index).is_true();
}

Result<Value> FunctionCall::made(std::string text) const {
  if (text.size() > Meter::kMaxString || !session.meter().bytes(text.size())) return too_large();
  return to_value(text_node(std::move(text)));
}

bool FunctionCall::append(Node& collection, const Node& item) const {
  if (!session.meter().copy(item)) return false;
  collection.items.push_back(item);
  if (!collection.is(Kind::kObject)) collection.items.back().key.clear();
  return true;
}

}  // namespace portcullis::arm
