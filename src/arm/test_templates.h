// What the tests of templates share: small templates and what comes out of them.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "arm/template.h"
#include "arm/test_documents.h"

namespace portcullis::arm {

inline std::shared_ptr<const Node> tree_of(const std::string& json) {
  ParsedDocument document = parse_json(json);
  EXPECT_TRUE(document.findings.empty()) << all(document.findings) << json;
  return std::make_shared<const Node>(std::move(document.root));
}

inline std::string gateway_resource(const std::string& members) {
  return R"({"type":"Microsoft.Network/applicationGateways","name":"gw",)" + members + "}";
}

// A template whose members besides `resources` are given, and its resources.
inline std::string template_of(const std::string& members, const std::string& resources) {
  return R"({"$schema":"https://schema.management.azure.com/t#","contentVersion":"1.0.0.0",)" + members +
         (members.empty() ? "" : ",") + R"("resources":[)" + resources + "]}";
}

struct Evaluated {
  std::string json;  // of the gateway; empty when it was refused
  std::string pointer;
  model::Findings findings;
  TemplateResource whole;

  std::string text() const { return json + all(findings); }
};

inline Evaluated evaluated(const std::string& text, const TemplateOptions& options = {}) {
  const auto document = tree_of(text);
  Evaluated result;
  result.whole = evaluate_template(*document, options);
  result.findings = result.whole.findings;
  result.pointer = result.whole.pointer;
  EXPECT_EQ(result.whole.resource == nullptr, result.findings.has_errors()) << all(result.findings);
  if (result.whole.resource != nullptr) result.json = to_json(*result.whole.resource);
  return result;
}

// The value of the expression (with its brackets, as JSON string content) as JSON, or what was wrong with it.
inline std::string value_of(const std::string& expression, const std::string& members = "",
                            const TemplateOptions& options = {}) {
  const Evaluated result = evaluated(template_of(members, gateway_resource("\"x\":" + to_json([&] {
                                                                             Node node;
                                                                             node.kind = Kind::kString;
                                                                             node.text = expression;
                                                                             return node;
                                                                           }()))),
                                     options);
  if (result.json.empty()) return all(result.findings);
  const std::string before = gateway_resource("\"x\":");
  return result.json.substr(before.size() - 1, result.json.size() - before.size());
}

}  // namespace portcullis::arm
