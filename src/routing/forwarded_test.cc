#include "routing/forwarded.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace portcullis::routing {
namespace {

ForwardedInfo info_for(std::string_view client) {
  return {*Endpoint::parse(client), "https", 443, "a.example:8443", "/p?q=1", "0123456789abcdef0123456789abcdef"};
}

TEST(Forwarded, SixHeadersAreSet) {
  http::Fields fields;
  fields.add("Host", "a.example:8443");
  set_forwarded_headers(fields, info_for("192.0.2.1:50000"));
  EXPECT_EQ(fields.size(), 7U);
  EXPECT_EQ(fields.get("X-Forwarded-For"), "192.0.2.1:50000");
  EXPECT_EQ(fields.get("X-Forwarded-Proto"), "https");
  EXPECT_EQ(fields.get("X-Forwarded-Port"), "443");
  EXPECT_EQ(fields.get("X-Original-Host"), "a.example:8443");
  EXPECT_EQ(fields.get("X-Original-Url"), "/p?q=1");
  EXPECT_EQ(fields.get("X-Appgw-Trace-Id"), "0123456789abcdef0123456789abcdef");
}

TEST(Forwarded, TheClientIsAppendedToWhatCame) {
  const struct {
    std::vector<std::string> came;
    std::string_view client, goes;
  } rows[] = {
      {{}, "[2001:db8::1]:443", "[2001:db8::1]:443"},
      {{"203.0.113.9"}, "192.0.2.1:1", "203.0.113.9, 192.0.2.1:1"},
      {{"203.0.113.9, 198.51.100.2", "10.0.0.1"}, "192.0.2.1:1", "203.0.113.9, 198.51.100.2, 10.0.0.1, 192.0.2.1:1"},
      {{"", "  ", "10.0.0.1"}, "[::ffff:192.0.2.1]:1", "10.0.0.1, 192.0.2.1:1"},
  };
  for (const auto& row : rows) {
    http::Fields fields;
    for (const auto& value : row.came) fields.add("x-FORWARDED-for", value);
    set_forwarded_headers(fields, info_for(row.client));
    EXPECT_EQ(fields.get("x-forwarded-for"), row.goes);
    EXPECT_EQ(fields.count("x-forwarded-for"), 1U);
  }
}

TEST(Forwarded, WhatAClientSentNeverPassesForTheGateways) {
  constexpr std::string_view kNames[] = {"X-Forwarded-Proto", "X-FORWARDED-PORT", "x-original-host",
                                         "X-Original-URL",    "X-AppGW-Trace-Id", "X-Azure-JA4-Fingerprint"};
  for (const bool with_host : {true, false}) {
    http::Fields fields;
    for (const auto name : kNames) {
      fields.add(name, "forged");
      fields.add(name, "forged");
    }
    auto info = info_for("192.0.2.1:1");
    if (!with_host) info.original_host = {};
    set_forwarded_headers(fields, info);
    fields.for_each([](const http::Field& field) { EXPECT_NE(field.value, "forged") << field.name; });
    EXPECT_EQ(fields.size(), with_host ? 6U : 5U);
    EXPECT_EQ(fields.has("x-original-host"), with_host);
  }
}

}  // namespace
}  // namespace portcullis::routing
