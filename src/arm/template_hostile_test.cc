// Templates that try to cost time, memory or stack: each is refused, and soon.
#include <chrono>
#include <ctime>

#include "arm/test_templates.h"

namespace portcullis::arm {
namespace {

struct Hostile {
  const char* name;
  std::string text;
};

std::string chain(int length, const std::string& link, const std::string& first) {
  std::string all = "\"variables\":{\"v0\":" + first;
  for (int i = 1; i < length; ++i) {
    std::string one = link;
    replace_all(one, "@", "variables('v" + std::to_string(i - 1) + "')");
    all += ",\"v" + std::to_string(i) + "\":\"[" + one + "]\"";
  }
  return all + "}";
}

std::string last_of(int length) {
  return gateway_resource("\"x\":\"[variables('v" + std::to_string(length - 1) + "')]\"");
}

std::vector<Hostile> hostile_templates() {
  const std::string big = "\"" + std::string(1'000'000, 'a') + "\"";
  std::string nested_loops = R"("[concat('aaaaaaaa',copyIndex('l0'))]")";
  for (int i = 0; i < 6; ++i)
    nested_loops = R"({"copy":[{"name":"l)" + std::to_string(i) + R"(","count":800,"input":)" + nested_loops + "}]}";
  std::string deployments = gateway_resource("");
  deployments.erase(deployments.size() - 2, 1);
  for (int i = 0; i < 8; ++i)
    deployments =
        R"({"type":"Microsoft.Resources/deployments","name":"d","copy":{"name":"c","count":800},"properties":{)"
        R"("expressionEvaluationOptions":{"scope":"inner"},"template":{"resources":[)" +
        deployments + "]}}}";

  return {
      {"doubled strings", template_of(chain(60, "concat(@,@)", "\"ab\""), last_of(60))},
      {"doubled arrays", template_of(chain(60, "createArray(@,@)", "\"ab\""), last_of(60))},
      {"doubled objects", template_of(chain(60, "createObject('a',@,'b',@)", "\"ab\""), last_of(60))},
      {"grown by replace", template_of(chain(20, "replace(@,'a','aaaaaaaa')", "\"a\""), last_of(20))},
      {"grown by format", template_of(chain(60, "format('{0}{0}{0}{0}',@)", "\"a\""), last_of(60))},
      {"grown by json", template_of(chain(60, "string(createArray(@,@))", "\"a\""), last_of(60))},
      {"long chain", template_of(chain(5'000, "concat(@,'')", "\"a\""), last_of(5'000))},
      {"deep value", template_of(chain(150, "createArray(@)", "\"a\""), last_of(150))},
      {"nested loops", template_of("", gateway_resource("\"properties\":" + nested_loops))},
      {"nested deployments", template_of("", deployments)},
      {"big strings compared",
       template_of(
           "\"variables\":{\"s\":" + big + "}",
           gateway_resource(
               R"("properties":{"copy":[{"name":"a","count":800,"input":{"copy":[{"name":"b","count":800,"input":)"
               R"("[indexOf(variables('s'),concat(substring(variables('s'),1),'b'))]"}]}}]})"))},
      {"unions of ranges",
       template_of(
           "",
           gateway_resource(
               R"("properties":{"copy":[{"name":"a","count":800,"input":"[union(range(0,10000),range(5000,10000))]"}]})"))},
      {"ranges in loops",
       template_of("",
                   gateway_resource(R"("properties":{"copy":[{"name":"a","count":800,"input":"[range(0,10000)]"}]})"))},
      {"scopes in loops",
       template_of(
           "",
           gateway_resource(
               R"("properties":{"copy":[{"name":"a","count":800,"input":{"copy":[{"name":"b","count":800,"input":"[environment().name]"}]}}]})"))},
      {"outputs of itself",
       template_of(
           "",
           R"({"type":"Microsoft.Resources/deployments","name":"d","properties":{"template":{"resources":[],"outputs":{)"
           R"("o":{"value":"[concat(reference('d').outputs.o.value,reference('d').outputs.o.value)]"}}}}},)" +
               gateway_resource(R"("x":"[reference('d').outputs.o.value]")"))},
      {"a name of itself",
       template_of(
           "",
           R"({"type":"Microsoft.Resources/deployments","name":"[reference('d').x]","properties":{"template":{"outputs":{}}}},)" +
               gateway_resource(R"("x":"[reference('d').x]")"))},
  };
}

// Of this process: what else the machine does must not decide.
std::chrono::milliseconds cpu_time() {
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::clock()) * 1'000 / CLOCKS_PER_SEC);
}

TEST(TemplateHostile, IsRefusedInBoundedTime) {
  for (const Hostile& one : hostile_templates()) {
    const auto start = cpu_time();
    const Evaluated result = evaluated(one.text);
    const auto took = cpu_time() - start;
    EXPECT_TRUE(result.findings.has_errors()) << one.name;
    EXPECT_LE(result.findings.size(), 500U) << one.name;
    // Room for the sanitizers. Unbounded, every one of these would outlive the machine.
    EXPECT_LT(took, std::chrono::seconds(30)) << one.name;
    RecordProperty(one.name, static_cast<int>(took.count()));
  }
}

}  // namespace
}  // namespace portcullis::arm
