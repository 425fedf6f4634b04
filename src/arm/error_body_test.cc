#include "arm/error_body.h"

#include <algorithm>

#include "arm/test_documents.h"

namespace portcullis::arm {
namespace {

std::string body_of(const std::string& members) { return to_json(error_body(read(properties(members)).findings)); }

TEST(ErrorBody, SaysWhatAzureWouldSay) {
  EXPECT_EQ(
      body_of(R"("sslCertificates":[{"name":"c","data":"x"}])"),
      R"({"error":{"code":"InvalidRequestFormat","message":"Cannot parse the request.","details":[)"
      R"({"code":"InvalidJson","message":"Could not find member 'data' on object of type )"
      R"('ApplicationGatewaySslCertificate'. Path 'properties.sslCertificates[0].data', line 1, position 68."}]}})");
  EXPECT_EQ(body_of(R"("frontendPorts":[],"httpListeners":[{"name":"l","properties":{"frontendPort":{}}}])"),
            R"({"error":{"code":"InvalidRequestFormat","message":"Cannot parse the request.","details":[)"
            R"({"code":"MissingJsonReferenceId","message":"Value for reference id is missing. Path )"
            R"(properties.httpListeners[0].properties.frontendPort."}]}})");
  const std::string malformed =
      body_of(R"("httpListeners":[{"name":"l","properties":{"frontendPort":{"id":"publicip4a"}}}])");
  EXPECT_NE(malformed.find(R"("code":"InvalidJsonReferenceFormat","message":"Reference Id publicip4a is not formatted )"
                           R"(correctly. The Id is expected to reference resources of type)"),
            std::string::npos)
      << malformed;
  std::string dangling = R"("httpListeners":[{"name":"l","properties":{"frontendPort":{"id":"GW/frontendPorts/no"}}}])";
  replace_all(dangling, "GW", kFullIdBase);
  const std::string missing = body_of(dangling);
  EXPECT_EQ(missing.find(R"({"error":{"code":"InvalidResourceReference","message":"Resource )" +
                         std::string(kFullIdBase) + "/frontendPorts/no referenced by resource "),
            0U)
      << missing;
  EXPECT_NE(missing.find("/httpListeners/l was not found. Please make sure that the referenced resource exists"),
            std::string::npos)
      << missing;
}

TEST(ErrorBody, ListsEveryErrorAndNoWarning) {
  model::Findings findings;
  findings.warning("W", "/a", "w");
  findings.error("First", "/a", "one");
  findings.error("Second", "/b", "two");
  EXPECT_EQ(to_json(error_body(findings)),
            R"({"error":{"code":"First","message":"one","details":[{"code":"Second","message":"two"}]}})");
}

TEST(DottedPath, IsAzuresSpelling) {
  EXPECT_EQ(dotted_path("/properties/httpListeners/0/properties/a~1b~0c"),
            "properties.httpListeners[0].properties.a/b~c");
  EXPECT_EQ(dotted_path(""), "");
}

// --- against the recordings -----------------------------------------------------------------------------------------

// The error of error-bodies.json whose first detail (or own) code it is; nothing without ../shared.
std::optional<Node> recorded(std::string_view code) {
  const auto text = shared_text("data/arm/recordings/error-bodies.json");
  if (!text) return std::nullopt;
  const Node root = tree(*text);
  for (const Node& item : root.find("errors")->items) {
    const Node* error = item.find("error");
    const Node* details = error->find("details");
    const Node* named = details != nullptr && !details->items.empty() ? &details->items[0] : error;
    if (const Node* found = named->find("code"); found != nullptr && found->text == code) return *error;
  }
  ADD_FAILURE() << "no recording of " << code;
  return std::nullopt;
}

std::string message_of(const Node& error) {
  const Node* details = error.find("details");
  return (details->items.empty() ? error : details->items[0]).find("message")->text;
}

Node error_of(const std::string& members) { return *error_body(read(properties(members)).findings).find("error"); }

TEST(RecordedErrors, MissingReferenceIdIsTheSameBody) {
  const auto theirs = recorded("MissingJsonReferenceId");
  if (!theirs) GTEST_SKIP() << "../shared is not there";
  const Node ours = error_of(R"("httpListeners":[{"name":"l","properties":{"frontendIPConfiguration":{}}}])");
  EXPECT_EQ(to_json(ours), to_json(*theirs));
  const Node with_null =
      error_of(R"("httpListeners":[{"name":"l","properties":{"frontendIPConfiguration":{"id":null}}}])");
  EXPECT_EQ(to_json(with_null), to_json(*theirs));
}

TEST(RecordedErrors, UnknownMemberIsTheSameBodyButForThePosition) {
  const auto theirs = recorded("InvalidJson");
  if (!theirs) GTEST_SKIP() << "../shared is not there";
  const Node ours = error_of(R"("sslCertificates":[{"name":"c","data":"x"}])");
  EXPECT_EQ(ours.find("code")->text, theirs->find("code")->text);
  EXPECT_EQ(ours.find("message")->text, theirs->find("message")->text);
  const auto up_to_position = [](const std::string& message) { return message.substr(0, message.rfind(' ')); };
  EXPECT_EQ(up_to_position(message_of(ours)), up_to_position(message_of(*theirs)));
}

TEST(RecordedErrors, WrongTypeNamesTheTypeAndThePathAsSpelled) {
  if (!recorded("InvalidJson")) GTEST_SKIP() << "../shared is not there";
  const std::string message =
      message_of(error_of(R"("backendAddressPools":[{"name":"p","properties":{"BackendAddresses":["10.0.0.1"]}}])"));
  EXPECT_TRUE(message.starts_with("Error converting value \"...\" to type 'ApplicationGatewayBackendAddress'"))
      << message;
  EXPECT_NE(message.find(" Path 'properties.backendAddressPools[0].properties.BackendAddresses[0]', line 1, position "),
            std::string::npos)
      << message;
  EXPECT_EQ(message.find("10.0.0.1"), std::string::npos) << "the value may be a secret";
}

TEST(RecordedErrors, MalformedReferenceIsTheSameMessage) {
  const auto theirs = recorded("InvalidJsonReferenceFormat");
  if (!theirs) GTEST_SKIP() << "../shared is not there";
  std::string expected = message_of(*theirs);
  replace_all(expected, "properties.ipConfigurations[0]", "properties.frontendIPConfigurations[0]");
  const Node ours =
      error_of(R"("frontendIPConfigurations":[{"name":"f","properties":{"publicIPAddress":{"id":"publicip4a"}}}])");
  EXPECT_EQ(message_of(ours), expected);
}

TEST(RecordedErrors, DanglingReferenceNamesBothFullIds) {
  const auto theirs = recorded("InvalidResourceReference");
  if (!theirs) GTEST_SKIP() << "../shared is not there";
  std::string document =
      properties(R"("httpListeners":[{"name":"l","properties":{"frontendPort":{"id":"GW/frontendPorts/no"}}}])");
  replace_all(document, "GW", kFullIdBase);
  const Node ours = *error_body(read(document).findings).find("error");
  std::string expected = to_json(*theirs);
  replace_all(expected, "<full id of missing sub-resource>", std::string(kFullIdBase) + "/frontendPorts/no");
  replace_all(expected, "<full id of referring sub-resource>", std::string(kFullIdBase) + "/httpListeners/l");
  EXPECT_EQ(to_json(ours), expected);
}

}  // namespace
}  // namespace portcullis::arm
