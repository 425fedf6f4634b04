// Objects read by table: each property of an object is one row — its name, what reads it, and where that is documented
// — so that a new property is a new row and nothing else. Names are matched without regard to case, null means absent,
// an unknown member is a finding. A row's default is the member's initialiser in the model.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arm/internal/context.h"

namespace portcullis::arm {

// Reads one property's value into an object of type T.
template <class T>
using Field = std::function<void(Context&, const Node&, const std::string& pointer, T&)>;

template <class T>
struct Row {
  std::string_view name;  // canonical wire spelling
  Field<T> read;
  std::string_view source;  // document and section
};

template <class T>
struct Table {
  std::string_view type;  // Azure's type name, for messages
  std::vector<Row<T>> rows;
};

// Reads every member of `node` by its row. `type` is what messages call the object: the table's type when empty.
template <class T>
void read_object(Context& context, const Node& node, const std::string& pointer, const Table<T>& table, T& object,
                 std::string_view type = {}) {
  if (context.is_expression(node)) return;
  if (!node.is(Kind::kObject)) return context.wrong_type(node, pointer, "an object");
  for (const Node& member : node.items) {
    const auto row = std::find_if(table.rows.begin(), table.rows.end(), [&](const Row<T>& candidate) {
      return equals_ignore_case(candidate.name, member.key);
    });
    const std::string where = pointer_to(pointer, member.key);
    if (row == table.rows.end()) {
      std::vector<std::string_view> known;
      for (const Row<T>& candidate : table.rows) known.push_back(candidate.name);
      context.unknown_member(member, where, type.empty() ? table.type : type, known);
    } else if (!member.is(Kind::kNull) && !context.is_expression(member)) {
      row->read(context, member, where, object);
    }
  }
}

// --- scalars --------------------------------------------------------------------------------------------------------

template <class T, class Base>
Field<T> text(std::string Base::*member) {
  return [member](Context& context, const Node& node, const std::string& pointer, T& object) {
    if (auto value = context.text_of(node, pointer)) object.*member = std::move(*value);
  };
}

template <class M>
void assign_number(M& target, std::uint64_t value) {
  if constexpr (std::is_arithmetic_v<M>)
    target = static_cast<M>(value);
  else
    target = M(static_cast<decltype(std::declval<M>().count())>(value));
}
template <class M>
void assign_number(std::optional<M>& target, std::uint64_t value) {
  target = static_cast<M>(value);
}

// A whole number (or a count of the unit of a std::chrono duration) in [min, max].
template <class T, class Base, class M>
Field<T> number(M Base::*member, std::uint64_t min, std::uint64_t max) {
  return [=](Context& context, const Node& node, const std::string& pointer, T& object) {
    if (const auto value = context.number_of(node, pointer, min, max)) assign_number(object.*member, *value);
  };
}

template <class T, class Base>
Field<T> boolean(bool Base::*member) {
  return [member](Context& context, const Node& node, const std::string& pointer, T& object) {
    if (const auto value = context.boolean_of(node, pointer)) object.*member = *value;
  };
}

template <class E>
using Names = std::vector<std::pair<std::string_view, E>>;

template <class E>
const std::pair<std::string_view, E>* find_enumerator(Context& context, const Node& node, const std::string& pointer,
                                                      const Names<E>& names) {
  if (context.is_expression(node)) return nullptr;
  const auto value = context.text_of(node, pointer);
  if (!value) return nullptr;
  for (const auto& candidate : names)
    if (equals_ignore_case(candidate.first, *value)) return &candidate;
  std::string list;
  for (const auto& candidate : names) list += (list.empty() ? "" : ", ") + std::string(candidate.first);
  context.error("InvalidJson", pointer,
                "Error converting value \"" + printable(*value, 60) + "\": one of " + list + " is expected here (" +
                    node.place() + ").");
  return nullptr;
}

template <class T, class Base, class E>
Field<T> enumerator(E Base::*member, Names<E> names) {
  return [member, names = std::move(names)](Context& context, const Node& node, const std::string& pointer, T& object) {
    if (const auto* found = find_enumerator(context, node, pointer, names)) object.*member = found->second;
  };
}
template <class T, class Base, class E>
Field<T> enumerator(std::optional<E> Base::*member, Names<E> names) {
  return [member, names = std::move(names)](Context& context, const Node& node, const std::string& pointer, T& object) {
    if (const auto* found = find_enumerator(context, node, pointer, names)) object.*member = found->second;
  };
}

inline Names<bool> spellings(std::initializer_list<std::string_view> names) {
  Names<bool> result;
  for (const std::string_view name : names) result.emplace_back(name, true);
  return result;
}

// An enumeration that the model keeps as text, in its canonical spelling.
template <class T, class Base>
Field<T> spelled(std::string Base::*member, std::initializer_list<std::string_view> names) {
  return [member, all = spellings(names)](Context& context, const Node& node, const std::string& pointer, T& object) {
    if (const auto* found = find_enumerator(context, node, pointer, all)) object.*member = std::string(found->first);
  };
}

// --- lists ----------------------------------------------------------------------------------------------------------

// Calls `each(node, pointer)` for the elements of an array; anything else is a finding.
template <class Each>
void for_each_element(Context& context, const Node& node, const std::string& pointer, Each&& each) {
  if (!node.is(Kind::kArray)) return context.wrong_type(node, pointer, "a list");
  for (std::size_t i = 0; i < node.items.size(); ++i)
    if (!context.is_expression(node.items[i])) each(node.items[i], pointer_to(pointer, i));
}

template <class T, class Base>
Field<T> texts(std::vector<std::string> Base::*member) {
  return [member](Context& context, const Node& node, const std::string& pointer, T& object) {
    for_each_element(context, node, pointer, [&](const Node& element, const std::string& where) {
      if (auto value = context.text_of(element, where)) (object.*member).push_back(std::move(*value));
    });
  };
}

template <class T, class Base>
Field<T> spelled_list(std::vector<std::string> Base::*member, std::initializer_list<std::string_view> names) {
  return [member, all = spellings(names)](Context& context, const Node& node, const std::string& pointer, T& object) {
    for_each_element(context, node, pointer, [&](const Node& element, const std::string& where) {
      if (const auto* found = find_enumerator(context, element, where, all))
        (object.*member).emplace_back(found->first);
    });
  };
}

template <class T, class Base, class E>
Field<T> enumerator_list(std::vector<E> Base::*member, Names<E> names) {
  return [member, names = std::move(names)](Context& context, const Node& node, const std::string& pointer, T& object) {
    (object.*member).clear();
    for_each_element(context, node, pointer, [&](const Node& element, const std::string& where) {
      if (const auto* found = find_enumerator(context, element, where, names))
        (object.*member).push_back(found->second);
    });
  };
}

// --- objects, collections, references
// ---------------------------------------------------------------------------------

template <class M>
concept HasPointer = requires(M m) {
  m.pointer = std::string();
};

template <class M>
void read_nested(Context& context, const Node& node, const std::string& pointer, const Table<M>& table, M& target) {
  if constexpr (HasPointer<M>) target.pointer = pointer;
  read_object(context, node, pointer, table, target);
}

template <class T, class Base, class M>
Field<T> object(M Base::*member, const Table<M>& table) {
  return [member, &table](Context& context, const Node& node, const std::string& pointer, T& object) {
    read_nested(context, node, pointer, table, object.*member);
  };
}
template <class T, class Base, class M>
Field<T> object(std::optional<M> Base::*member, const Table<M>& table) {
  return [member, &table](Context& context, const Node& node, const std::string& pointer, T& object) {
    read_nested(context, node, pointer, table, (object.*member).emplace());
  };
}

// A list of plain objects: no ARM envelope around their properties.
template <class T, class Base, class M>
Field<T> objects(std::vector<M> Base::*member, const Table<M>& table) {
  return [member, &table](Context& context, const Node& node, const std::string& pointer, T& object) {
    for_each_element(context, node, pointer, [&](const Node& element, const std::string& where) {
      read_nested(context, element, where, table, (object.*member).emplace_back());
    });
  };
}

// The element's envelope {id, name, type, etag, properties}: reads the name, returns `properties` or null.
const Node* read_envelope(Context& context, const Node& node, const std::string& pointer, std::string_view type,
                          std::string& name);

// A collection of sub-resources.
template <class T, class Base, class M>
Field<T> collection(std::vector<M> Base::*member, const Table<M>& table) {
  return [member, &table](Context& context, const Node& node, const std::string& pointer, T& object) {
    for_each_element(context, node, pointer, [&](const Node& element, const std::string& where) {
      M& resource = (object.*member).emplace_back();
      resource.pointer = where;
      const Node* properties = read_envelope(context, element, where, table.type, resource.name);
      if (properties != nullptr) read_object(context, *properties, pointer_to(where, properties->key), table, resource);
    });
  };
}

template <class T, class Base>
Field<T> reference(std::optional<model::Ref> Base::*member, std::string_view target) {
  return [=](Context& context, const Node& node, const std::string& pointer, T& object) {
    object.*member = context.resolve(node, pointer, target);
  };
}

template <class T, class Base>
Field<T> references(std::vector<model::Ref> Base::*member, std::string_view target) {
  return [=](Context& context, const Node& node, const std::string& pointer, T& object) {
    for_each_element(context, node, pointer, [&](const Node& element, const std::string& where) {
      if (auto ref = context.resolve(element, where, target)) (object.*member).push_back(std::move(*ref));
    });
  };
}

template <class T, class Base>
Field<T> external(std::string Base::*member) {
  return [member](Context& context, const Node& node, const std::string& pointer, T& object) {
    if (auto id = context.external_id(node, pointer)) object.*member = std::move(*id);
  };
}

// --- what is known but not read
// ---------------------------------------------------------------------------------------

// Read-only on Azure, or without meaning here: accepted and ignored, whatever it holds.
template <class T>
Field<T> ignored() {
  return [](Context&, const Node&, const std::string&, T&) {};
}

// True where a value asks for something: not false, empty or "off".
bool asks_for_something(const Node& node);

// A property that this build does not implement: an error where it asks for something.
template <class T>
Field<T> not_built(std::string_view feature) {
  return [feature](Context& context, const Node& node, const std::string& pointer, T&) {
    if (asks_for_something(node))
      context.error("NotSupportedYet", pointer,
                    "This build does not implement " + std::string(feature) + " yet; remove '" + node.key + "'.");
  };
}

}  // namespace portcullis::arm
