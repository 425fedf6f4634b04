#include "routing/value_template.h"

#include <string>

#include <gtest/gtest.h>

#include "routing/internal/table_source.h"

namespace portcullis::routing {
namespace {

using internal::TableSource;

std::string expand(std::string_view text, std::map<std::string, std::string> values = {}) {
  const auto compiled = ValueTemplate::compile(text);
  EXPECT_TRUE(compiled) << text << ": " << (compiled ? "" : compiled.error().message);
  if (!compiled) return "(refused)";
  std::string out;
  compiled->expand(TableSource(std::move(values)), out);
  return out;
}

TEST(ValueTemplate, LiteralsAndVariablesMix) {
  const std::map<std::string, std::string> values = {
      {"var_client_ip", "192.0.2.1"}, {"http_req_x-tenant", "blue"}, {"http_resp_server", "s"}, {"var_cookie_id", "7"}};
  const struct {
    std::string_view text, value;
  } rows[] = {
      {"", ""},
      {"plain", "plain"},
      {"{var_client_ip}", "192.0.2.1"},
      {"for={var_client_ip};t={http_req_X-Tenant}", "for=192.0.2.1;t=blue"},
      {"{var_client_ip}{VAR_CLIENT_IP}", "192.0.2.1192.0.2.1"},
      {"{http_req_X_Tenant}/{http_resp_Server}/{var_cookie_id}", "blue/s/7"},
      {"{var_uri_path}", ""},
      {"a{var_uri_path}b", "ab"},
      {"  padded\t", "padded"},
      {"{var_uri_path} x {var_uri_path}", "x"},
      {" {var_uri_path} ", ""},
  };
  for (const auto& row : rows) EXPECT_EQ(expand(row.text, values), row.value) << row.text;
}

TEST(ValueTemplate, BracesThatBeginNoVariableAreLiteral) {
  const std::map<std::string, std::string> values = {{"var_client_ip", "1.2.3.4"}};
  const struct {
    std::string_view text, value;
  } rows[] = {
      {"{", "{"},
      {"}", "}"},
      {"{}", "{}"},
      {R"({"a":{"b":1}})", R"({"a":{"b":1}})"},
      {"{client_ip}", "{client_ip}"},
      {"{ var_client_ip}", "{ var_client_ip}"},
      {"{{var_client_ip}}", "{1.2.3.4}"},
      {"{va{var_client_ip}r_x}", "{va1.2.3.4r_x}"},
      {"var_client_ip}", "var_client_ip}"},
      {"{http_request}", "{http_request}"},
  };
  for (const auto& row : rows) EXPECT_EQ(expand(row.text, values), row.value) << row.text;
}

TEST(ValueTemplate, ValuesAreNotExpandedAgain) {
  EXPECT_EQ(expand("{http_req_a}", {{"http_req_a", "{var_client_ip}"}, {"var_client_ip", "1"}}), "{var_client_ip}");
}

TEST(ValueTemplate, BadTextIsRefusedByCode) {
  std::string many;
  for (std::size_t i = 0; i <= ValueTemplate::kMaxReferences; ++i) many += "{var_host}";
  const struct {
    std::string text;
    std::string_view code;
  } rows[] = {
      {std::string(ValueTemplate::kMaxBytes + 1, 'a'), "rewrite.value_too_long"},
      {"a\rb", "rewrite.value_control_byte"},
      {"a\nX-Admin: 1", "rewrite.value_control_byte"},
      {std::string("a\0b", 3), "rewrite.value_control_byte"},
      {"a\x7f", "rewrite.value_control_byte"},
      {"{var_client_ip", "rewrite.unclosed_variable"},
      {"x {http_req_", "rewrite.unclosed_variable"},
      {"{var_}", "rewrite.unknown_variable"},
      {"{var_client_certificat}", "rewrite.unknown_variable"},
      {"{http_req_}", "rewrite.unknown_variable"},
      {"{http_req_a b}", "rewrite.unknown_variable"},
      {"{var_{var_client_ip}}", "rewrite.unknown_variable"},
      {"{var_client_ip_1}", "rewrite.capture_without_condition"},
      {"{http_req_X-Tenant_2}", "rewrite.capture_without_condition"},
      {"{http_resp_Location_1}", "rewrite.capture_without_condition"},
      {many, "rewrite.too_many_variables"},
  };
  for (const auto& row : rows) {
    const auto compiled = ValueTemplate::compile(row.text);
    ASSERT_FALSE(compiled) << row.text;
    EXPECT_EQ(compiled.error().code, row.code) << row.text;
    EXPECT_LT(compiled.error().message.size(), 400U) << row.text.substr(0, 40);
  }
  EXPECT_TRUE(ValueTemplate::compile(std::string(ValueTemplate::kMaxBytes, 'a')));
}

TEST(ValueTemplate, UnknownNameListsNearOnes) {
  const auto compiled = ValueTemplate::compile("{var_client_certificat}");
  ASSERT_FALSE(compiled);
  EXPECT_NE(compiled.error().message.find("{var_client_certificat}"), std::string::npos);
  EXPECT_NE(compiled.error().message.find("did you mean {var_client_certificate}"), std::string::npos);
}

TEST(ValueTemplate, NoVariableValueCanInjectAHeader) {
  const struct {
    std::string raw, safe;
  } rows[] = {
      {"a\r\nX-Client-Cert: forged", "a  X-Client-Cert: forged"},
      {"\r\n\r\nGET / HTTP/1.1", "GET / HTTP/1.1"},
      {"a\rb\nc", "a b c"},
      {std::string("CN=a\0.evil", 10), "CN=a .evil"},
      {"a\tb", "a\tb"},
      {"\x01\x1f\x7fx", "x"},
      {"x\r\n", "x"},
      {"\r\n", ""},
      {"d\xc3\xa9v", "d\xc3\xa9v"},
  };
  for (const auto& row : rows) EXPECT_EQ(expand("{http_req_a}", {{"http_req_a", row.raw}}), row.safe);
}

TEST(ValueTemplate, ExpandAppendsAndLeavesWhatWasThere) {
  const auto compiled = ValueTemplate::compile(" {http_req_a} ");
  ASSERT_TRUE(compiled);
  std::string out = "kept\r\n ";
  compiled->expand(TableSource(TableSource::Values{{"http_req_a", "  v  "}}), out);
  EXPECT_EQ(out, "kept\r\n v");
  compiled->expand(TableSource(TableSource::Values{{"http_req_a", " \t "}}), out);
  EXPECT_EQ(out, "kept\r\n v");
  std::string blank = "  ";
  compiled->expand(TableSource(), blank);
  EXPECT_EQ(blank, "  ");
}

TEST(ValueTemplate, ConstantsSaySo) {
  EXPECT_TRUE(ValueTemplate::compile(" a{b} ")->is_constant());
  EXPECT_EQ(ValueTemplate::compile(" a{b} ")->literal(), "a{b}");
  EXPECT_TRUE(ValueTemplate::compile("\t ")->literal().empty());
  EXPECT_FALSE(ValueTemplate::compile("{var_host}")->is_constant());
}

}  // namespace
}  // namespace portcullis::routing
