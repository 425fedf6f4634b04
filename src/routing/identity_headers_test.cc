#include "routing/identity_headers.h"

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace portcullis::routing {
namespace {

model::Gateway gateway_with(const std::vector<std::pair<std::string, std::string>>& request,
                            const std::vector<std::pair<std::string, std::string>>& response = {}) {
  model::RewriteRule rule;
  for (const auto& [name, value] : request) rule.request_header_configurations.push_back({name, value, ""});
  for (const auto& [name, value] : response) rule.response_header_configurations.push_back({name, value, ""});
  model::RewriteRuleSet set;
  set.rewrite_rules.push_back(rule);
  model::Gateway out;
  out.rewrite_rule_sets.push_back(set);
  return out;
}

IdentityHeaders collected(const model::Gateway& gateway) {
  const model::Gateway* all[] = {&gateway};
  return collect_identity_headers(all);
}

std::string names_left(const http::Fields& fields) {
  std::string out;
  fields.for_each([&](const http::Field& field) { out.append(field.name).append("|"); });
  return out;
}

// I19: whatever some backend would read as X-Client-Cert.
TEST(IdentityHeaders, EverySpellingOfANameIsStripped) {
  IdentityHeaders headers;
  headers.add("X-Client-Cert");
  for (const std::string name :
       {"X-Client-Cert", "x-client-cert", "X-CLIENT-CERT", "x_client.CERT", "X_Client_Cert", "x.client.cert",
        "X-Client_Cert", "X.client-CERT", "x~client!cert", "Client-Cert", "client_cert", "CLIENT.CERT",
        "Client-Cert-Chain", "client_cert_chain", "Client.Cert_Chain"}) {
    EXPECT_TRUE(headers.contains(name)) << name;
    http::Fields fields;
    fields.add("Host", "a");
    fields.add(name, "forged");
    fields.add("Accept", "*/*");
    fields.add(name, "forged again");
    EXPECT_EQ(headers.strip(fields), 2U) << name;
    EXPECT_EQ(names_left(fields), "Host|Accept|") << name;
  }
}

TEST(IdentityHeaders, OtherNamesStay) {
  IdentityHeaders headers;
  headers.add("X-Client-Cert");
  for (const std::string name : {"", "X", "-", "XClientCert", "XClient-Cert", "X--Client-Cert", "X-Client-Cert-",
                                 "-X-Client-Cert", "X-Client-Certs", "Y-Client-Cert", "X-Client-Cart", "X-Client-CerT1",
                                 "Host", "Cookie", "Client-Cert-Chains", "Client", "Cert"}) {
    EXPECT_FALSE(headers.contains(name)) << name;
  }
}

TEST(IdentityHeaders, TheNameAddedMayBeAnySpellingToo) {
  IdentityHeaders headers;
  headers.add("x_ARR.ClientCert");
  headers.add("X-ARR-ClientCert");
  EXPECT_EQ(headers.size(), 3U);
  EXPECT_TRUE(headers.contains("X-ARR-ClientCert"));
}

TEST(IdentityHeaders, LongNamesAreCompared) {
  const std::string longest(1000, 'a');
  IdentityHeaders headers;
  headers.add(longest);
  EXPECT_TRUE(headers.contains(std::string(1000, 'A')));
  EXPECT_FALSE(headers.contains(std::string(999, 'a')));
  EXPECT_FALSE(headers.contains(std::string(63, 'a')));
  EXPECT_FALSE(headers.contains(longest.substr(0, 998) + "ba"));
}

// A client that finds a name with the hash of an identity header must gain nothing, and lose nothing.
TEST(IdentityHeaders, ANameWithTheSameHashIsAnotherName) {
  const FoldedNameHash hash;
  std::unordered_map<std::size_t, std::string> seen;
  std::string one;
  std::string other;
  std::uint64_t state = 1;
  for (int i = 0; i < 2'000'000 && one.empty(); ++i) {
    std::string name = "X-";
    state = state * 6364136223846793005U + 1442695040888963407U;
    for (int shift = 0; shift < 50; shift += 5) name += static_cast<char>('a' + ((state >> (14 + shift)) & 31U) % 26);
    name += "-id";
    const auto [at, added] = seen.try_emplace(hash(name), name);
    if (!added && at->second != name) {
      one = at->second;
      other = name;
    }
  }
  ASSERT_FALSE(one.empty());
  ASSERT_EQ(hash(one), hash(other));
  IdentityHeaders headers;
  headers.add(one);
  EXPECT_TRUE(headers.contains(one));
  EXPECT_FALSE(headers.contains(other)) << one << " " << other;
}

TEST(IdentityHeaders, HostAndFramingAreNeverStripped) {
  IdentityHeaders headers;
  for (const auto name : {"", "Host", "hOST", "Content-Length", "Transfer-Encoding", "Connection", "TE", "Trailer",
                          "Upgrade", "Content_Length", "transfer.encoding"}) {
    headers.add(name);
    EXPECT_FALSE(headers.contains(name)) << name;
  }
  EXPECT_EQ(headers.size(), 2U);
  EXPECT_FALSE(headers.contains("Content-Length"));
  EXPECT_FALSE(headers.contains("Transfer-Encoding"));
}

TEST(IdentityHeaders, AreCollectedFromRequestActionsWithCertificateVariables) {
  const auto headers = collected(gateway_with({{"X-ARR-ClientCert", "{var_client_certificate}"},
                                               {"X-Subject", "dn={VAR_Client_Certificate_Subject};v=1"},
                                               {"X-Verify", "{var_client_certificate_verification}"},
                                               {"X-Ip", "{var_client_ip}"},
                                               {"X-Plain", "var_client_certificate"},
                                               {"X-Removed", ""},
                                               {"X-Broken", "{var_client_certificate}{var_no}"}},
                                              {{"X-Echo", "{var_client_certificate}"}}));
  for (const auto name : {"X-ARR-ClientCert", "x_subject", "X.VERIFY"}) EXPECT_TRUE(headers.contains(name)) << name;
  for (const auto name : {"X-Ip", "X-Plain", "X-Removed", "X-Broken", "X-Echo"})
    EXPECT_FALSE(headers.contains(name)) << name;
}

// A backend that trusts the copy is fooled by a forged copy just as well.
TEST(IdentityHeaders, CopiesOfIdentityHeadersCountInAnyOrder) {
  const auto headers = collected(gateway_with({{"X-Third", "{http_req_X_Second}"},
                                               {"X-Second", "a {http_req_x-first}"},
                                               {"X-First", "{var_client_certificate_fingerprint}"},
                                               {"X-Standard", "{http_req_Client-Cert}"},
                                               {"X-Other", "{http_req_X-Tenant}"},
                                               {"Cookie", "cert={var_client_certificate_serial}"},
                                               {"X-Cookie", "{var_cookie_cert}"}}));
  for (const auto name : {"X-First", "X-Second", "X-Third", "X-Standard", "X-Cookie"}) {
    EXPECT_TRUE(headers.contains(name)) << name;
  }
  EXPECT_FALSE(headers.contains("X-Other"));
}

TEST(IdentityHeaders, CountForEveryGatewayOfTheProcess) {
  const auto copier = gateway_with({{"X-Copy", "{http_req_X-Cert}"}});
  const auto source = gateway_with({{"X-Cert", "{var_client_certificate}"}});
  const model::Gateway* all[] = {&copier, &source};
  const auto headers = collect_identity_headers(all);
  EXPECT_TRUE(headers.contains("X-Cert"));
  EXPECT_TRUE(headers.contains("X-Copy"));
  EXPECT_EQ(collect_identity_headers({}).size(), 2U);
}

TEST(RequestNames, OnlyLettersDigitsAndHyphensReachABackend) {
  http::Fields fields;
  for (const auto name : {"Host", "X-Real-9", "x_client_cert", "X.Client.Cert", "A!", "b~c", "UPPER"})
    fields.add(name, "v");
  EXPECT_EQ(drop_invalid_request_names(fields), 4U);
  EXPECT_EQ(names_left(fields), "Host|X-Real-9|UPPER|");
  EXPECT_EQ(drop_invalid_request_names(fields), 0U);
}

}  // namespace
}  // namespace portcullis::routing
