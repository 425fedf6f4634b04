// Fields that hold objects: nested ones, lists, collections of sub-resources, references — and those that a document
// may hold although only the gateway computes them.
#pragma once

#include "arm/internal/fields.h"

namespace portcullis::arm {

template <class M>
concept HasPointer = requires(M m) {
  m.pointer = std::string();
};

template <class M>
void read_nested(Context& context, const Node& node, const std::string& pointer, const Table<M>& table, M& target) {
  if constexpr (HasPointer<M>) target.pointer = pointer;
  read_object(context, node, pointer, table, target);
}

template <class M>
Shape object_shape(const Table<M>& table, ValueKind kind = ValueKind::kObject, bool list = false) {
  return {.kind = kind, .list = list, .object = schema_of(table)};
}

template <class T, class Base, class M>
Field<T> object(M Base::*member, const Table<M>& table) {
  return {
      [member, &table](Context& context, const Node& node, const std::string& pointer, T& object) {
        read_nested(context, node, pointer, table, object.*member);
      },
      [member, &table](const Writing& writing, const T& object, std::string_view, bool forced) -> std::optional<Node> {
        Node node = write_object(writing, table, object.*member);
        if (!forced && node.items.empty()) return std::nullopt;
        return node;
      },
      object_shape(table)};
}
template <class T, class Base, class M>
Field<T> object(std::optional<M> Base::*member, const Table<M>& table) {
  return {[member, &table](Context& context, const Node& node, const std::string& pointer, T& object) {
            read_nested(context, node, pointer, table, (object.*member).emplace());
          },
          [member, &table](const Writing& writing, const T& object, std::string_view, bool) -> std::optional<Node> {
            if (!(object.*member)) return std::nullopt;
            return write_object(writing, table, *(object.*member));
          },
          object_shape(table)};
}

// An object on the wire whose members live in T itself.
template <class T>
Field<T> section(const Table<T>& table) {
  return {[&table](Context& context, const Node& node, const std::string& pointer, T& object) {
            read_object(context, node, pointer, table, object);
          },
          [&table](const Writing& writing, const T& object, std::string_view, bool forced) -> std::optional<Node> {
            Node node = write_object(writing, table, object);
            if (!forced && node.items.empty()) return std::nullopt;
            return node;
          },
          object_shape(table)};
}

// A list of plain objects: no ARM envelope around their properties.
template <class T, class Base, class M>
Field<T> objects(std::vector<M> Base::*member, const Table<M>& table) {
  return {
      [member, &table](Context& context, const Node& node, const std::string& pointer, T& object) {
        for_each_element(context, node, pointer, [&](const Node& element, const std::string& where) {
          read_nested(context, element, where, table, (object.*member).emplace_back());
        });
      },
      [member, &table](const Writing& writing, const T& object, std::string_view, bool forced) -> std::optional<Node> {
        if (!forced && (object.*member).empty()) return std::nullopt;
        Node list = container(Kind::kArray);
        for (const M& element : object.*member) list.items.push_back(write_object(writing, table, element));
        return list;
      },
      object_shape(table, ValueKind::kObject, true)};
}

// The element's envelope {id, name, type, etag, properties}: reads the name, returns `properties` or null.
const Node* read_envelope(Context& context, const Node& node, const std::string& pointer, std::string_view type,
                          std::string& name);

// The same on output: `properties` goes between etag and type (arm-api §1.8).
Node write_envelope(const Writing& writing, const std::string& name, Node properties, bool shows_type);

// A collection of sub-resources.
template <class T, class Base, class M>
Field<T> collection(std::vector<M> Base::*member, const Table<M>& table) {
  return {[member, &table](Context& context, const Node& node, const std::string& pointer, T& object) {
            for_each_element(context, node, pointer, [&](const Node& element, const std::string& where) {
              M& resource = (object.*member).emplace_back();
              resource.pointer = where;
              const Node* properties = read_envelope(context, element, where, table.type, resource.name);
              if (properties != nullptr)
                read_object(context, *properties, pointer_to(where, properties->key), table, resource);
            });
          },
          [member, &table](const Writing& writing, const T& object, std::string_view name,
                           bool forced) -> std::optional<Node> {
            if (!forced && (object.*member).empty()) return std::nullopt;
            Node list = container(Kind::kArray);
            for (const M& element : object.*member) {
              const Writing inner{writing.gateway, writing.options, writing.base,
                                  writing.id + "/" + std::string(name) + "/" + element.name,
                                  writing.type + "/" + std::string(name)};
              list.items.push_back(
                  write_envelope(inner, element.name, write_object(inner, table, element), table.shows_type));
            }
            return list;
          },
          object_shape(table, ValueKind::kCollection, true)};
}

// --- references -----------------------------------------------------------------------------------------------------

inline Node reference_node(const Writing& writing, const model::Ref& ref, std::string_view target) {
  return id_node(ref.id.empty() ? writing.base + "/" + std::string(target) + "/" + ref.name : ref.id);
}

template <class T, class Base>
Field<T> reference(std::optional<model::Ref> Base::*member, std::string_view target) {
  return {[=](Context& context, const Node& node, const std::string& pointer, T& object) {
            object.*member = context.resolve(node, pointer, target);
          },
          [=](const Writing& writing, const T& object, std::string_view, bool) -> std::optional<Node> {
            if (!(object.*member)) return std::nullopt;
            return reference_node(writing, *(object.*member), target);
          },
          {.kind = ValueKind::kReference, .target = std::string(target)}};
}

template <class T, class Base>
Field<T> references(std::vector<model::Ref> Base::*member, std::string_view target) {
  return {[=](Context& context, const Node& node, const std::string& pointer, T& object) {
            for_each_element(context, node, pointer, [&](const Node& element, const std::string& where) {
              if (auto ref = context.resolve(element, where, target)) (object.*member).push_back(std::move(*ref));
            });
          },
          [=](const Writing& writing, const T& object, std::string_view, bool forced) -> std::optional<Node> {
            if (!forced && (object.*member).empty()) return std::nullopt;
            Node list = container(Kind::kArray);
            for (const model::Ref& ref : object.*member) list.items.push_back(reference_node(writing, ref, target));
            return list;
          },
          {.kind = ValueKind::kReference, .list = true, .target = std::string(target)}};
}

// {"id": …} of a resource outside this gateway: kept as given. `type`: what it must be of, as its full id names it.
template <class T, class Base>
Field<T> external(std::string Base::*member, std::string_view type) {
  return {[member, type](Context& context, const Node& node, const std::string& pointer, T& object) {
            if (auto id = context.external_id(node, pointer, type)) object.*member = std::move(*id);
          },
          [member](const Writing&, const T& object, std::string_view, bool) -> std::optional<Node> {
            if ((object.*member).empty()) return std::nullopt;
            return id_node(object.*member);
          },
          {.kind = ValueKind::kExternal, .target = std::string(type)}};
}

// --- what is computed -----------------------------------------------------------------------------------------------

// Read-only on Azure: accepted whatever it holds, never shown unless `computed` is.
template <class T>
Field<T> ignored() {
  return {[](Context&, const Node&, const std::string&, T&) {}, nullptr, {.read_only = true}};
}

// Read-only, and computed anew by `compute(writing, object) → optional<Node>`.
template <class T, class Compute>
Field<T> computed(Compute compute) {
  return {[](Context&, const Node&, const std::string&, T&) {},
          [compute](const Writing& writing, const T& object, std::string_view, bool) -> std::optional<Node> {
            return compute(writing, object);
          },
          {.read_only = true}};
}

template <class T>
Field<T> provisioning_state() {
  return computed<T>([](const Writing& writing, const T&) -> std::optional<Node> {
    return json_text(writing.options.provisioning_state);
  });
}

inline bool points_at(const std::optional<model::Ref>& ref, const std::string& name) {
  return ref && equals_ignore_case(ref->name, name);
}
inline bool points_at(const std::vector<model::Ref>& refs, const std::string& name) {
  return std::any_of(refs.begin(), refs.end(),
                     [&](const model::Ref& ref) { return equals_ignore_case(ref.name, name); });
}

// The elements of `elements` that reference this one by `by` (arm-api §1.8), left out where there are none.
template <class T, class R, class ByBase, class By>
Field<T> reverse(std::string_view name, std::vector<R> model::Gateway::*elements, By ByBase::*by) {
  return computed<T>([=](const Writing& writing, const T& object) -> std::optional<Node> {
    Node list = container(Kind::kArray);
    for (const R& element : writing.gateway.*elements)
      if (points_at(element.*by, object.name))
        list.items.push_back(id_node(writing.base + "/" + std::string(name) + "/" + element.name));
    if (list.items.empty()) return std::nullopt;
    return list;
  });
}

// A list of any JSON, kept as text.
template <class T, class Base>
Field<T> kept(std::string Base::*member) {
  return {[member](Context& context, const Node& node, const std::string& pointer, T& object) {
            if (!node.is(Kind::kArray)) return context.wrong_type(node, pointer, "a list");
            object.*member = to_json(node);
          },
          [member](const Writing&, const T& object, std::string_view, bool forced) -> std::optional<Node> {
            if ((object.*member).empty()) return forced ? std::optional(container(Kind::kArray)) : std::nullopt;
            ParsedDocument document = parse_json(object.*member);
            if (document.findings.has_errors()) return std::nullopt;
            return std::move(document.root);
          },
          {.list = true}};
}

}  // namespace portcullis::arm
