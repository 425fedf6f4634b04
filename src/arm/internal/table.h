// Objects read, written and described by table: each property of an object is one row — its name, the field that reads
// and writes it, and what it is — so that a new property is a new row and nothing else. Names are matched without
// regard to case, null means absent, an unknown member is a finding. A row's default is the member's initialiser in the
// model. The order of rows is the order of output. The kinds of fields are in fields.h.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "arm/internal/context.h"
#include "arm/internal/shape.h"
#include "arm/internal/writing.h"

namespace portcullis::arm {

// One property's value in an object of type T: how it is read, how it is written (nothing: never), what it looks like.
template <class T>
struct Field {
  using Read = std::function<void(Context&, const Node&, const std::string& pointer, T&)>;
  // `forced`: also when the value is the default.
  using Write = std::function<std::optional<Node>(const Writing&, const T&, std::string_view name, bool forced)>;

  Field() = default;
  template <class Callable>
  requires(!std::is_same_v<std::decay_t<Callable>, Field> &&
           std::is_invocable_v<Callable, Context&, const Node&, const std::string&, T&>)
      Field(Callable reads, Shape describes = {})
      : read(std::move(reads)), shape(std::move(describes)) {}  // NOLINT
  Field(Read reads, Write writes, Shape describes)
      : read(std::move(reads)), write(std::move(writes)), shape(std::move(describes)) {}

  void operator()(Context& context, const Node& node, const std::string& pointer, T& object) const {
    read(context, node, pointer, object);
  }

  Read read;
  Write write;
  Shape shape;
};

enum RowFlags : unsigned {
  kAlways = 1,    // written even where the document did not give it
  kRequired = 2,  // a document that leaves it out is refused
};

template <class T>
struct Row {
  std::string_view name;  // canonical wire spelling
  Field<T> field;
  std::string_view about;  // for the reference: what it does, or what becomes of it
  unsigned flags = 0;
};

template <class T>
struct Table {
  std::string_view type;  // Azure's type name, for messages
  std::vector<Row<T>> rows;
  bool shows_type = true;  // sub-resources of this kind have a `type` in the read shape
};

// Reads every member of `node` by its row. `type` is what messages call the object: the table's type when empty.
template <class T>
void read_object(Context& context, const Node& node, const std::string& pointer, const Table<T>& table, T& object,
                 std::string_view type = {}) {
  if (context.is_expression(node)) return;
  if (!node.is(Kind::kObject)) return context.wrong_type(node, pointer, "an object", type.empty() ? table.type : type);
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
      if constexpr (requires { object.given; }) object.given.add(row->name);
      row->field(context, member, where, object);
    }
  }
  for (const Row<T>& row : table.rows)
    if ((row.flags & kRequired) != 0 && node.find(row.name) == nullptr)
      context.missing_member(node, pointer, row.name, type.empty() ? table.type : type);
}

template <class T>
bool was_given(const T& object, std::string_view name) {
  if constexpr (requires { object.given; }) return object.given.has(name);
  return false;
}

// Appends every member of `object` that is to be shown.
template <class T>
void write_members(const Writing& writing, const Table<T>& table, const T& object, Node& out) {
  for (const Row<T>& row : table.rows) {
    if (!row.field.write) continue;
    const bool forced = (row.flags & kAlways) != 0 || was_given(object, row.name);
    if (auto value = row.field.write(writing, object, row.name, forced)) add_member(out, row.name, std::move(*value));
  }
}

template <class T>
Node write_object(const Writing& writing, const Table<T>& table, const T& object) {
  Node node = container(Kind::kObject);
  write_members(writing, table, object, node);
  return node;
}

template <class T>
std::shared_ptr<const Schema> schema_of(const Table<T>& table) {
  auto schema = std::make_shared<Schema>();
  schema->type = table.type;
  for (const Row<T>& row : table.rows)
    schema->properties.push_back({row.name, row.field.shape, row.about, (row.flags & kRequired) != 0});
  return schema;
}

}  // namespace portcullis::arm
