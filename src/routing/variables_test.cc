#include "routing/variables.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace portcullis::routing {
namespace {

// Every name of azure-semantics §2.1 and §2.2 that takes no argument.
constexpr std::string_view kPlain[] = {
    "client_certificate",
    "client_certificate_end_date",
    "client_certificate_fingerprint",
    "client_certificate_issuer",
    "client_certificate_serial",
    "client_certificate_start_date",
    "client_certificate_subject",
    "client_certificate_verification",
    "add_x_forwarded_for_proxy",
    "ciphers_supported",
    "ciphers_used",
    "client_ip",
    "client_port",
    "client_tcp_rtt",
    "client_user",
    "host",
    "http_method",
    "http_status",
    "http_version",
    "query_string",
    "received_bytes",
    "request_query",
    "request_scheme",
    "request_uri",
    "sent_bytes",
    "server_port",
    "ssl_connection_protocol",
    "ssl_enabled",
    "uri_path",
};

TEST(Variables, EveryDocumentedNameIsReadInAnyCaseAndSpelledBack) {
  std::vector<Variable> seen;
  for (const auto name : kPlain) {
    const std::string spelled = "var_" + std::string(name);
    const auto parsed = parse_variable(spelled);
    ASSERT_TRUE(parsed) << spelled;
    EXPECT_EQ(to_string(*parsed), spelled);
    EXPECT_TRUE(parsed->argument.empty());
    std::string shouted = spelled;
    std::transform(shouted.begin(), shouted.end(), shouted.begin(), [](unsigned char c) { return std::toupper(c); });
    EXPECT_EQ(parse_variable(shouted), parsed) << shouted;
    EXPECT_EQ(std::count(seen.begin(), seen.end(), parsed->kind), 0) << spelled;
    seen.push_back(parsed->kind);
    EXPECT_EQ(is_client_certificate(parsed->kind), name.substr(0, 18) == "client_certificate") << spelled;
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(Variable::kCookie));
}

TEST(Variables, ParameterisedNamesKeepTheirArgument) {
  const struct {
    std::string_view name;
    Variable kind;
    std::string_view argument;
  } rows[] = {
      {"http_req_X-Tenant", Variable::kRequestHeader, "x-tenant"},
      {"http_req_X_Forwarded_For", Variable::kRequestHeader, "x-forwarded-for"},
      {"HTTP_REQ_Accept", Variable::kRequestHeader, "accept"},
      {"http_resp_Set-Cookie", Variable::kResponseHeader, "set-cookie"},
      {"http_resp_X-1", Variable::kResponseHeader, "x-1"},
      {"http_req_12", Variable::kRequestHeader, "12"},
      {"var_cookie_Session_Id", Variable::kCookie, "Session_Id"},
      {"VAR_Cookie_a.b", Variable::kCookie, "a.b"},
      {"var_cookie__ga_1", Variable::kCookie, "_ga_1"},
  };
  for (const auto& row : rows) {
    const auto parsed = parse_variable(row.name);
    ASSERT_TRUE(parsed) << row.name;
    EXPECT_EQ(parsed->kind, row.kind) << row.name;
    EXPECT_EQ(parsed->argument, row.argument) << row.name;
    EXPECT_FALSE(is_client_certificate(parsed->kind)) << row.name;
  }
}

TEST(Variables, AnythingElseIsNoVariable) {
  const std::string long_name = "http_req_" + std::string(257, 'a');
  const std::string rows[] = {"",
                              "client_ip",
                              "var_",
                              "var_client",
                              "var_client_ip ",
                              " var_client_ip",
                              "var_client-ip",
                              "var_client_ip_1",
                              "var_client_certificate_",
                              "var_cookie_",
                              "var_cookie_a b",
                              "var_cookie_a;b",
                              "http_req_",
                              "http_req_a b",
                              "http_req_a:b",
                              "http_req_X_1",
                              "http_req_X-Tenant_12",
                              "http_resp_",
                              "http_resp_X_1",
                              std::string("http_req_a\0b", 12),
                              "{var_client_ip}",
                              long_name};
  for (const auto& row : rows) EXPECT_FALSE(parse_variable(row)) << row;
  EXPECT_TRUE(parse_variable(long_name.substr(0, long_name.size() - 1)));
}

TEST(Variables, NearNamesAreNearestFirstAndFew) {
  const auto near = near_variable_names("var_client_certifcate");
  ASSERT_FALSE(near.empty());
  EXPECT_EQ(near.front(), "var_client_certificate");
  EXPECT_EQ(near_variable_names("VAR_clientip").front(), "var_client_ip");
  EXPECT_EQ(near_variable_names("var_certificate").size(), 3U);
  EXPECT_TRUE(near_variable_names("var_zzzzzzzzzzzzzzzz").empty());
  EXPECT_TRUE(near_variable_names("http_req_").empty());
  EXPECT_TRUE(near_variable_names("var_" + std::string(100'000, 'a')).empty());
}

TEST(Variables, ResponseOnlyOnesAreNamed) {
  for (const auto name : {"var_http_status", "var_sent_bytes", "http_resp_A"}) {
    EXPECT_TRUE(is_response_only(parse_variable(name)->kind)) << name;
  }
  for (const auto name : {"var_http_method", "var_received_bytes", "http_req_A", "var_client_certificate"}) {
    EXPECT_FALSE(is_response_only(parse_variable(name)->kind)) << name;
  }
}

}  // namespace
}  // namespace portcullis::routing
