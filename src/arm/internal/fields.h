// The kinds of fields that tables are made of: each reads, writes and describes one member of a model struct. A reader
// reports what is wrong through its Context and leaves the member as it was; a writer gives nothing where the member
// holds its default and nobody asked for that.
#pragma once

#include <chrono>
#include <type_traits>

#include "arm/internal/table.h"

namespace portcullis::arm {

template <class T>
const T& initial() {
  static const T value{};
  return value;
}

// --- scalars --------------------------------------------------------------------------------------------------------

template <class M>
struct IsOptional : std::false_type {};
template <class M>
struct IsOptional<std::optional<M>> : std::true_type {};

template <class T, class Base>
Field<T> text(std::string Base::*member) {
  return {[member](Context& context, const Node& node, const std::string& pointer, T& object) {
            if (auto value = context.text_of(node, pointer)) object.*member = std::move(*value);
          },
          [member](const Writing&, const T& object, std::string_view, bool forced) -> std::optional<Node> {
            if (!forced && (object.*member).empty()) return std::nullopt;
            return json_text(object.*member);
          },
          {.kind = ValueKind::kText, .default_value = initial<T>().*member}};
}
template <class T, class Base>
Field<T> text(std::optional<std::string> Base::*member) {
  return {[member](Context& context, const Node& node, const std::string& pointer, T& object) {
            if (auto value = context.text_of(node, pointer)) object.*member = std::move(*value);
          },
          [member](const Writing&, const T& object, std::string_view, bool) -> std::optional<Node> {
            if (!(object.*member)) return std::nullopt;
            return json_text(*(object.*member));
          },
          {.kind = ValueKind::kText}};
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
  assign_number(target.emplace(), value);
}

template <class M>
std::optional<std::uint64_t> number_in(const M& member) {
  if constexpr (IsOptional<M>::value) {
    if (!member) return std::nullopt;
    return number_in(*member);
  } else if constexpr (std::is_arithmetic_v<M>) {
    return static_cast<std::uint64_t>(member);
  } else {
    return static_cast<std::uint64_t>(member.count());
  }
}

template <class T, class M>
std::string default_number(M T::*member) {
  const auto value = number_in(initial<T>().*member);
  return value && *value != 0 ? std::to_string(*value) : std::string();
}

// A whole number (or a count of the unit of a std::chrono duration) in [min, max].
template <class T, class Base, class M>
Field<T> number(M Base::*member, std::uint64_t min, std::uint64_t max, const std::string& unit = {}) {
  return {
      [=](Context& context, const Node& node, const std::string& pointer, T& object) {
        if (const auto value = context.number_of(node, pointer, min, max)) assign_number(object.*member, *value);
      },
      [=](const Writing&, const T& object, std::string_view, bool forced) -> std::optional<Node> {
        const auto value = number_in(object.*member);
        if (!value || *value < min || (!forced && object.*member == initial<T>().*member)) return std::nullopt;
        return json_number(*value);
      },
      {.kind = ValueKind::kNumber, .min = min, .max = max, .unit = unit, .default_value = default_number<T>(member)}};
}

template <class T, class Base, class M>
Field<T> boolean(M Base::*member) {
  const auto& before = initial<T>().*member;
  std::string fallback;
  if constexpr (!IsOptional<M>::value) fallback = before ? "true" : "false";
  return {[member](Context& context, const Node& node, const std::string& pointer, T& object) {
            if (const auto value = context.boolean_of(node, pointer)) object.*member = *value;
          },
          [member](const Writing&, const T& object, std::string_view, bool forced) -> std::optional<Node> {
            if constexpr (IsOptional<M>::value) {
              if (!(object.*member)) return std::nullopt;
              return json_boolean(*(object.*member));
            } else {
              if (!forced && object.*member == initial<T>().*member) return std::nullopt;
              return json_boolean(object.*member);
            }
          },
          {.kind = ValueKind::kBoolean, .default_value = std::move(fallback)}};
}

// --- enumerations ---------------------------------------------------------------------------------------------------

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
  context.wrong_value(node, pointer, printable(*value, 60), "one of " + list);
  return nullptr;
}

template <class E>
std::string name_of(const Names<E>& names, E value) {
  for (const auto& candidate : names)
    if (candidate.second == value) return std::string(candidate.first);
  return {};
}

template <class E>
Shape enumeration(const Names<E>& names) {
  Shape shape{.kind = ValueKind::kEnumerator};
  for (const auto& name : names) shape.values.emplace_back(name.first);
  return shape;
}

template <class T, class Base, class M, class E>
Field<T> enumerator(M Base::*member, Names<E> names) {
  Shape shape = enumeration(names);
  if constexpr (!IsOptional<M>::value) shape.default_value = name_of(names, initial<T>().*member);
  return {[member, names](Context& context, const Node& node, const std::string& pointer, T& object) {
            if (const auto* found = find_enumerator(context, node, pointer, names)) object.*member = found->second;
          },
          [member, names](const Writing&, const T& object, std::string_view, bool forced) -> std::optional<Node> {
            if constexpr (IsOptional<M>::value) {
              if (!(object.*member)) return std::nullopt;
              return json_text(name_of<E>(names, *(object.*member)));
            } else {
              if (!forced && object.*member == initial<T>().*member) return std::nullopt;
              return json_text(name_of<E>(names, object.*member));
            }
          },
          std::move(shape)};
}

inline Names<bool> spellings(const std::vector<std::string_view>& names) {
  Names<bool> result;
  for (const std::string_view name : names) result.emplace_back(name, true);
  return result;
}

// An enumeration that the model keeps as text, in its canonical spelling.
template <class T, class Base>
Field<T> spelled(std::string Base::*member, const std::vector<std::string_view>& names) {
  Field<T> field = text<T>(member);
  field.shape = enumeration(spellings(names));
  field.read = [member, all = spellings(names)](Context& context, const Node& node, const std::string& pointer,
                                                T& object) {
    if (const auto* found = find_enumerator(context, node, pointer, all)) object.*member = std::string(found->first);
  };
  return field;
}

// --- lists of scalars -----------------------------------------------------------------------------------------------

// Calls `each(node, pointer)` for the elements of an array; anything else is a finding.
template <class Each>
void for_each_element(Context& context, const Node& node, const std::string& pointer, Each&& each) {
  if (!node.is(Kind::kArray)) return context.wrong_type(node, pointer, "a list");
  for (std::size_t i = 0; i < node.items.size(); ++i)
    if (!context.is_expression(node.items[i])) each(node.items[i], pointer_to(pointer, i));
}

// A list member, each element read by `read_one(context, node, pointer) → optional` and written by `write_one`.
template <class T, class Base, class M, class ReadOne, class WriteOne>
Field<T> list_of(std::vector<M> Base::*member, ReadOne read_one, WriteOne write_one, Shape shape) {
  shape.list = true;
  return {[=](Context& context, const Node& node, const std::string& pointer, T& object) {
            (object.*member).clear();
            for_each_element(context, node, pointer, [&](const Node& element, const std::string& where) {
              if (auto value = read_one(context, element, where)) (object.*member).push_back(std::move(*value));
            });
          },
          [=](const Writing& writing, const T& object, std::string_view, bool forced) -> std::optional<Node> {
            if (!forced && object.*member == initial<T>().*member) return std::nullopt;
            Node list = container(Kind::kArray);
            for (const M& element : object.*member) list.items.push_back(write_one(writing, element));
            return list;
          },
          std::move(shape)};
}

template <class T, class Base>
Field<T> texts(std::vector<std::string> Base::*member) {
  return list_of<T>(
      member, [](Context& context, const Node& node, const std::string& at) { return context.text_of(node, at); },
      [](const Writing&, const std::string& text) { return json_text(text); }, {.kind = ValueKind::kText});
}

template <class T, class Base>
Field<T> numbers(std::vector<std::uint32_t> Base::*member, std::uint32_t max) {
  return list_of<T>(
      member,
      [max](Context& context, const Node& node, const std::string& at) { return context.number_of(node, at, 0, max); },
      [](const Writing&, std::uint32_t value) { return json_number(value); }, {.kind = ValueKind::kNumber, .max = max});
}

template <class T, class Base>
Field<T> spelled_list(std::vector<std::string> Base::*member, const std::vector<std::string_view>& names) {
  return list_of<T>(
      member,
      [all = spellings(names)](Context& context, const Node& node,
                               const std::string& at) -> std::optional<std::string> {
        const auto* found = find_enumerator(context, node, at, all);
        if (found == nullptr) return std::nullopt;
        return std::string(found->first);
      },
      [](const Writing&, const std::string& text) { return json_text(text); }, enumeration(spellings(names)));
}

template <class T, class Base, class E>
Field<T> enumerator_list(std::vector<E> Base::*member, Names<E> names) {
  Shape shape = enumeration(names);
  return list_of<T>(
      member,
      [names](Context& context, const Node& node, const std::string& at) -> std::optional<E> {
        const auto* found = find_enumerator(context, node, at, names);
        if (found == nullptr) return std::nullopt;
        return found->second;
      },
      [names](const Writing&, E value) { return json_text(name_of(names, value)); }, std::move(shape));
}

}  // namespace portcullis::arm
