// TemplateEvaluator: what the names in an expression stand for — parameters, variables, loops, and what the host knows.
#include "arm/expression_evaluator.h"
#include "arm/internal/tree_builder.h"
#include "arm/parameters.h"
#include "base/base64.h"
#include "base/strings.h"

namespace portcullis::arm {
namespace {

using State = TemplateScope::Memo::State;
constexpr std::string_view kInvalid = "InvalidTemplate";
constexpr std::size_t kShortestSecret = 4;  // shorter ones would turn a message into stars
constexpr std::size_t kMaxSecrets =
    2'000;  // messages hold few values at all; searching each for more would cost too much

}  // namespace

WallTime TemplateEvaluator::now() const { return options_.clock ? options_.clock->wall() : SystemClock().wall(); }

// Resolves a tree that stands somewhere else in the template.
std::optional<Value> TemplateEvaluator::resolve_apart(const Node& node, const std::string& pointer, Place place) {
  Place before = enter(std::move(place));
  auto value = resolve(node, pointer);
  enter(std::move(before));
  if (!value) return std::nullopt;
  value->key.clear();
  return to_value(std::move(*value));
}

Result<Value> TemplateEvaluator::parameter(std::string_view name) {
  TemplateScope& scope = *place_.scope;
  if (scope.of_function) {
    const auto found = scope.given.find(name);
    if (found != scope.given.end()) return found->second.value;
    return fail(kInvalid, "The function has no parameter '" + printable(name, 80) + "'.");
  }
  const Node* declared = scope.root->find("parameters");
  const Node* declaration = declared == nullptr ? nullptr : member_of(*declared, name);
  if (declaration == nullptr)
    return fail(kInvalid, "The template declares no parameter '" + printable(name, 80) + "'.");
  const auto [memo, fresh] = scope.parameters.try_emplace(declaration->key);
  if (!fresh) {
    if (memo->second.state == State::kDone) return memo->second.value;
    if (memo->second.state == State::kFailed) return already_reported();
    return fail(kInvalid, "The parameter '" + printable(name, 80) + "' depends on itself.");
  }
  auto value = compute_parameter(*declaration, pointer_to(pointer_to(scope.pointer, declared->key), declaration->key));
  memo->second.state = value ? State::kDone : State::kFailed;
  if (value) memo->second.value = *value;
  return value;
}

Result<Value> TemplateEvaluator::compute_parameter(const Node& declaration, const std::string& pointer) {
  TemplateScope& scope = *place_.scope;
  std::optional<Value> value;
  if (const auto given = scope.given.find(declaration.key); given != scope.given.end()) {
    value = given_value(given->second, declaration, pointer);
  } else if (const Node* fallback = member_of(declaration, "defaultValue")) {
    value = resolve_apart(*fallback, pointer_to(pointer, fallback->key), Place{&scope, CopyFrames{}});
  } else {
    const std::string name = printable(declaration.key, 80);
    report(kInvalid, pointer,
           "The parameter '" + name + "' has no value and no default: give it in " +
               (scope.outer == nullptr
                    ? "the parameter file (--parameters FILE), {\"parameters\": {\"" + name + "\": {\"value\": …}}}"
                    : "the 'parameters' of its deployment") +
               " (" + declaration.place() + ").");
  }
  value = checked_parameter(std::move(value), declaration, pointer);
  if (!value) return already_reported();
  return std::move(*value);
}

std::optional<Value> TemplateEvaluator::given_value(const TemplateScope::Given& given, const Node& declaration,
                                                    const std::string& pointer) {
  if (given.value != nullptr) return given.value;
  if (given.reference != nullptr) return secret_value(given, declaration.key, pointer);
  return resolve_apart(*given.node, given.pointer, Place{given.scope, given.frames});
}

std::optional<Value> TemplateEvaluator::secret_value(const TemplateScope::Given& given, const std::string& name,
                                                     const std::string& pointer) {
  const auto secret = key_vault_secret(*given.reference);
  if (!secret) {
    report(kInvalid, pointer,
           "The Key Vault reference that is given for the parameter '" + printable(name, 80) +
               "' is not {\"keyVault\": {\"id\": …}, \"secretName\": …}.");
    return std::nullopt;
  }
  for (const std::string& key : {name, secret->name, secret->url}) {
    auto found = options_.secret ? options_.secret(key) : std::nullopt;
    if (!found) continue;
    if (find_invalid_utf8(*found)) *found = base64_encode(*found);
    while (found->ends_with('\n') || found->ends_with('\r')) found->pop_back();
    Value value = to_value(text_node(std::move(*found)));
    remember_secrets(*value);
    return value;
  }
  report(kInvalid, pointer,
         "The parameter '" + printable(name, 80) +
             "' takes its value from a Key Vault, which is not asked from here: " +
             "name a file that holds it in the host file, secrets: {\"" + printable(secret->url, 200) +
             "\": FILE}, or give a value in the parameter file.");
  return std::nullopt;
}

std::optional<Value> TemplateEvaluator::checked_parameter(std::optional<Value> value, const Node& declaration,
                                                          const std::string& pointer) {
  if (!value) return std::nullopt;
  if (is_secure(declaration)) remember_secrets(**value);
  if (auto problem = parameter_problem(declaration, **value)) {
    report(kInvalid, pointer,
           "The value of the parameter '" + printable(declaration.key, 80) + "' " + *problem + " (" +
               declaration.place() + ").");
    return std::nullopt;
  }
  return value;
}

void TemplateEvaluator::remember_secrets(const Node& value) {
  if ((value.is(Kind::kString) || value.is(Kind::kNumber)) && value.text.size() >= kShortestSecret)
    secure_values_.push_back(value.text);
  for (const Node& item : value.items)
    if (secure_values_.size() < kMaxSecrets) remember_secrets(item);
}

Result<Value> TemplateEvaluator::variable(std::string_view name) {
  TemplateScope& scope = *place_.scope;
  if (scope.of_function) return fail(kInvalid, "A function of a template cannot use variables.");
  const auto [memo, fresh] = scope.variables.try_emplace(std::string(name));
  if (!fresh) {
    if (memo->second.state == State::kDone) return memo->second.value;
    if (memo->second.state == State::kFailed) return already_reported();
    return fail(kInvalid, "The variable '" + printable(name, 80) + "' depends on itself.");
  }
  bool known = true;
  auto value = compute_variable(name, known);
  if (!known) {
    scope.variables.erase(memo);
    return fail(kInvalid, "The template has no variable '" + printable(name, 80) + "'.");
  }
  memo->second.state = value ? State::kDone : State::kFailed;
  if (!value) return already_reported();
  memo->second.value = *value;
  return std::move(*value);
}

std::optional<Value> TemplateEvaluator::compute_variable(std::string_view name, bool& known) {
  TemplateScope& scope = *place_.scope;
  const Node* all = scope.root->find("variables");
  const Node* copies = all == nullptr ? nullptr : all->find("copy");
  const bool loops = copies != nullptr && copies->is(Kind::kArray);
  const Node* found = all == nullptr ? nullptr : member_of(*all, name);
  const std::string base = all == nullptr ? "" : pointer_to(scope.pointer, all->key);
  if (found != nullptr && !(loops && found == copies))
    return resolve_apart(*found, pointer_to(base, found->key), Place{&scope, CopyFrames{}});
  for (std::size_t i = 0; loops && i < copies->items.size(); ++i) {
    const Node* loop = copies->items[i].find("name");
    if (loop == nullptr || !equals_ignore_case(loop->text, name)) continue;
    Place before = enter(Place{&scope, CopyFrames{}});
    auto value = expand_copy(copies->items[i], pointer_to(pointer_to(base, copies->key), i));
    enter(std::move(before));
    if (!value) return std::nullopt;
    value->key.clear();
    return to_value(std::move(*value));
  }
  known = false;
  return std::nullopt;
}

Result<std::int64_t> TemplateEvaluator::copy_index(std::string_view loop) {
  const CopyFrames& frames = place_.frames;
  for (std::size_t i = frames.size(); i-- > 0;) {
    const CopyFrame& frame = frames[i];
    if (loop.empty() ? frame.of_resource : equals_ignore_case(frame.name, loop)) return frame.index;
  }
  if (!loop.empty())
    return fail(kInvalid, "copyIndex(): no copy loop '" + printable(loop, 80) + "' is around this expression.");
  if (frames.empty()) return fail(kInvalid, "copyIndex(): no copy loop is around this expression.");
  return frames.back().index;
}

namespace {

// The forms under which the host may know a resource, the longest first: its id, "Microsoft.X/type/name", "name".
std::vector<std::string> reference_keys(std::string_view id) {
  while (id.ends_with('/')) id.remove_suffix(1);
  std::vector<std::string> keys{std::string(id)};
  const std::string lower = to_lower(id);
  const std::size_t providers = lower.rfind("/providers/");
  std::string_view relative = id;
  if (providers != std::string::npos) {
    relative = id.substr(providers + 11);
    keys.emplace_back(relative);
  }
  const std::vector<std::string_view> parts = split(relative, '/');
  if (parts.size() < 2) return keys;
  std::string names;
  const bool typed = parts.size() % 2 == 1 && parts[0].find('.') != std::string_view::npos;
  for (std::size_t i = 2; typed && i < parts.size(); i += 2)
    names += (names.empty() ? "" : "/") + std::string(parts[i]);
  if (!names.empty()) keys.push_back(names);
  keys.emplace_back(parts.back());
  return keys;
}

}  // namespace

Result<Value> TemplateEvaluator::reference(const std::string& id, std::string_view action) {
  if (place_.scope->of_function) return fail(kInvalid, "A function of a template cannot use reference().");
  if (id.size() > 4'096) return fail(kInvalid, "reference(): its argument is too long for a resource id.");
  const std::vector<std::string> keys = reference_keys(id);
  const std::string suffix = action.empty() ? "" : "/" + std::string(action);
  for (const std::string& key : keys)
    if (const auto found = options_.references.find(key + suffix); found != options_.references.end())
      return host_value(found->second, found->first);
  if (action.empty() && nested_outputs) {
    if (auto outputs = nested_outputs(keys.back())) return std::move(*outputs);
  }
  return fail("TemplateReferenceMissing",
              "What Azure would know of '" + printable(id, 300) +
                  "' has to be supplied: put it into the host file (--host FILE) as references: {\"" +
                  printable(keys.back() + suffix, 120) + "\": {…}}, with the members that the expression asks for.");
}

Result<Value> TemplateEvaluator::host_value(const std::string& json, std::string_view key) {
  const auto known = host_values_.find(key);
  if (known != host_values_.end()) return known->second;
  ParsedDocument document = parse_json(json);
  if (document.findings.has_errors())
    return fail(kInvalid, "The host file's references entry '" + printable(key, 120) + "' is not a JSON value.");
  Value value = to_value(std::move(document.root));
  host_values_.emplace(std::string(key), value);
  return value;
}

Result<Value> TemplateEvaluator::laid_over(std::string_view function) {
  static const Value kNothing = to_value(collection_node(Kind::kObject));
  const auto found = options_.references.find(function);
  if (found == options_.references.end()) return kNothing;
  auto value = host_value(found->second, found->first);
  if (value && !(*value)->is(Kind::kObject))
    return fail(kInvalid, "The host file's references entry '" + std::string(function) + "' is not an object.");
  return value;
}

}  // namespace portcullis::arm
