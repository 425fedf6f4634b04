// References between sub-resources: the three ways to write one, and what each mistake is called on Azure.
#include "arm/internal/context.h"

namespace portcullis::arm {
namespace {

constexpr std::string_view kGatewayType = "applicationGateways";

// Segments of a full id: "", subscriptions, S, resourceGroups, G, providers, Microsoft.Network, applicationGateways,
// GW, collection, name.
constexpr std::size_t kFullIdSegments = 11;

bool is_full_gateway_child(const std::vector<std::string_view>& parts) {
  return parts.size() == kFullIdSegments && equals_ignore_case(parts[1], "subscriptions") &&
         equals_ignore_case(parts[3], "resourceGroups") && equals_ignore_case(parts[5], "providers") &&
         equals_ignore_case(parts[6], "Microsoft.Network") && equals_ignore_case(parts[7], kGatewayType);
}

bool has_empty_segment(const std::vector<std::string_view>& parts) {
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (parts[i].empty() && i != 0) return true;
  return false;
}

// A path; and where it says that it is a full id, "/subscriptions/…/providers/NAMESPACE/(TYPE/NAME)+" with that last
// type.
bool is_external_id(std::string_view id, std::string_view type) {
  const std::vector<std::string_view> parts = split(id, '/');
  if (parts.size() < 2 || !parts[0].empty() || has_empty_segment(parts)) return false;
  if (!equals_ignore_case(parts[1], "subscriptions")) return true;
  std::size_t provider = parts.size() - 1;
  while (provider > 0 && !equals_ignore_case(parts[provider], "providers")) --provider;
  const std::size_t after = parts.size() - provider - 1;
  return provider > 0 && after >= 3 && after % 2 == 1 &&
         (type.empty() || equals_ignore_case(parts[parts.size() - 2], type));
}

}  // namespace

void Context::index_names(const Node& properties, std::string gateway_name, std::string gateway_id) {
  gateway_name_ = std::move(gateway_name);
  id_base_ = std::move(gateway_id);
  for (const Node& collection : properties.items) {
    if (!collection.is(Kind::kArray)) continue;
    auto& names = names_[collection.key];
    auto& ordered = ordered_[collection.key];
    for (const Node& element : collection.items) {
      const Node* name = element.find("name");
      const bool named = name != nullptr && (name->is(Kind::kString) || name->is(Kind::kNumber));
      ordered.push_back(named ? name->text : std::string());
      if (named) names.emplace(name->text, name->text);
    }
  }
}

std::string Context::own_id(std::string_view collection, std::string_view name) const {
  return gateway_id() + "/" + std::string(collection) + "/" + printable(name, 80);
}

std::string Context::gateway_id() const {
  return id_base_.empty() ? "applicationGateways/" + printable(gateway_name_, 80) : id_base_;
}

std::string Context::referrer(const std::string& pointer) const {
  constexpr std::string_view kProperties = "/properties/";
  const std::size_t at = pointer.find(kProperties);
  std::string id = gateway_id();
  if (at == std::string::npos) return id;
  const std::string rest = pointer.substr(at + kProperties.size());
  const std::vector<std::string_view> parts = split(rest, '/');
  id += "/" + printable(parts[0], 80);
  const auto names = ordered_.find(std::string(parts[0]));
  const auto index = parts.size() > 1 ? parse_uint(parts[1]) : std::nullopt;
  if (names != ordered_.end() && index && *index < names->second.size())
    id += "/" + printable(names->second[*index], 80);
  return id;
}

void Context::reference_missing(const Node& node, const std::string& pointer) {
  error_at(node, "MissingJsonReferenceId", pointer, "Value for reference id is missing (" + node.place() + ").");
}

void Context::reference_malformed(const Node& node, const std::string& id, const std::string& pointer,
                                  const std::string& expected) {
  error_at(node, "InvalidJsonReferenceFormat", pointer,
           "Reference Id " + printable(id, 200) +
               " is not formatted correctly. The Id is expected to reference resources of type " + expected + ".");
}

std::optional<model::Ref> Context::resolve(const Node& node, const std::string& pointer, std::string_view collection) {
  if (is_expression(node)) return std::nullopt;
  const bool yaml = format_ == Format::kYaml;
  if (yaml && (node.is(Kind::kString) || node.is(Kind::kNumber)))
    return node.text.find('/') == std::string::npos
               ? resolve_name(node, node.text, own_id(collection, node.text), pointer, collection)
               : resolve_id(node, node.text, pointer, collection);
  if (!node.is(Kind::kObject)) {
    wrong_type(node, pointer, yaml ? "a name, {name: …} or {id: …}" : "an object {\"id\": …}");
    return std::nullopt;
  }
  for (const Node& member : node.items)
    if (!equals_ignore_case(member.key, "id") && !(yaml && equals_ignore_case(member.key, "name")))
      unknown_member(member, pointer_to(pointer, member.key), "SubResource", {"id"});
  const Node* id = node.find("id");
  const Node* name = yaml ? node.find("name") : nullptr;
  if (id != nullptr && name != nullptr) {
    error_at(node, "InvalidJsonReferenceFormat", pointer, "Give either 'id' or 'name' here, not both.");
    return std::nullopt;
  }
  const Node* given = id != nullptr ? id : name;
  if (given == nullptr) {
    reference_missing(node, pointer);
    return std::nullopt;
  }
  const std::string given_pointer = pointer_to(pointer, given->key);
  if (is_expression(*given)) return std::nullopt;
  const auto text = text_of(*given, given_pointer);
  if (!text) return std::nullopt;
  return id != nullptr ? resolve_id(*given, *text, given_pointer, collection)
                       : resolve_name(*given, *text, own_id(collection, *text), given_pointer, collection);
}

std::optional<model::Ref> Context::resolve_id(const Node& node, const std::string& id, const std::string& pointer,
                                              std::string_view collection) {
  if (id.empty()) {
    reference_missing(node, pointer);
    return std::nullopt;
  }
  const auto malformed = [&] {
    reference_malformed(node, id, pointer, "applicationGateways/" + std::string(collection));
    return std::nullopt;
  };
  const std::vector<std::string_view> parts = split(id, '/');
  if (parts.size() < 2 || has_empty_segment(parts)) return malformed();
  const bool full = starts_with_ignore_case(id, "/subscriptions/");
  if (full && !is_full_gateway_child(parts)) return malformed();
  if (!equals_ignore_case(parts[parts.size() - 2], collection)) return malformed();
  const std::string name(parts.back());
  if (full && !equals_ignore_case(parts[8], gateway_name_)) {
    error_at(node, "InvalidResourceReference", pointer,
             "Resource " + printable(id, 300) + " referenced by resource " + referrer(pointer) +
                 " belongs to the gateway '" + printable(parts[8], 80) + "', and this one is '" +
                 printable(gateway_name_, 80) + "': a gateway can use only its own parts.");
    return std::nullopt;
  }
  // The id ends in "/<collection>/<name>", which are parts of it that split() has seen.
  if (full && id_base_.empty()) id_base_ = id.substr(0, id.size() - parts[9].size() - parts[10].size() - 2);
  auto ref = resolve_name(node, name, full ? id : own_id(collection, name), pointer, collection);
  if (ref && full) ref->id = id;
  return ref;
}

std::optional<model::Ref> Context::resolve_name(const Node& node, const std::string& name, const std::string& shown,
                                                const std::string& pointer, std::string_view collection) {
  if (const auto names = names_.find(collection); names != names_.end())
    if (const auto found = names->second.find(name); found != names->second.end())
      return model::Ref{found->second, pointer, {}};
  error_at(node, "InvalidResourceReference", pointer,
           "Resource " + printable(shown, 300) + " referenced by resource " + referrer(pointer) +
               " was not found. Please make sure that the referenced resource exists, and that both resources are in "
               "the same region.");
  return std::nullopt;
}

std::optional<std::string> Context::external_id(const Node& node, const std::string& pointer, std::string_view type) {
  if (!node.is(Kind::kObject)) {
    wrong_type(node, pointer, "an object {\"id\": …}");
    return std::nullopt;
  }
  for (const Node& member : node.items)
    if (!equals_ignore_case(member.key, "id"))
      unknown_member(member, pointer_to(pointer, member.key), "SubResource", {"id"});
  const Node* id = node.find("id");
  if (id == nullptr) {
    reference_missing(node, pointer);
    return std::nullopt;
  }
  if (is_expression(*id)) return std::nullopt;
  const std::string at = pointer_to(pointer, id->key);
  auto text = text_of(*id, at);
  if (!text || is_external_id(*text, type)) return text;
  if (text->empty())
    reference_missing(*id, at);
  else
    reference_malformed(*id, *text, at, type.empty() ? "another resource" : std::string(type));
  return std::nullopt;
}

}  // namespace portcullis::arm
