// Parameters of a template: the file that gives their values, and the rules that a declaration sets for a value
// (type, allowedValues, minValue …). Pure; control thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arm/document.h"
#include "model/finding.h"

namespace portcullis::arm {

// One value of a parameter file: `value`, or a Key Vault `reference`. Both null: the entry has neither.
struct GivenParameter {
  std::string name;
  std::string pointer;              // into the parameter file
  const Node* value = nullptr;      // into the parameter file's tree; may be a null node
  const Node* reference = nullptr;  // {keyVault: {id}, secretName}
};

// The entries of a parameter file in the form `{"$schema": …, "parameters": {name: {"value": …}}}`, or of a plain map
// of names to values. Code "InvalidDeploymentParameters" where it is neither.
std::vector<GivenParameter> read_parameters(const Node& file, model::Findings& findings);

// A declaration in `parameters` of a template (or of a user-defined function).
bool is_secure(const Node& declaration);

// What is wrong with a value under a declaration, as the end of a sentence ("is a number; the template wants a
// string"); nothing when it fits. Never shows the value.
std::optional<std::string> parameter_problem(const Node& declaration, const Node& value);

// Where the secret of a Key Vault reference lies: "https://vault.vault.azure.net/secrets/name" and "name"; nothing when
// the reference is malformed.
struct KeyVaultSecret {
  std::string url;
  std::string name;
};
std::optional<KeyVaultSecret> key_vault_secret(const Node& reference);

}  // namespace portcullis::arm
