// What a template holds besides expressions: parameters, variables, loops, functions of its own, nested deployments,
// references.

#include "arm/test_templates.h"

namespace portcullis::arm {
namespace {

TemplateOptions with_parameters(const std::string& json) {
  TemplateOptions options;
  options.parameters = tree_of(json);
  return options;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct ParameterCase {
  const char* declaration;
  const char* given;  // the entry of the parameter file; empty: none
  const char* value;  // JSON, or part of the finding
};

TEST(TemplateParameters, FollowTheirDeclaration) {
  const ParameterCase cases[] = {
      {R"({"type":"string"})", R"({"value":"a"})", "\"a\""},
      {R"({"type":"string"})", R"({"value":"[x()]"})", "\"[x()]\""},
      {R"({"type":"String","defaultValue":"[concat('a','b')]"})", "", "\"ab\""},
      {R"({"type":"string","defaultValue":"a"})", R"({"value":""})", "\"\""},
      {R"({"type":"string"})", "", "The parameter 'p' has no value and no default: give it in the parameter file"},
      {R"({"type":"string"})", R"({"value":1})", "parameter 'p' is a number; its declaration wants the type string"},
      {R"({"type":"string"})", R"({"value":null})", "parameter 'p' is null; its declaration wants the type string"},
      {R"({"type":"int"})", R"({"value":5})", "5"},
      {R"({"type":"int"})", R"({"value":"5"})", "is a string; its declaration wants the type int"},
      {R"({"type":"int"})", R"({"value":1.5})", "is a number; its declaration wants the type int"},
      {R"({"type":"int","minValue":2,"maxValue":4})", R"({"value":4})", "4"},
      {R"({"type":"int","minValue":2})", R"({"value":1})", "is less than the minValue 2"},
      {R"({"type":"int","maxValue":4})", R"({"value":5})", "is greater than the maxValue 4"},
      {R"({"type":"bool"})", R"({"value":false})", "false"},
      {R"({"type":"bool"})", R"({"value":"false"})", "wants the type bool"},
      {R"({"type":"object"})", R"({"value":{"a":[1]}})", R"({"a":[1]})"},
      {R"({"type":"object"})", R"({"value":[]})", "is an array; its declaration wants the type object"},
      {R"({"type":"array"})", R"({"value":[1,"a"]})", R"([1,"a"])"},
      {R"({"type":"securestring"})", R"({"value":"abcde"})", "\"abcde\""},
      {R"({"type":"secureObject"})", R"({"value":{"a":1}})", R"({"a":1})"},
      {R"({"type":"float"})", R"({"value":1})", "is declared without a known type"},
      {R"({})", R"({"value":1})", "is declared without a known type"},
      {R"({"type":"string","minLength":2,"maxLength":3})", R"({"value":"ab"})", "\"ab\""},
      {R"({"type":"string","minLength":2})", R"({"value":"a"})", "is shorter than the minLength 2"},
      {R"({"type":"array","maxLength":1})", R"({"value":[1,2]})", "is longer than the maxLength 1"},
      {R"({"type":"string","allowedValues":["a","b"]})", R"({"value":"B"})", "\"B\""},
      {R"({"type":"string","allowedValues":["a","b"]})", R"({"value":"c"})", "is not one of its allowedValues: a, b"},
      {R"({"type":"string","allowedValues":["a"],"defaultValue":"b"})", "", "is not one of its allowedValues: a"},
      {R"({"type":"array","allowedValues":[1,2]})", R"({"value":[2,1]})", "[2,1]"},
      {R"({"type":"array","allowedValues":[1,2]})", R"({"value":[2,3]})", "is not one of its allowedValues: 1, 2"},
      {R"({"type":"securestring","allowedValues":["alpha"]})", R"({"value":"beta"})",
       "is not one of its allowedValues "},
      {R"({"type":"string"})", R"({"reference":{"keyVault":{"id":"/x/vaults/kv"},"secretName":"s"}})",
       "secrets: {\"https://kv.vault.azure.net/secrets/s\": FILE}"},
      {R"({"type":"string"})", R"({"reference":{"keyVault":{},"secretName":"s"}})", "is not {\"keyVault\": {\"id\""},
      {R"({"type":"string"})", R"({})", "gives 'p' neither as {\"value\": …} nor as a Key Vault"},
      {R"({"type":"string"})", R"("bare")", "gives 'p' neither as {\"value\": …} nor as a Key Vault"},
      {R"({"type":"string"})", R"({"value":"a"},"q":{"value":1})", "gives 'q', which the template does not declare"},
  };
  for (const ParameterCase& one : cases) {
    const std::string file = R"({"$schema":"x","parameters":{)" +
                             (*one.given != '\0' ? "\"P\":" + std::string(one.given) : std::string()) + "}}";
    std::string shown = file;
    replace_all(shown, "\"P\"", "\"p\"");
    const std::string value = value_of(
        "[parameters('p')]", "\"parameters\":{\"p\":" + std::string(one.declaration) + "}", with_parameters(shown));
    const std::string wanted = one.value;
    if (has(wanted, " "))
      EXPECT_TRUE(has(value, wanted)) << one.declaration << one.given << "\n" << value;
    else
      EXPECT_EQ(value, wanted) << one.declaration << one.given;
  }
}

TEST(TemplateParameters, AreReadFromSeveralShapesOfFile) {
  const char* declared = R"("parameters":{"p":{"type":"int"}})";
  for (const char* file :
       {R"({"p":7})", R"({"P":7})", R"({"parameters":{"p":{"value":7}}})",
        R"({"$schema":"x","contentVersion":"1.0.0.0","parameters":{"p":{"value":7,"metadata":{}}}})"})
    EXPECT_EQ(value_of("[parameters('p')]", declared, with_parameters(file)), "7") << file;
  for (const char* file : {"[]", "5", R"({"$schema":"x"})", R"({"$schema":"x","parameters":[]})"})
    EXPECT_TRUE(has(value_of("[parameters('p')]", declared, with_parameters(file)), "InvalidDeploymentParameters"))
        << file;
}

TEST(TemplateParameters, ThatTheGatewayDoesNotReachMayBeMissing) {
  EXPECT_EQ(
      value_of("['a']", R"("parameters":{"password":{"type":"securestring"},"bad":{"type":"int","defaultValue":"x"}})"),
      "\"a\"");
}

TEST(TemplateParameters, SecretsAreCutOutOfFindings) {
  const std::string declared = R"("parameters":{"s":{"type":"securestring"},"o":{"type":"secureObject"}})";
  TemplateOptions options = with_parameters(R"({"s":"top-secret","o":{"deep":["inner-secret"]}})");
  for (const char* expression : {"[reference(parameters('s'))]", "[reference(parameters('o').deep[0])]",
                                 "[createObject('a',1)[parameters('s')]]", "[parameters(parameters('s'))]",
                                 "[variables(parameters('s'))]", "[copyIndex(parameters('s'))]"}) {
    const std::string text = value_of(expression, declared, options);
    EXPECT_TRUE(has(text, "error ")) << text;
    EXPECT_FALSE(has(text, "top-secret") || has(text, "inner-secret")) << text;
  }
  const Evaluated result = evaluated(template_of(declared, gateway_resource("\"x\":\"[parameters('s')]\"")), options);
  ASSERT_EQ(result.whole.secure_values, std::vector<std::string>{"top-secret"});
  model::Findings findings;
  findings.error("X", "/x", "'top-secret' is bad, top-secret");
  model::conceal(findings, result.whole.secure_values);
  EXPECT_EQ(findings[0].message, "'***' is bad, ***");
}

TEST(TemplateVariables, AreEvaluatedOnceAndOnlyWhenUsed) {
  const char* variables =
      R"("variables":{"a":"[concat(variables('b').c[0],'!')]","b":{"c":["[toUpper('x')]"]},"bad":"[nothing()]",)"
      R"("copy":[{"name":"list","count":3,"input":{"i":"[copyIndex('list',10)]"}}],)"
      R"("nested":{"copy":[{"name":"inner","count":2,"input":"[copyIndex('inner')]"}],"other":1}})";
  EXPECT_EQ(value_of("[variables('A')]", variables), "\"X!\"");
  EXPECT_EQ(value_of("[variables('list')]", variables), R"([{"i":10},{"i":11},{"i":12}])");
  EXPECT_EQ(value_of("[variables('nested')]", variables), R"({"inner":[0,1],"other":1})");
  const std::string bad = value_of("[concat(variables('bad'),variables('bad'))]", variables);
  EXPECT_TRUE(has(bad, "error InvalidTemplate /variables/bad: There is no function 'nothing'")) << bad;
}

TEST(TemplateVariables, CyclesAreNamed) {
  const char* members =
      R"("variables":{"a":"[variables('b')]","b":"[variables('c')]","c":"[concat('x',variables('a'))]","self":"[variables('self')]"},)"
      R"("parameters":{"p":{"type":"string","defaultValue":"[parameters('q')]"},"q":{"type":"string","defaultValue":"[parameters('p')]"}})";
  for (const char* name : {"a", "b", "self"})
    EXPECT_TRUE(has(value_of("[variables('" + std::string(name) + "')]", members), "depends on itself")) << name;
  EXPECT_TRUE(has(value_of("[parameters('p')]", members), "The parameter 'p' depends on itself"));
}

std::string looped(const std::string& loop) { return gateway_resource("\"properties\":{\"copy\":[" + loop + "]}"); }

TEST(TemplateCopy, MakesArraysOfProperties) {
  const Evaluated result = evaluated(template_of(
      R"("parameters":{"ports":{"type":"array","defaultValue":[80,443]}})",
      gateway_resource(
          R"("properties":{"sku":{},"copy":[{"name":"frontendPorts","count":"[length(parameters('ports'))]","input":)"
          R"({"name":"[concat('p',copyIndex('frontendPorts',1))]","properties":{"port":"[parameters('ports')[copyIndex('frontendPorts')]]"}}},)"
          R"({"name":"none","count":0,"input":"[nothing()]"},)"
          R"({"name":"outer","count":2,"input":{"copy":[{"name":"inner","count":2,"input":"[add(mul(copyIndex('outer'),10),copyIndex('inner'))]"}]}}]})")));
  EXPECT_EQ(result.json,
            R"({"type":"Microsoft.Network/applicationGateways","name":"gw","properties":{"sku":{},)"
            R"("frontendPorts":[{"name":"p1","properties":{"port":80}},{"name":"p2","properties":{"port":443}}],)"
            R"("none":[],"outer":[{"inner":[0,1]},{"inner":[10,11]}]}})")
      << result.text();
}

TEST(TemplateCopy, IsRefusedWhereItMakesNoSense) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"name":"a","count":1000000000,"input":1})",
       "/resources/0/properties/copy/0/count: The count of a copy loop"},
      {R"({"name":"a","count":801,"input":1})", "from 0 to 800, Azure's limit"},
      {R"({"name":"a","count":-1,"input":1})", "from 0 to 800"},
      {R"({"name":"a","count":"3","input":1})", "from 0 to 800"},
      {R"({"name":"a","input":1})", "The copy loop has no 'count'"},
      {R"({"name":"a","count":1})", "The copy loop 'a' has no 'input'"},
      {R"({"count":1,"input":1})", "A copy loop is an object"},
      {R"("a")", "A copy loop is an object"},
      {R"({"name":"a","count":1,"input":1},{"name":"A","count":1,"input":1})", "makes the member 'A', which stands in"},
      {R"({"name":"a","count":2,"input":"[copyIndex('b')]"})", "no copy loop 'b' is around"},
  };
  for (const auto& [loop, says] : cases) {
    const std::string text = evaluated(template_of("", looped(loop))).text();
    EXPECT_TRUE(has(text, says)) << loop << "\n" << text;
  }
  const char* resource_loops[] = {R"("copy":{"name":"l","count":1000000000})", R"("copy":{"count":1})",
                                  R"("copy":{"name":"l"})"};
  for (const char* loop : resource_loops)
    EXPECT_TRUE(evaluated(template_of("", gateway_resource(loop))).findings.has_errors()) << loop;
}

TEST(TemplateKeys, MayBeExpressions) {
  EXPECT_EQ(evaluated(template_of("", gateway_resource(R"("identity":{"[concat('a','b')]":{},"[[c]":1})"))).json,
            gateway_resource(R"("identity":{"ab":{},"[c]":1})"));
  const std::string twice =
      evaluated(template_of("", gateway_resource(R"("identity":{"ab":1,"[concat('a','B')]":{}})"))).text();
  EXPECT_TRUE(has(twice, "stands in the object already")) << twice;
  const std::string number = evaluated(template_of("", gateway_resource(R"("identity":{"[add(1,2)]":{}})"))).text();
  EXPECT_TRUE(has(number, "The name of a member comes out as a number")) << number;
}

TEST(TemplateReference, TakesItsValueFromTheHost) {
  TemplateOptions options;
  options.references["pip"] = R"({"ipAddress":"1.2.3.4","dnsSettings":{"fqdn":"a.example"}})";
  options.references["vnet/sub"] = R"({"addressPrefix":"10.0.0.0/8"})";
  options.references["Microsoft.Web/sites/site"] = R"({"host":"relative"})";
  options.references["site"] = R"({"host":"by name"})";
  options.references["store/listKeys"] = R"({"keys":[{"value":"k"}]})";
  options.references["broken"] = "{";
  options.references["resourceGroup"] = R"({"location":"westeurope","tags":{"a":"b"}})";
  const std::pair<const char*, const char*> cases[] = {
      {"[reference(resourceId('Microsoft.Network/publicIPAddresses','pip')).dnsSettings.fqdn]", "\"a.example\""},
      {"[reference(resourceId('Microsoft.Network/publicIPAddresses/','PIP'), '2020-01-01', 'Full').ipAddress]",
       "\"1.2.3.4\""},
      {"[reference('pip').ipAddress]", "\"1.2.3.4\""},
      {"[reference(resourceId('Microsoft.Network/virtualNetworks/subnets','vnet','sub')).addressPrefix]",
       "\"10.0.0.0/8\""},
      {"[reference(resourceId('Microsoft.Web/sites','site')).host]", "\"relative\""},
      {"[reference('Microsoft.Web/sites/site').host]", "\"relative\""},
      {"[listKeys(resourceId('Microsoft.Storage/storageAccounts','store'),'2020-01-01').keys[0].value]", "\"k\""},
      {"[resourceGroup().location]", "\"westeurope\""},
      {"[resourceGroup().tags.a]", "\"b\""},
      {"[resourceGroup().name]", "\"portcullis\""},
      {"[reference('broken')]", "references entry 'broken' is not a JSON value"},
      {"[reference('pip').nothing]", "The object has no member 'nothing'; it has: ipAddress, dnsSettings"},
      {"[reference(resourceId('A.B/c','absent')).x]", "error TemplateReferenceMissing /resources/0/x: "},
      {"[reference(resourceId('A.B/c','absent')).x]", "references: {\"absent\": {…}}"},
      {"[listSecrets(resourceId('A.B/c','absent'),'1').x]", "references: {\"absent/listSecrets\": {…}}"},
      {"[reference(1)]", "reference(): argument 1 is a number"},
  };
  for (const auto& [expression, wanted] : cases) {
    const std::string value = value_of(expression, "", options);
    EXPECT_TRUE(has(wanted, " ") ? has(value, wanted) : value == wanted) << expression << "\n" << value;
  }
}

TEST(TemplateFunctions, OfTheTemplateItself) {
  const char* functions =
      R"("parameters":{"outer":{"type":"string","defaultValue":"o"}},"functions":[{"namespace":"my","members":{)"
      R"("greet":{"parameters":[{"name":"who","type":"string"}],"output":{"type":"string","value":"[concat('hello ',parameters('who'))]"}},)"
      R"("none":{"output":{"type":"int","value":7}},)"
      R"("reach":{"output":{"type":"string","value":"[parameters('outer')]"}},)"
      R"("vary":{"output":{"type":"string","value":"[variables('x')]"}},)"
      R"("loop":{"output":{"type":"string","value":"[my.loop()]"}},"empty":{}}}])";
  const std::pair<const char*, const char*> cases[] = {
      {"[my.greet('you')]", "\"hello you\""},
      {"[MY.Greet(my.none())]", "\"hello 7\""},
      {"[my.none()]", "7"},
      {"[my.greet()]", "The function takes 1 arguments; here it has 0"},
      {"[my.reach()]", "/functions/0/members/reach/output/value: The function has no parameter 'outer'"},
      {"[my.vary()]", "A function of a template cannot use variables"},
      {"[my.loop()]", "functions of a template cannot call each other"},
      {"[my.empty()]", "The function has no 'output'"},
  };
  for (const auto& [expression, wanted] : cases) {
    const std::string value = value_of(expression, functions);
    EXPECT_TRUE(wanted[0] == '"' || wanted[0] == '7' ? value == wanted : has(value, wanted)) << expression << "\n"
                                                                                             << value;
  }
}

std::string nested(const std::string& scope, const std::string& inside, const std::string& more = "") {
  return R"({"type":"Microsoft.Resources/deployments","name":"[concat('in','ner')]",)" + more +
         R"("properties":{"mode":"Incremental",)" + R"("expressionEvaluationOptions":{"scope":")" + scope +
         R"("},"parameters":{"p":{"value":"[concat('from ',variables('v'))]"}},)" +
         R"("template":{"variables":{"v":"inside"},"parameters":{"p":{"type":"string"}},"resources":[)" + inside +
         R"(],"outputs":{"o":{"type":"string","value":"[concat('out:',variables('v'))]"}}}}})";
}

TEST(TemplateNested, DeploymentsAreFollowedInTheirScope) {
  const std::string variables = R"("variables":{"v":"outside"})";
  const std::string gateway = gateway_resource(R"("x":"[variables('v')]")");
  const Evaluated outer = evaluated(template_of(variables, nested("outer", gateway)));
  EXPECT_EQ(outer.json, gateway_resource(R"("x":"outside")")) << outer.text();
  EXPECT_EQ(outer.pointer, "/resources/0/properties/template/resources/0");
  const std::string inner_gateway = gateway_resource(
      R"("x":"[format('{0} {1} {2} {3}',variables('v'),parameters('p'),deployment().name,resourceGroup().name)]")");
  const Evaluated inner =
      evaluated(template_of(variables, nested("inner", inner_gateway, R"("resourceGroup":"[concat('r','g')]",)")));
  EXPECT_EQ(inner.json, gateway_resource(R"("x":"inside from outside inner rg")")) << inner.text();
  const Evaluated broken =
      evaluated(template_of(variables, nested("inner", gateway_resource(R"("x":"[variables('w')]")"))));
  EXPECT_TRUE(has(broken.text(), "error InvalidTemplate /resources/0/properties/template/resources/0/x: "))
      << broken.text();
  const Evaluated dropped = evaluated(template_of(variables, nested("inner", gateway, R"("condition":false,)")));
  EXPECT_TRUE(has(dropped.text(), "TemplateGatewayCount")) << dropped.text();
  const Evaluated irrelevant = evaluated(template_of(
      "",
      R"({"type":"Microsoft.Resources/deployments","name":"[broken(","copy":5,"properties":{"template":{"resources":[{"type":"A.B/c"}]}}},)" +
          gateway_resource(R"("x":1)")));
  EXPECT_EQ(irrelevant.json, gateway_resource(R"("x":1)")) << irrelevant.text();
}

TEST(TemplateNested, OutputsAreReferences) {
  const std::string both = template_of(
      R"("variables":{"v":"outside"})",
      nested("inner", "") + "," +
          gateway_resource(
              R"("x":"[reference(resourceId('Microsoft.Resources/deployments','inner')).outputs.o.value]")"));
  EXPECT_EQ(evaluated(both).json, gateway_resource(R"("x":"out:inside")")) << evaluated(both).text();
  TemplateOptions options;
  options.references["inner"] = R"({"outputs":{"o":{"value":"host"}}})";
  EXPECT_EQ(evaluated(both, options).json, gateway_resource(R"("x":"host")")) << "the host's word goes first";
}

TEST(TemplateNested, LinkedOnesAreRefused) {
  const std::string linked =
      R"({"type":"Microsoft.Resources/deployments","name":"l","properties":{"templateLink":{"uri":"https://x/"}}})";
  const Evaluated alone = evaluated(template_of("", linked));
  ASSERT_FALSE(alone.findings.empty());
  EXPECT_EQ(alone.findings[0].code, "TemplateLinkNotFollowed");
  EXPECT_EQ(alone.findings[0].pointer, "/resources/0");
  const std::string both = template_of("", linked + "," + gateway_resource(R"("x":1)"));
  EXPECT_TRUE(evaluated(both).findings.has_errors());
  TemplateOptions options;
  options.gateway = "gw";
  const Evaluated named = evaluated(both, options);
  EXPECT_EQ(named.json, gateway_resource(R"("x":1)"));
  ASSERT_EQ(named.findings.size(), 1U);
  EXPECT_EQ(named.findings[0].severity, model::Severity::kWarning);
}

}  // namespace
}  // namespace portcullis::arm
