#include "arm/template.h"

#include <algorithm>
#include <utility>

#include "arm/expression_evaluator.h"
#include "arm/parameters.h"
#include "base/strings.h"

namespace portcullis::arm {
namespace {

constexpr std::string_view kGatewayType = "Microsoft.Network/applicationGateways";
constexpr std::string_view kDeploymentType = "Microsoft.Resources/deployments";
constexpr std::size_t kMaxGateways = 1'000;
constexpr std::size_t kDeploymentSteps = 500;  // what following a nested deployment costs, as the meter counts
constexpr std::size_t kMaxNestedDeployments = 16;

bool is_of_type(const Node& resource, std::string_view type) {
  const Node* given = resource.find("type");
  return given != nullptr && given->is(Kind::kString) && equals_ignore_case(given->text, type);
}

const Node* properties_member(const Node& resource, std::string_view name) {
  const Node* properties = resource.find("properties");
  return properties == nullptr ? nullptr : properties->find(name);
}

// A gateway, or a deployment that may hold one that is not in this file.
bool matters(const Node& node) {
  if (node.is(Kind::kObject)) {
    if (is_of_type(node, kGatewayType)) return true;
    if (is_of_type(node, kDeploymentType) && properties_member(node, "templateLink") != nullptr) return true;
  }
  return std::any_of(node.items.begin(), node.items.end(), matters);
}

bool too_deep(const Node& node, std::size_t left) {
  if (left == 0) return true;
  return std::any_of(node.items.begin(), node.items.end(), [&](const Node& item) { return too_deep(item, left - 1); });
}

std::size_t node_count(const Node& node) {
  std::size_t count = 1;
  for (const Node& item : node.items) count += node_count(item);
  return count;
}

class Selection {
 public:
  Selection(const Node& document, const TemplateOptions& options)
      : document_(document), options_(options), evaluator_(options, found_.findings) {
    evaluator_.nested_outputs = [this](const std::string& name) { return outputs_of(name); };
  }

  TemplateResource run() {
    TemplateScope root;
    root.root = &document_;
    root.target = {options_.subscription_id, options_.resource_group, options_.deployment};
    TemplateScope& scope = evaluator_.add_scope(std::move(root));
    if (options_.parameters != nullptr) give_parameters(scope);
    evaluator_.enter({&scope, {}});
    if (const Node* resources = document_.find("resources")) collect(*resources, pointer_to("", resources->key), 0);
    if (!found_.findings.has_errors())
      if (const Candidate* chosen = choose()) build(*chosen);
    model::conceal(found_.findings, evaluator_.secure_values());
    if (found_.findings.has_errors()) found_.resource = nullptr;
    found_.secure_values = evaluator_.secure_values();
    return std::move(found_);
  }

 private:
  struct Candidate {
    const Node* resource;
    std::string pointer;
    TemplateEvaluator::Place place;
    std::string name;  // empty: the resource has none
  };
  using Found = void (Selection::*)(const Node&, const std::string&, std::size_t);

  void give_parameters(TemplateScope& scope) {
    const Node* declared = document_.find("parameters");
    for (const GivenParameter& one : read_parameters(*options_.parameters, found_.findings)) {
      if (declared == nullptr || member_of(*declared, one.name) == nullptr) {
        evaluator_.report("InvalidTemplate", declared == nullptr ? "" : pointer_to("", declared->key),
                          "The parameter file gives '" + printable(one.name, 80) +
                              "', which the template does not declare; remove it or mend its name.");
        continue;
      }
      TemplateScope::Given& given = scope.given[one.name];
      given.reference = one.reference;
      if (one.value == nullptr) continue;
      Node value = *one.value;
      value.key.clear();
      given.value = to_value(std::move(value));
    }
  }

  // Every gateway under `resources` (an array, or an object of symbolic names).
  void collect(const Node& resources, const std::string& pointer, std::size_t depth) {
    for (std::size_t i = 0; i < resources.items.size(); ++i) {
      const Node& resource = resources.items[i];
      if (!resource.is(Kind::kObject)) continue;
      const bool gateway = is_of_type(resource, kGatewayType);
      const bool deployment = is_of_type(resource, kDeploymentType) && matters(resource);
      const Node* existing = resource.find("existing");
      if ((!gateway && !deployment) || (existing != nullptr && existing->is_true())) continue;
      const std::string place =
          resources.is(Kind::kObject) ? pointer_to(pointer, resource.key) : pointer_to(pointer, i);
      repeat(resource, place, depth, gateway ? &Selection::add_gateway : &Selection::follow);
    }
  }

  // Once, or once an index of the resource's copy loop, where its condition holds.
  void repeat(const Node& resource, const std::string& pointer, std::size_t depth, Found each) {
    const Node* loop = resource.find("copy");
    if (loop == nullptr) return once(resource, pointer, depth, each);
    const std::string place = pointer_to(pointer, loop->key);
    const Node* name = loop->find("name");
    if (name == nullptr || !name->is(Kind::kString))
      return evaluator_.report("InvalidTemplate", place, "The copy loop has no 'name' (" + loop->place() + ").");
    const auto count = evaluator_.resolve_count(*loop, place);
    for (std::int64_t i = 0; i < count.value_or(0) && !found_.findings.has_errors(); ++i) {
      TemplateEvaluator::Place before = evaluator_.place();
      TemplateEvaluator::Place inside = before;
      inside.frames.push_back({name->text, i, true});
      evaluator_.enter(std::move(inside));
      once(resource, pointer, depth, each);
      evaluator_.enter(std::move(before));
    }
  }

  void once(const Node& resource, const std::string& pointer, std::size_t depth, Found each) {
    if (const Node* condition = resource.find("condition")) {
      const auto holds = evaluator_.resolve_boolean(*condition, pointer_to(pointer, condition->key));
      if (!holds || !*holds) return;
    }
    (this->*each)(resource, pointer, depth);
  }

  void add_gateway(const Node& resource, const std::string& pointer, std::size_t) {
    if (candidates_.size() >= kMaxGateways)
      return evaluator_.report("TemplateTooLarge", pointer,
                               "The template makes more than " + std::to_string(kMaxGateways) + " gateways.");
    Candidate candidate{&resource, pointer, evaluator_.place(), {}};
    if (const Node* name = resource.find("name")) {
      auto text = evaluator_.resolve_text(*name, pointer_to(pointer, name->key));
      if (!text) return;
      candidate.name = std::move(*text);
    }
    candidates_.push_back(std::move(candidate));
  }

  void follow(const Node& deployment, const std::string& pointer, std::size_t depth) {
    if (!evaluator_.meter().step(kDeploymentSteps) || depth >= kMaxNestedDeployments)
      return evaluator_.report("TemplateTooLarge", pointer, "Too many deployments are nested here.");
    if (properties_member(deployment, "templateLink") != nullptr) {
      linked_.push_back(pointer);
      return;
    }
    const Node* inner = properties_member(deployment, "template");
    const Node* resources = inner == nullptr ? nullptr : inner->find("resources");
    if (resources == nullptr) return;
    TemplateEvaluator::Place before = evaluator_.place();
    if (enter_deployment(deployment, *inner, pointer))
      collect(*resources, pointer_to(template_pointer(deployment, *inner, pointer), resources->key), depth + 1);
    evaluator_.enter(std::move(before));
  }

  static std::string template_pointer(const Node& deployment, const Node& inner, const std::string& pointer) {
    return pointer_to(pointer_to(pointer, deployment.find("properties")->key), inner.key);
  }

  // With scope "outer" (Azure's default) parameters and variables inside are those outside: nothing changes.
  bool enter_deployment(const Node& deployment, const Node& inner, const std::string& pointer) {
    const Node* options = properties_member(deployment, "expressionEvaluationOptions");
    const Node* kind = options == nullptr ? nullptr : options->find("scope");
    if (kind == nullptr || !equals_ignore_case(kind->text, "inner")) return true;
    TemplateScope scope;
    scope.root = &inner;
    scope.pointer = template_pointer(deployment, inner, pointer);
    scope.outer = evaluator_.place().scope;
    scope.target = scope.outer->target;
    const std::pair<const char*, std::string*> targets[] = {{"name", &scope.target.deployment},
                                                            {"resourceGroup", &scope.target.resource_group},
                                                            {"subscriptionId", &scope.target.subscription_id}};
    for (const auto& [member, target] : targets) {
      const Node* given = deployment.find(member);
      if (given == nullptr) continue;
      auto text = evaluator_.resolve_text(*given, pointer_to(pointer, given->key));
      if (!text) return false;
      *target = std::move(*text);
    }
    if (!pass_parameters(deployment, pointer, scope)) return false;
    evaluator_.enter({&evaluator_.add_scope(std::move(scope)), {}});
    return true;
  }

  bool pass_parameters(const Node& deployment, const std::string& pointer, TemplateScope& scope) {
    const Node* properties = deployment.find("properties");
    const std::string base = pointer_to(pointer, properties->key);
    if (const Node* link = properties->find("parametersLink")) {
      evaluator_.report(
          "TemplateLinkNotFollowed", pointer_to(base, link->key),
          "Linked parameter files are not followed; write the values under 'parameters' (" + link->place() + ").");
      return false;
    }
    const Node* passed = properties->find("parameters");
    for (std::size_t i = 0; passed != nullptr && i < passed->items.size(); ++i) {
      const Node& one = passed->items[i];
      TemplateScope::Given given;
      given.node = member_of(one, "value");
      given.reference = given.node == nullptr ? one.find("reference") : nullptr;
      given.pointer = pointer_to(pointer_to(pointer_to(base, passed->key), one.key), "value");
      given.scope = scope.outer;
      given.frames = evaluator_.place().frames;
      if (given.node != nullptr || given.reference != nullptr) scope.given[one.key] = std::move(given);
    }
    return true;
  }

  std::string names() const {
    std::string text;
    for (const Candidate& candidate : candidates_) {
      if (text.size() > 400) return text + ", …";
      text += (text.empty() ? "" : ", ") + printable(candidate.name.empty() ? "(no name)" : candidate.name, 80);
    }
    return text;
  }

  const Candidate* choose() {
    const std::string base = document_.find("resources") == nullptr ? "" : "/resources";
    std::vector<const Candidate*> fitting;
    for (const Candidate& candidate : candidates_)
      if (options_.gateway.empty() || candidate.name.empty() || equals_ignore_case(candidate.name, options_.gateway))
        fitting.push_back(&candidate);
    if (!refuse_links(fitting.size() == 1 && !options_.gateway.empty())) return nullptr;
    if (fitting.size() == 1) return fitting[0];
    if (candidates_.empty())
      evaluator_.report("TemplateGatewayCount", base,
                        "This template holds no Microsoft.Network/applicationGateways resource whose condition holds.");
    else if (fitting.empty())
      evaluator_.report(
          "GatewayNotFound", base,
          "This template holds no gateway '" + printable(options_.gateway, 80) + "'; it holds: " + names() + ".");
    else
      evaluator_.report("TemplateGatewayCount", base,
                        "This template holds " + std::to_string(candidates_.size()) + " gateways: " + names() +
                            (options_.gateway.empty() ? ". Say which with --name."
                                                      : ". More than one has the name that --name gives."));
    return nullptr;
  }

  // A linked template may hold the gateway that is meant, unless that one was named and found.
  bool refuse_links(bool found) {
    for (const std::string& pointer : linked_) {
      const std::string message =
          "A linked template (templateLink) is not followed; write it inline, as 'template', or remove it";
      if (found)
        found_.findings.warning("TemplateLinkNotFollowed", pointer, message + " to be rid of this warning.");
      else
        evaluator_.report("TemplateLinkNotFollowed", pointer,
                          message + ". If the gateway you mean is not in it, name that one with --name.");
    }
    return found || linked_.empty();
  }

  void build(const Candidate& chosen) {
    evaluator_.enter(chosen.place);
    found_.pointer = chosen.pointer;
    Node resource = collection_node(Kind::kObject);
    resource.line = chosen.resource->line;
    resource.column = chosen.resource->column;
    constexpr std::string_view kOfTheTemplate[] = {"copy", "condition", "dependsOn", "existing"};
    for (const Node& member : chosen.resource->items) {
      if (std::any_of(std::begin(kOfTheTemplate), std::end(kOfTheTemplate),
                      [&](std::string_view name) { return equals_ignore_case(member.key, name); }))
        continue;
      if (auto value = evaluator_.resolve(member, pointer_to(chosen.pointer, member.key)))
        resource.items.push_back(std::move(*value));
    }
    if (too_deep(resource, kMaxDepth) || node_count(resource) > kMaxNodes)
      evaluator_.report("TemplateTooLarge", chosen.pointer,
                        "The evaluated gateway is nested over " + std::to_string(kMaxDepth) +
                            " levels deep or has over " + std::to_string(kMaxNodes) + " values.");
    found_.resource = std::make_unique<const Node>(std::move(resource));
  }

  // reference('name') of a deployment nested in the template at hand: {"outputs": {…}}.
  std::optional<Result<Value>> outputs_of(const std::string& name) {
    const Node* resources = evaluator_.template_root().find("resources");
    const std::string base = evaluator_.place().scope->pointer;
    for (std::size_t i = 0; resources != nullptr && i < resources->items.size(); ++i) {
      const Node& resource = resources->items[i];
      const Node* given = resource.find("name");
      if (given == nullptr || !is_of_type(resource, kDeploymentType)) continue;
      const Node* inner = properties_member(resource, "template");
      const Node* outputs = inner == nullptr ? nullptr : inner->find("outputs");
      if (outputs == nullptr || resource.find("copy") != nullptr) continue;
      const std::string list = pointer_to(base, resources->key);
      const std::string pointer = resources->is(Kind::kObject) ? pointer_to(list, resource.key) : pointer_to(list, i);
      const auto text = evaluator_.resolve_text(*given, pointer_to(pointer, given->key));
      if (!text) return already_reported();
      if (equals_ignore_case(*text, name)) return evaluated_outputs(resource, *inner, *outputs, pointer);
    }
    return std::nullopt;
  }

  Result<Value> evaluated_outputs(const Node& deployment, const Node& inner, const Node& outputs,
                                  const std::string& pointer) {
    // An output may refer to the deployment it belongs to.
    if (!evaluator_.meter().step(kDeploymentSteps) || outputs_depth_ >= kMaxNestedDeployments) return too_large();
    ++outputs_depth_;
    TemplateEvaluator::Place before = evaluator_.place();
    std::optional<Node> value;
    if (enter_deployment(deployment, inner, pointer))
      value = evaluator_.resolve(outputs, pointer_to(template_pointer(deployment, inner, pointer), outputs.key));
    evaluator_.enter(std::move(before));
    --outputs_depth_;
    if (!value) return already_reported();
    value->key = "outputs";
    Node whole = collection_node(Kind::kObject);
    whole.items.push_back(std::move(*value));
    return to_value(std::move(whole));
  }

  const Node& document_;
  const TemplateOptions& options_;
  TemplateResource found_;
  TemplateEvaluator evaluator_;
  std::vector<Candidate> candidates_;
  std::vector<std::string> linked_;
  std::size_t outputs_depth_ = 0;
};

}  // namespace

bool is_template(const Node& document) {
  return document.is(Kind::kObject) && document.find("properties") == nullptr &&
         (document.find("$schema") != nullptr || document.find("resources") != nullptr);
}

TemplateResource evaluate_template(const Node& document, const TemplateOptions& options) {
  return Selection(document, options).run();
}

}  // namespace portcullis::arm
