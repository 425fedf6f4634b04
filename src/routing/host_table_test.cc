#include "routing/host_table.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "base/host_name.h"

namespace portcullis::routing {
namespace {

using Index = std::optional<std::size_t>;

HostTable built(const std::vector<HostEntry>& entries) {
  auto table = HostTable::build(entries);
  EXPECT_TRUE(table) << (table ? "" : table.error().message);
  return table ? std::move(*table) : HostTable();
}

TEST(HostTable, ExactNamesSelectTheirListener) {
  const auto table = built({{{"a.example"}, 10}, {{"b.example", "c.example"}, 20}});
  EXPECT_EQ(table.select("a.example"), Index(0));
  EXPECT_EQ(table.select("b.example"), Index(1));
  EXPECT_EQ(table.select("c.example"), Index(1));
  EXPECT_EQ(table.select("d.example"), Index());
  EXPECT_EQ(table.select("example"), Index());
  EXPECT_EQ(table.select("x.a.example"), Index());
  EXPECT_EQ(table.select(""), Index());
}

TEST(HostTable, TheSmallestPriorityWinsAlsoOverAnExactName) {
  const struct {
    std::string_view claim;
    std::vector<HostEntry> entries;
    Index a, other;
  } rows[] = {
      {"basic after", {{{"a.example"}, 10}, {{}, 20}}, 0, 1},
      {"basic before swallows", {{{"a.example"}, 20}, {{}, 10}}, 1, 1},
      {"listed in another order", {{{}, 20}, {{"a.example"}, 10}}, 1, 0},
      {"two of one name", {{{"a.example"}, 30}, {{"a.example"}, 20}}, 1, {}},
      {"two basic", {{{}, 30}, {{}, 20}}, 1, 1},
      {"equal priorities: the first", {{{}, 5}, {{"a.example"}, 5}}, 0, 0},
      {"equal priorities: the first, exact", {{{"a.example"}, 5}, {{}, 5}}, 0, 1},
  };
  for (const auto& row : rows) {
    const auto table = built(row.entries);
    EXPECT_EQ(table.select("a.example"), row.a) << row.claim;
    EXPECT_EQ(table.select("other.example"), row.other) << row.claim;
  }
}

// I13: one canonicaliser on both sides.
TEST(HostTable, SpellingsOfOneNameSelectOneListener) {
  const auto table = built({{{"WWW.Example.COM."}, 10}, {{"[2001:DB8:0::1]"}, 20}});
  for (const auto host : {"www.example.com", "WWW.EXAMPLE.COM", "www.example.com.", "www.example.com:8443"}) {
    EXPECT_EQ(table.select(parse_host_port(host)->host), Index(0)) << host;
  }
  EXPECT_EQ(table.select(parse_host_port("[2001:db8::1]:443")->host), Index(1));
}

TEST(HostTable, SniSelectsByNameThenBasicThenFirstRule) {
  const struct {
    std::string_view claim;
    std::vector<HostEntry> entries;
    Index a, other, none;
  } rows[] = {
      {"multi-site only: the first rule", {{{"a.example"}, 20}, {{"b.example"}, 10}}, 0, 1, 1},
      {"a basic listener takes any name", {{{"a.example"}, 10}, {{}, 20}}, 0, 1, 1},
      {"an exact name beats a basic listener", {{{"a.example"}, 20}, {{}, 10}}, 0, 1, 1},
      {"two basic: the first rule", {{{}, 20}, {{}, 10}}, 1, 1, 1},
  };
  for (const auto& row : rows) {
    const auto table = built(row.entries);
    EXPECT_EQ(table.select_for_sni("a.example"), row.a) << row.claim;
    EXPECT_EQ(table.select_for_sni("other.example"), row.other) << row.claim;
    EXPECT_EQ(table.select_for_sni(std::nullopt), row.none) << row.claim;
  }
}

TEST(HostTable, AnEmptyTableSelectsNothing) {
  for (const auto& table : {HostTable(), built({})}) {
    EXPECT_EQ(table.select("a.example"), Index());
    EXPECT_EQ(table.select_for_sni("a.example"), Index());
    EXPECT_EQ(table.select_for_sni(std::nullopt), Index());
  }
}

TEST(HostTable, NamesThatCannotMatchAreRefused) {
  for (const std::string host :
       {"", "*.example.com", "a?.example", "a b", "a..b", "a.example:443", "b\xc3\xbc.example"}) {
    const auto table = HostTable::build({{{"fine.example", host}, 1}});
    ASSERT_FALSE(table) << host;
    EXPECT_EQ(table.error().code, "routing.bad_host_name") << host;
  }
}

TEST(HostTable, ManyHostsAreAllFound) {
  std::vector<HostEntry> entries;
  for (std::uint32_t i = 0; i < 5000; ++i) entries.push_back({{"h" + std::to_string(i) + ".example"}, i + 1});
  const auto table = built(entries);
  for (std::size_t i = 0; i < entries.size(); ++i) EXPECT_EQ(table.select(entries[i].hosts[0]), Index(i));
  EXPECT_EQ(table.select_for_sni(std::nullopt), Index(0));
}

}  // namespace
}  // namespace portcullis::routing
