// Resource ids, scopes, parameters, variables, loops and references in template expressions.
#include <algorithm>

#include "arm/template_functions.h"
#include "base/strings.h"

namespace portcullis::arm {
namespace {

std::string group_id(const DeploymentTarget& target) {
  return "/subscriptions/" + target.subscription_id + "/resourceGroups/" + target.resource_group;
}

// The arguments of an id function as strings, trailing slashes taken off, as Azure does.
Result<std::vector<std::string>> id_arguments(const FunctionCall& call) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < call.args.size(); ++i) {
    const auto text = call.text(i);
    if (!text) return tl::unexpected(text.error());
    std::string_view part = *text;
    while (part.ends_with('/')) part.remove_suffix(1);
    if (part.empty()) return call.wrong("argument " + std::to_string(i + 1) + " is empty");
    parts.emplace_back(part);
  }
  return parts;
}

// "/providers/<namespace>/<type>/<name>…" out of the type at `at` and the names behind it.
Result<std::string> provider_path(const FunctionCall& call, const std::vector<std::string>& parts, std::size_t at) {
  const std::vector<std::string_view> types = split(parts[at], '/');
  const std::size_t names = parts.size() - at - 1;
  if (types.size() < 2 || types.size() - 1 != names)
    return call.wrong("the resource type has " + std::to_string(types.size() - 1) +
                      " parts behind its namespace, and " + std::to_string(names) +
                      " names follow it; there should be one name a part");
  std::string path = "/providers/" + std::string(types[0]);
  for (std::size_t i = 1; i < types.size(); ++i) path += "/" + std::string(types[i]) + "/" + parts[at + i];
  return path;
}

// Which argument is the type: the first with a slash, behind at most `most` others.
Result<std::size_t> type_position(const FunctionCall& call, const std::vector<std::string>& parts, std::size_t most) {
  for (std::size_t i = 0; i < parts.size() && i <= most; ++i)
    if (parts[i].find('/') != std::string::npos) return i;
  return call.wrong("no argument is a resource type, such as 'Microsoft.Network/publicIPAddresses'");
}

Result<Value> scoped_id(FunctionCall& call, const std::vector<std::string>& parts, std::size_t type,
                        const std::string& scope) {
  auto path = provider_path(call, parts, type);
  if (!path) return tl::unexpected(std::move(path.error()));
  return call.made(scope + *path);
}

Result<Value> resource_id(FunctionCall& call) {
  const auto parts = id_arguments(call);
  if (!parts) return tl::unexpected(parts.error());
  const auto type = type_position(call, *parts, 2);
  if (!type) return tl::unexpected(type.error());
  DeploymentTarget target = call.session.target();
  if (*type > 0) target.resource_group = (*parts)[*type - 1];
  if (*type > 1) target.subscription_id = (*parts)[0];
  return scoped_id(call, *parts, *type, group_id(target));
}

Result<Value> subscription_resource_id(FunctionCall& call) {
  const auto parts = id_arguments(call);
  if (!parts) return tl::unexpected(parts.error());
  const auto type = type_position(call, *parts, 1);
  if (!type) return tl::unexpected(type.error());
  const std::string& id = *type > 0 ? (*parts)[0] : call.session.target().subscription_id;
  return scoped_id(call, *parts, *type, "/subscriptions/" + id);
}

Result<Value> tenant_resource_id(FunctionCall& call) {
  const auto parts = id_arguments(call);
  if (!parts) return tl::unexpected(parts.error());
  return scoped_id(call, *parts, 0, "");
}

Result<Value> extension_resource_id(FunctionCall& call) {
  const auto parts = id_arguments(call);
  if (!parts) return tl::unexpected(parts.error());
  const std::string& base = (*parts)[0];
  return scoped_id(call, *parts, 1, base.starts_with('/') ? base : "/" + base);
}

constexpr std::size_t kScopeSteps = 400;  // what building one of these objects costs, as the meter counts

// `made` with what the host lays over it.
Result<Value> with_host(FunctionCall& call, std::string_view function, Node made) {
  if (!call.session.meter().step(kScopeSteps)) return too_large();
  auto host = call.session.laid_over(function);
  if (!host) return host;
  for (const Node& member : (*host)->items) {
    if (!call.session.meter().copy(member)) return too_large();
    const auto mine = std::find_if(made.items.begin(), made.items.end(),
                                   [&](const Node& one) { return equals_ignore_case(one.key, member.key); });
    if (mine == made.items.end())
      made.items.push_back(member);
    else
      *mine = member;
  }
  return to_value(std::move(made));
}

Node parsed(const std::string& json) { return parse_json(json).root; }

std::string quoted(const std::string& text) { return to_json(text_node(text)); }

Result<Value> resource_group(FunctionCall& call) {
  const DeploymentTarget& target = call.session.target();
  return with_host(
      call, "resourceGroup",
      parsed("{\"id\":" + quoted(group_id(target)) + ",\"name\":" + quoted(target.resource_group) +
             R"(,"type":"Microsoft.Resources/resourceGroups","location":)" + quoted(call.session.location()) +
             R"(,"tags":{},"properties":{"provisioningState":"Succeeded"}})"));
}

Result<Value> subscription(FunctionCall& call) {
  const std::string& id = call.session.target().subscription_id;
  return with_host(call, "subscription",
                   parsed("{\"id\":" + quoted("/subscriptions/" + id) + ",\"subscriptionId\":" + quoted(id) +
                          ",\"tenantId\":" + quoted(call.session.tenant_id()) + R"(,"displayName":"Portcullis"})"));
}

Result<Value> tenant(FunctionCall& call) {
  const std::string id = call.session.tenant_id();
  return with_host(call, "tenant", parsed("{\"tenantId\":" + quoted(id) + ",\"displayName\":\"Portcullis\"}"));
}

Result<Value> deployment(FunctionCall& call) {
  const auto root_text = [&](const char* name) {
    const Node* node = call.session.template_root().find(name);
    return quoted(node != nullptr && node->is(Kind::kString) ? node->text : "");
  };
  return with_host(
      call, "deployment",
      parsed("{\"name\":" + quoted(call.session.target().deployment) +
             ",\"location\":" + quoted(call.session.location()) +
             R"(,"properties":{"mode":"Incremental","provisioningState":"Accepted","template":{"$schema":)" +
             root_text("$schema") + ",\"contentVersion\":" + root_text("contentVersion") + "}}}"));
}

// Azure's public cloud.
constexpr const char* kEnvironment = R"({"name":"AzureCloud","gallery":"https://gallery.azure.com/",
"graph":"https://graph.windows.net/","portal":"https://portal.azure.com","graphAudience":"https://graph.windows.net/",
"activeDirectoryDataLake":"https://datalake.azure.net/","batch":"https://batch.core.windows.net/",
"media":"https://rest.media.azure.net","sqlManagement":"https://management.core.windows.net:8443/",
"vmImageAliasDoc":"https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/arm-compute/quickstart-templates/aliases.json",
"resourceManager":"https://management.azure.com/","authentication":{"loginEndpoint":"https://login.microsoftonline.com/",
"audiences":["https://management.core.windows.net/","https://management.azure.com/"],"tenant":"common",
"identityProvider":"AAD"},"suffixes":{"acrLoginServer":".azurecr.io",
"azureDatalakeAnalyticsCatalogAndJob":"azuredatalakeanalytics.net","azureDatalakeStoreFileSystem":"azuredatalakestore.net",
"azureFrontDoorEndpointSuffix":"azurefd.net","keyvaultDns":".vault.azure.net","sqlServerHostname":".database.windows.net",
"storage":"core.windows.net"}})";

Result<Value> environment(FunctionCall& call) {
  static const Node kParsed = parsed(kEnvironment);
  return with_host(call, "environment", kParsed);
}

Result<Value> parameters(FunctionCall& call) {
  const auto name = call.text(0);
  if (!name) return tl::unexpected(name.error());
  return call.session.parameter(*name);
}

Result<Value> variables(FunctionCall& call) {
  const auto name = call.text(0);
  if (!name) return tl::unexpected(name.error());
  return call.session.variable(*name);
}

Result<Value> copy_index(FunctionCall& call) {
  std::string_view loop;
  std::size_t next = 0;
  if (!call.args.empty() && call.arg(0).is(Kind::kString)) {
    loop = call.arg(0).text;
    next = 1;
    if (loop.empty()) return call.wrong("the name of the loop is empty");
  }
  if (call.args.size() > next + 1) return call.wrong("its arguments are the name of a loop and an offset");
  std::int64_t offset = 0;
  if (call.args.size() > next) {
    const auto given = call.integer(next);
    if (!given) return tl::unexpected(given.error());
    offset = *given;
  }
  const auto index = call.session.copy_index(loop);
  if (!index) return tl::unexpected(index.error());
  std::int64_t sum = 0;
  if (__builtin_add_overflow(*index, offset, &sum)) return call.wrong("the result does not fit into 64 bits");
  return to_value(integer_node(sum));
}

Result<Value> reference(FunctionCall& call) {
  const auto id = call.text(0);
  if (!id) return tl::unexpected(id.error());
  return call.session.reference(std::string(*id), "");
}

Result<Value> list(FunctionCall& call) {
  const auto id = call.text(0);
  if (!id) return tl::unexpected(id.error());
  return call.session.reference(std::string(*id), call.name);
}

constexpr FunctionEntry kEntries[] = {{"resourceId", 2, kAnyNumber, resource_id},
                                      {"subscriptionResourceId", 2, kAnyNumber, subscription_resource_id},
                                      {"tenantResourceId", 2, kAnyNumber, tenant_resource_id},
                                      {"extensionResourceId", 3, kAnyNumber, extension_resource_id},
                                      {"resourceGroup", 0, 0, resource_group},
                                      {"subscription", 0, 0, subscription},
                                      {"tenant", 0, 0, tenant},
                                      {"deployment", 0, 0, deployment},
                                      {"environment", 0, 0, environment},
                                      {"parameters", 1, 1, parameters},
                                      {"variables", 1, 1, variables},
                                      {"copyIndex", 0, 2, copy_index},
                                      {"reference", 1, 3, reference},
                                      {"list*", 1, 3, list}};

}  // namespace

std::span<const FunctionEntry> resource_functions() { return kEntries; }

}  // namespace portcullis::arm
