#include "arm/writer.h"

#include "arm/internal/gateway_tables.h"

namespace portcullis::arm {
namespace {

void append_pretty(const Node& node, std::size_t depth, std::string& out) {  // recursion is bounded by the tables
  if ((!node.is(Kind::kObject) && !node.is(Kind::kArray)) || node.items.empty()) {
    out += to_json(node);
    return;
  }
  const bool object = node.is(Kind::kObject);
  const std::string indent(2 * (depth + 1), ' ');
  out += object ? "{\n" : "[\n";
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    if (i > 0) out += ",\n";
    out += indent;
    if (object) {
      out += to_json(json_text(node.items[i].key));
      out += ": ";
    }
    append_pretty(node.items[i], depth + 1, out);
  }
  out += '\n';
  out.append(2 * depth, ' ');
  out += object ? '}' : ']';
}

std::string own_id(const model::Gateway& gateway, const WriteOptions& options) {
  if (!gateway.id.empty()) return gateway.id;
  if (!gateway.id_base.empty()) return gateway.id_base;
  return options.collection_id + gateway.name;
}

}  // namespace

Node write_gateway(const model::Gateway& gateway, const WriteOptions& options) {
  const std::string id = own_id(gateway, options);
  const Writing writing{gateway, options, id, id, "Microsoft.Network/applicationGateways"};
  return write_object(writing, gateway_resource_table(), gateway);
}

std::string to_pretty_json(const Node& node) {
  std::string out;
  append_pretty(node, 0, out);
  out += '\n';
  return out;
}

}  // namespace portcullis::arm
