#include "routing/rewrite.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "routing/internal/table_source.h"

namespace portcullis::routing {
namespace {

using internal::TableSource;
using Headers = std::vector<std::pair<std::string, std::string>>;

model::RewriteRule rule(std::uint32_t sequence, const Headers& request, const Headers& response = {}) {
  model::RewriteRule out{"rule", sequence, {}, {}, "/rule"};
  for (const auto& [name, value] : request) out.request_header_configurations.push_back({name, value, "/req/" + name});
  for (const auto& [name, value] : response) {
    out.response_header_configurations.push_back({name, value, "/resp/" + name});
  }
  return out;
}

model::RewriteRuleSet set_of(std::vector<model::RewriteRule> rules) {
  model::RewriteRuleSet out;
  out.rewrite_rules = std::move(rules);
  return out;
}

RewriteProgram compiled(std::vector<model::RewriteRule> rules) {
  model::Findings findings;
  auto program = RewriteProgram::compile(set_of(std::move(rules)), findings);
  EXPECT_TRUE(findings.empty()) << (findings.empty() ? "" : findings.front().message);
  EXPECT_TRUE(program);
  return program ? std::move(*program) : RewriteProgram();
}

http::Fields fields_of(const Headers& headers) {
  http::Fields out;
  for (const auto& [name, value] : headers) out.add(name, value);
  return out;
}

Headers dump(const http::Fields& fields) {
  Headers out;
  fields.for_each([&](const http::Field& field) { out.emplace_back(field.name, field.value); });
  return out;
}

TEST(RewriteProgram, SetsReplaceEveryFieldOfTheNameAndEmptyDeletes) {
  const auto program =
      compiled({rule(1, {{"X-New", "n"}, {"X-Dup", "one"}, {"X-Gone", ""}, {"X-Cert", "{var_client_certificate}"}})});
  auto fields = fields_of(
      {{"Host", "a"}, {"x-dup", "1"}, {"X-GONE", "1"}, {"X-DUP", "2"}, {"x-gone", "2"}, {"x-cert", "forged"}});
  program.apply_request(fields, TableSource({}, &fields));
  EXPECT_EQ(dump(fields), (Headers{{"Host", "a"}, {"X-Dup", "one"}, {"X-New", "n"}}));
}

TEST(RewriteProgram, RunsBySequenceAndLaterActionsSeeEarlierResults) {
  const auto program = compiled({
      rule(300, {{"X-Last", "{http_req_X-Middle}!"}}),
      rule(100, {{"X-First", "{var_client_ip}"}, {"X-Gone", ""}}),
      rule(200, {{"X-Middle", "<{http_req_X-First}{http_req_X-Gone}>"}}),
      rule(200, {{"X-Middle", "{http_req_X-Middle}2"}}),
  });
  auto fields = fields_of({{"X-First", "client"}, {"X-Gone", "client"}});
  program.apply_request(fields, TableSource({{"var_client_ip", "192.0.2.1"}}, &fields));
  EXPECT_EQ(fields.get("X-First"), "192.0.2.1");
  EXPECT_EQ(fields.get("X-Middle"), "<192.0.2.1>2");
  EXPECT_EQ(fields.get("X-Last"), "<192.0.2.1>2!");
  EXPECT_FALSE(fields.has("X-Gone"));
}

TEST(RewriteProgram, AHeaderMayBeFilledFromItself) {
  const auto program = compiled({rule(1, {{"X-A", "{http_req_X-A}{http_req_X-A}"}})});
  auto fields = fields_of({{"X-A", std::string(5000, 'a')}});
  program.apply_request(fields, TableSource({}, &fields));
  EXPECT_EQ(fields.get("X-A"), std::string(10000, 'a'));
  EXPECT_EQ(fields.size(), 1U);
}

TEST(RewriteProgram, RequestAndResponseActionsKeepToTheirSide) {
  const auto program = compiled({rule(1, {{"X-Req", "1"}}, {{"X-Resp", "{var_http_status}"}, {"Server", ""}})});
  EXPECT_TRUE(program.has_request_actions());
  EXPECT_TRUE(program.has_response_actions());
  auto request = fields_of({{"Server", "kept"}});
  program.apply_request(request, TableSource({}, &request));
  EXPECT_EQ(dump(request), (Headers{{"Server", "kept"}, {"X-Req", "1"}}));
  auto response = fields_of({{"Server", "secret/1.0"}, {"Set-Cookie", "a"}});
  program.apply_response(response, TableSource({{"var_http_status", "200"}}, &response));
  EXPECT_EQ(dump(response), (Headers{{"Set-Cookie", "a"}, {"X-Resp", "200"}}));
}

TEST(RewriteProgram, ClientBytesCannotInjectAHeader) {
  const auto program = compiled({rule(1, {{"X-Copy", "{http_req_X-In}"}})});
  auto fields = fields_of({{"X-In", "a\r\nX-Client-Cert: forged"}});
  program.apply_request(fields, TableSource({}, &fields));
  EXPECT_EQ(fields.get("X-Copy"), "a  X-Client-Cert: forged");
  EXPECT_EQ(fields.size(), 2U);
}

TEST(RewriteProgram, FramingAndHopHeadersAreRefusedOnBothSides) {
  for (const auto name : {"Connection", "upgrade", "Content-Length", "TRANSFER-ENCODING", "TE", "Trailer", "Keep-Alive",
                          "Proxy-Connection"}) {
    for (const auto value : {"x", ""}) {
      model::Findings findings;
      EXPECT_FALSE(RewriteProgram::compile(set_of({rule(1, {{name, value}}, {{name, value}})}), findings)) << name;
      ASSERT_EQ(findings.size(), 2U) << name;
      EXPECT_EQ(findings[0].code, "rewrite.header_not_writable") << name;
      EXPECT_EQ(findings[0].pointer, "/req/" + std::string(name));
      EXPECT_EQ(findings[1].pointer, "/resp/" + std::string(name));
    }
  }
}

TEST(RewriteProgram, BadActionsAreErrorsAtTheirPointer) {
  const struct {
    std::string name, value, code;
  } rows[] = {
      {"", "x", "rewrite.bad_header_name"},
      {"X A", "x", "rewrite.bad_header_name"},
      {"X-A:", "x", "rewrite.bad_header_name"},
      {"X-A\r\nX-B", "x", "rewrite.bad_header_name"},
      {":path", "x", "rewrite.bad_header_name"},
      {"X-\xc3\xa9", "x", "rewrite.bad_header_name"},
      {"Host", "", "rewrite.host_deleted"},
      {"hOsT", "  ", "rewrite.host_deleted"},
      {"Host", "a, b", "rewrite.host_invalid"},
      {"Host", "a:99999", "rewrite.host_invalid"},
      {"Host", "{var_client_certificate_subject}", "rewrite.host_from_certificate"},
      {"X-A", "{var_nothing}", "rewrite.unknown_variable"},
      {"X-A", "a\r\nb", "rewrite.value_control_byte"},
      {"X-A", "{var_client_ip_1}", "rewrite.capture_without_condition"},
  };
  for (const auto& row : rows) {
    model::Findings findings;
    EXPECT_FALSE(RewriteProgram::compile(set_of({rule(1, {{row.name, row.value}})}), findings)) << row.name;
    ASSERT_EQ(findings.size(), 1U) << row.name << "=" << row.value;
    EXPECT_EQ(findings[0].code, row.code) << row.name << "=" << row.value;
    EXPECT_EQ(findings[0].pointer, "/req/" + row.name);
    EXPECT_TRUE(findings.has_errors());
  }
}

TEST(RewriteProgram, EverythingWrongIsReportedTogetherAndEarlierFindingsStay) {
  model::Findings findings;
  findings.error("earlier", "/", "not ours");
  EXPECT_FALSE(
      RewriteProgram::compile(set_of({rule(2, {{"Connection", "x"}}), rule(1, {{"X-A", "{var_no}"}})}), findings));
  EXPECT_EQ(findings.size(), 3U);
  // Errors that were there before do not make a good set bad.
  EXPECT_TRUE(RewriteProgram::compile(set_of({rule(1, {{"X-A", "a"}})}), findings));
  EXPECT_EQ(findings.size(), 3U);
}

TEST(RewriteProgram, DiscardedNamesAreAWarningAndDoNothing) {
  model::Findings findings;
  const auto program = RewriteProgram::compile(
      set_of({rule(1, {{"X_Under", "1"}, {"X.Dot", "1"}, {"X-Kept", "1"}}, {{"X_Under", "1"}, {"X.Dot", "1"}})}),
      findings);
  ASSERT_TRUE(program);
  ASSERT_EQ(findings.size(), 3U);
  for (const auto& finding : findings) {
    EXPECT_EQ(finding.code, "rewrite.header_discarded");
    EXPECT_EQ(finding.severity, model::Severity::kWarning);
  }
  http::Fields request;
  program->apply_request(request, TableSource());
  EXPECT_EQ(dump(request), (Headers{{"X-Kept", "1"}}));
  http::Fields response;
  program->apply_response(response, TableSource());
  EXPECT_EQ(dump(response), (Headers{{"X.Dot", "1"}}));
}

TEST(RewriteProgram, ResponseVariableInARequestHeaderIsAWarning) {
  model::Findings findings;
  EXPECT_TRUE(RewriteProgram::compile(set_of({rule(1, {{"X-A", "{http_resp_Server}"}}, {{"X-B", "{http_resp_A}"}})}),
                                      findings));
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "rewrite.response_variable_in_request");
  EXPECT_FALSE(findings.has_errors());
}

TEST(RewriteProgram, HostIsRewrittenOnlyToAHost) {
  const auto program = compiled({rule(1, {{"Host", "{http_req_X-Host}"}})});
  const struct {
    std::string wanted, host;
  } rows[] = {
      {"b.example:8080", "b.example:8080"},  {"[::1]:80", "[::1]:80"},           {"", "a.example"},
      {"b.example, c.example", "a.example"}, {"b.example\r\nX: 1", "a.example"}, {"b/../c", "a.example"},
      {"user@b.example", "a.example"},       {"b.example:0x50", "a.example"},
  };
  for (const auto& row : rows) {
    auto fields = fields_of({{"Host", "a.example"}, {"X-Host", row.wanted}});
    program.apply_request(fields, TableSource({}, &fields));
    EXPECT_EQ(fields.get("Host"), row.host) << row.wanted;
    EXPECT_EQ(fields.count("Host"), 1U) << row.wanted;
  }
  auto fields = fields_of({{"host", "a.example"}});
  compiled({rule(1, {{"Host", "fixed.example"}})}).apply_request(fields, TableSource({}, &fields));
  EXPECT_EQ(dump(fields), (Headers{{"Host", "fixed.example"}}));
}

TEST(RewriteProgram, AResponsesHostIsAnOrdinaryHeader) {
  const auto program = compiled({rule(1, {}, {{"Host", ""}})});
  auto fields = fields_of({{"Host", "odd"}});
  program.apply_response(fields, TableSource({}, &fields));
  EXPECT_TRUE(fields.empty());
}

TEST(RewriteProgram, AnEmptySetDoesNothing) {
  const auto program = compiled({});
  EXPECT_FALSE(program.has_request_actions());
  EXPECT_FALSE(program.has_response_actions());
  auto fields = fields_of({{"A", "1"}});
  program.apply_request(fields, TableSource({}, &fields));
  program.apply_response(fields, TableSource({}, &fields));
  EXPECT_EQ(dump(fields), (Headers{{"A", "1"}}));
}

}  // namespace
}  // namespace portcullis::routing
