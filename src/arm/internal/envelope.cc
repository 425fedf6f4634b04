// The ARM envelope around a sub-resource's properties, in both directions.
#include "arm/internal/object_fields.h"

namespace portcullis::arm {
namespace {

struct Envelope {
  std::string name;
  const Node* properties = nullptr;
};

const Table<Envelope>& envelope_table() {
  using E = Envelope;
  static const Table<E> table{
      "SubResource",
      {{"name", text<E>(&E::name), ""},
       {"id", ignored<E>(), ""},
       {"etag", ignored<E>(), ""},
       {"type", ignored<E>(), ""},
       {"properties", Field<E>([](Context&, const Node& node, const std::string&, E& e) { e.properties = &node; }),
        ""}}};
  return table;
}

}  // namespace

const Node* read_envelope(Context& context, const Node& node, const std::string& pointer, std::string_view type,
                          std::string& name) {
  Envelope envelope;
  read_object(context, node, pointer, envelope_table(), envelope, type);
  const Node* given = node.find("name");
  if (node.is(Kind::kObject) && (given == nullptr || (given->is(Kind::kString) && given->text.empty())))
    context.error_at(node, "InvalidResourceName", pointer, "'name' is missing; every element of a collection has one.");
  name = std::move(envelope.name);
  return envelope.properties;
}

Node write_envelope(const Writing& writing, const std::string& name, Node properties, bool shows_type) {
  Node node = container(Kind::kObject);
  add_member(node, "name", json_text(name));
  add_member(node, "id", json_text(writing.id));
  if (!writing.options.etag.empty()) add_member(node, "etag", json_text(writing.options.etag));
  add_member(node, "properties", std::move(properties));
  if (shows_type) add_member(node, "type", json_text(writing.type));
  return node;
}

}  // namespace portcullis::arm
