#include "arm/parameters.h"

#include <algorithm>

#include "arm/expression_value.h"
#include "base/strings.h"

namespace portcullis::arm {
namespace {

constexpr std::string_view kCode = "InvalidDeploymentParameters";

constexpr std::size_t kMaxComparisons = 1'000'000;

struct TypeRule {
  std::string_view name;
  Kind kind;
  bool secure;
};

constexpr TypeRule kTypes[] = {{"string", Kind::kString, false}, {"securestring", Kind::kString, true},
                               {"int", Kind::kNumber, false},    {"bool", Kind::kBoolean, false},
                               {"object", Kind::kObject, false}, {"secureobject", Kind::kObject, true},
                               {"array", Kind::kArray, false}};

const TypeRule* type_of(const Node& declaration) {
  const Node* type = declaration.find("type");
  if (type == nullptr || !type->is(Kind::kString)) return nullptr;
  for (const TypeRule& rule : kTypes)
    if (equals_ignore_case(rule.name, type->text)) return &rule;
  return nullptr;
}

std::optional<std::string> length_problem(const Node& declaration, const Node& value) {
  if (!value.is(Kind::kString) && !value.is(Kind::kArray)) return std::nullopt;
  const auto length = static_cast<std::int64_t>(value.is(Kind::kString) ? text_length(value.text) : value.items.size());
  const Node* least = declaration.find("minLength");
  if (least != nullptr && length < integer_of(*least).value_or(0))
    return "is shorter than the minLength " + printable(least->text, 24);
  const Node* most = declaration.find("maxLength");
  if (most != nullptr && length > integer_of(*most).value_or(INT64_MAX))
    return "is longer than the maxLength " + printable(most->text, 24);
  return std::nullopt;
}

std::optional<std::string> range_problem(const Node& declaration, const Node& value) {
  const auto number = integer_of(value);
  if (!number) return std::nullopt;
  const Node* least = declaration.find("minValue");
  if (least != nullptr && *number < integer_of(*least).value_or(INT64_MIN))
    return "is less than the minValue " + printable(least->text, 24);
  const Node* most = declaration.find("maxValue");
  if (most != nullptr && *number > integer_of(*most).value_or(INT64_MAX))
    return "is greater than the maxValue " + printable(most->text, 24);
  return std::nullopt;
}

std::string listed(const Node& allowed) {
  std::string text;
  for (const Node& one : allowed.items) {
    if (text.size() > 200) return text + ", …";
    if (!text.empty()) text += ", ";
    text += printable(one.items.empty() ? one.text : to_json(one), 60);
  }
  return text;
}

// An array fits when it is itself allowed or consists of allowed elements (as Azure has it).
std::optional<std::string> allowed_problem(const Node& declaration, const Node& value) {
  const Node* allowed = declaration.find("allowedValues");
  if (allowed == nullptr || !allowed->is(Kind::kArray)) return std::nullopt;
  const auto fits = [&](const Node& one) {
    return std::any_of(allowed->items.begin(), allowed->items.end(),
                       [&](const Node& candidate) { return same_value(candidate, one, SameCase::kIgnored); });
  };
  if (value.items.size() * allowed->items.size() > kMaxComparisons)
    return "is too long to be compared with allowedValues";
  if (fits(value)) return std::nullopt;
  if (value.is(Kind::kArray) && std::all_of(value.items.begin(), value.items.end(), fits)) return std::nullopt;
  if (is_secure(declaration)) return "is not one of its allowedValues";
  return "is not one of its allowedValues: " + listed(*allowed);
}

void read_entry(const Node& entry, std::string pointer, bool wrapped, std::vector<GivenParameter>& given,
                model::Findings& findings) {
  GivenParameter parameter{entry.key, std::move(pointer), nullptr, nullptr};
  if (!wrapped) {
    parameter.value = &entry;
  } else if (entry.is(Kind::kObject)) {
    for (const Node& member : entry.items) {
      if (equals_ignore_case(member.key, "value")) parameter.value = &member;
      if (equals_ignore_case(member.key, "reference")) parameter.reference = &member;
    }
  }
  if ((parameter.value == nullptr) == (parameter.reference == nullptr)) {
    findings.error(kCode, parameter.pointer,
                   "The parameter file gives '" + printable(entry.key, 80) +
                       "' neither as {\"value\": …} nor as a Key Vault {\"reference\": …} (" + entry.place() + ").");
    return;
  }
  given.push_back(std::move(parameter));
}

}  // namespace

std::vector<GivenParameter> read_parameters(const Node& file, model::Findings& findings) {
  std::vector<GivenParameter> given;
  if (!file.is(Kind::kObject)) {
    findings.error(kCode, "", "The parameter file is not an object of parameters (" + file.place() + ").");
    return given;
  }
  const Node* inner = file.find("parameters");
  const bool wrapped = inner != nullptr && (file.find("$schema") != nullptr || file.find("contentVersion") != nullptr ||
                                            (file.items.size() == 1 && inner->is(Kind::kObject)));
  if (!wrapped && file.find("$schema") != nullptr) {
    findings.error(kCode, "", "The parameter file has a $schema and no 'parameters' (" + file.place() + ").");
    return given;
  }
  const Node& entries = wrapped ? *inner : file;
  const std::string base = wrapped ? pointer_to("", inner->key) : "";
  if (!entries.is(Kind::kObject)) {
    findings.error(kCode, base, "'parameters' is not an object of parameters (" + entries.place() + ").");
    return given;
  }
  for (const Node& entry : entries.items) read_entry(entry, pointer_to(base, entry.key), wrapped, given, findings);
  return given;
}

bool is_secure(const Node& declaration) {
  const TypeRule* rule = type_of(declaration);
  return rule != nullptr && rule->secure;
}

std::optional<std::string> parameter_problem(const Node& declaration, const Node& value) {
  const TypeRule* rule = type_of(declaration);
  if (rule == nullptr)
    return "is declared without a known type; the types are string, securestring, int, bool, object, secureObject and "
           "array";
  const bool fits = value.is(rule->kind) && (rule->kind != Kind::kNumber || integer_of(value).has_value());
  if (!fits)
    return "is " + std::string(kind_name(value)) + "; its declaration wants the type " + std::string(rule->name);
  if (auto problem = allowed_problem(declaration, value)) return problem;
  if (auto problem = length_problem(declaration, value)) return problem;
  return range_problem(declaration, value);
}

std::optional<KeyVaultSecret> key_vault_secret(const Node& reference) {
  const Node* vault = reference.find("keyVault");
  const Node* id = vault == nullptr ? nullptr : vault->find("id");
  const Node* name = reference.find("secretName");
  if (id == nullptr || !id->is(Kind::kString) || name == nullptr || !name->is(Kind::kString) || name->text.empty())
    return std::nullopt;
  const std::string_view vault_name = split(id->text, '/').back();
  if (vault_name.empty()) return std::nullopt;
  return KeyVaultSecret{"https://" + to_lower(vault_name) + ".vault.azure.net/secrets/" + name->text, name->text};
}

}  // namespace portcullis::arm
