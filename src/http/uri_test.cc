#include "http/uri.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace portcullis::http {
namespace {

using namespace std::string_view_literals;

std::string normal(std::string_view path) {
  std::string out = "kept";
  auto result = append_normal_path(out, path);
  if (!result) return std::string(result.error().code);
  EXPECT_EQ(out.substr(0, 4), "kept");
  return out.substr(4);
}

TEST(NormalPath, HasOneFormForEverySpelling) {
  struct Row {
    std::string_view path, normal;
  };
  const std::vector<Row> rows = {
      {"/", "/"},
      {"/a/b.c", "/a/b.c"},
      {"/%61%2d%5F%7e%2E%30", "/a-_~.0"},
      {"/%7euser", "/~user"},
      {"/a%2fb", "/a%2Fb"},
      {"/a%2Fb", "/a%2Fb"},
      {"/a%5cb", "/a%5Cb"},
      {"/a%0d%0ab", "/a%0D%0Ab"},
      {"/%c3%a4", "/%C3%A4"},
      {"/%252e%252E/", "/%252e%252E/"},
      {"/%25%32%65", "/%252e"},
      // dot segments
      {"/.", "/"},
      {"/..", "/"},
      {"/./", "/"},
      {"/../", "/"},
      {"/a/.", "/a/"},
      {"/a/..", "/"},
      {"/a/./b", "/a/b"},
      {"/a/../b", "/b"},
      {"/a/b/../c", "/a/c"},
      {"/a/b/c/../..", "/a/"},
      {"/a/b/c/./../../g", "/a/g"},
      {"/../../etc/passwd", "/etc/passwd"},
      {"/a/../../b", "/b"},
      {"/%2e", "/"},
      {"/a/%2e%2E/b", "/b"},
      {"/a/.%2e/b", "/b"},
      {"/a/%2e./b", "/b"},
      {"/a/%2e/b", "/a/b"},
      {"/...", "/..."},
      {"/.a/..b/c../.d.", "/.a/..b/c../.d."},
      {"/a/..%2fb", "/a/..%2Fb"},
      {"/a/..;/b", "/a/..;/b"},
      // empty segments stay
      {"//", "//"},
      {"//a///b//", "//a///b//"},
      {"/a//../b", "/a/b"},
      {"//..", "/"},
      {"//../a", "/a"},
      {"/a/..//b", "//b"},
      // what RFC 3986 does not allow raw
      {"/a|b", "/a%7Cb"},
      {"/a\"<>^`{}[]", "/a%22%3C%3E%5E%60%7B%7D%5B%5D"},
      {"/a:b@c!$&'()*+,;=", "/a:b@c!$&'()*+,;="},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(normal(row.path), row.normal) << row.path;
    EXPECT_EQ(normal(normal(row.path)), row.normal) << row.path;
  }
}

TEST(NormalPath, RefusesWhatHasNoSafeMeaning) {
  struct Row {
    std::string_view path, code;
  };
  for (const Row& row :
       std::vector<Row>{{"", "uri.bad_path"},          {"a", "uri.bad_path"},         {"/%00", "uri.nul"},
                        {"/a%00.html", "uri.nul"},     {"/%", "uri.bad_escape"},      {"/%4", "uri.bad_escape"},
                        {"/%4g", "uri.bad_escape"},    {"/%g4", "uri.bad_escape"},    {"/% 41", "uri.bad_escape"},
                        {"/%u0041", "uri.bad_escape"}, {"/a\\b", "uri.bad_byte"},     {"/..\\..\\a", "uri.bad_byte"},
                        {"/a b", "uri.bad_byte"},      {"/a\tb", "uri.bad_byte"},     {"/a\0b"sv, "uri.bad_byte"},
                        {"/\x7f", "uri.bad_byte"},     {"/\xc3\xa4", "uri.bad_byte"}, {"/a#b", "uri.fragment"},
                        {"/a\r\nb", "uri.bad_byte"},   {"/a?b", "uri.bad_byte"}}) {
    EXPECT_EQ(normal(row.path), row.code) << row.path;
  }
}

// Every pair of an escape and every byte: decoded exactly when unreserved, upper-cased otherwise.
TEST(NormalPath, DecidesEveryEscape) {
  constexpr std::string_view kLower = "0123456789abcdef", kUpper = "0123456789ABCDEF";
  constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  for (unsigned byte = 1; byte < 256; ++byte) {
    const std::string escape = std::string("/x%") + kLower[byte >> 4] + kLower[byte & 15];
    const bool decoded = kUnreserved.find(static_cast<char>(byte)) != std::string_view::npos;
    EXPECT_EQ(normal(escape), decoded ? std::string("/x") + static_cast<char>(byte)
                                      : std::string("/x%") + kUpper[byte >> 4] + kUpper[byte & 15]);
  }
}

std::string parsed(std::string_view method, std::string_view target) {
  auto result = parse_target(method, target);
  if (!result) {
    EXPECT_EQ(result.error().origin, Origin::kClient);
    return std::string(result.error().code);
  }
  const Target& out = *result;
  constexpr std::string_view kForms[] = {"origin", "absolute", "asterisk", "authority"};
  return std::string(kForms[static_cast<int>(out.form)]) + " " + std::string(out.scheme) + "|" + out.host + "|" +
         (out.port ? std::to_string(*out.port) : "") + "|" + out.path + "|" + (out.has_query ? "?" : "") + out.query;
}

TEST(ParseTarget, KnowsTheFourForms) {
  struct Row {
    std::string_view method, target, expected;
  };
  for (const Row& row : std::vector<Row>{
           {"GET", "/", "origin |||/|"},
           {"GET", "/a/../b?x=/../y", "origin |||/b|?x=/../y"},
           {"GET", "/?", "origin |||/|?"},
           {"GET", "/?a?b%zz%00\\|", "origin |||/|?a?b%zz%00\\|"},
           {"GET", "//evil.com/x", "origin |||//evil.com/x|"},
           {"GET", "http://Example.COM.:8080/a/./b?q", "absolute http|example.com|8080|/a/b|?q"},
           {"GET", "HTTPS://[::1]", "absolute https|[::1]||/|"},
           {"GET", "http://a?q", "absolute http|a||/|?q"},
           {"OPTIONS", "*", "asterisk |||*|"},
           {"OPTIONS", "http://a:80", "asterisk http|a|80|*|"},
           {"OPTIONS", "http://a/", "absolute http|a||/|"},
           {"OPTIONS", "/x", "origin |||/x|"},
           {"CONNECT", "a:443", "authority |a|443||"},
           {"CONNECT", "[::1]:443", "authority |[::1]|443||"},
       }) {
    EXPECT_EQ(parsed(row.method, row.target), row.expected) << row.target;
  }
}

TEST(ParseTarget, RefusesTheRest) {
  struct Row {
    std::string_view method, target, code;
  };
  for (const Row& row : std::vector<Row>{
           {"GET", "*", "uri.asterisk"},
           {"GET", "", "uri.bad_form"},
           {"GET", "a", "uri.bad_form"},
           {"GET", "?a", "uri.bad_form"},
           {"GET", "a:443", "uri.bad_form"},
           {"GET", "ftp://a/", "uri.bad_form"},
           {"GET", "http:/a", "uri.bad_form"},
           {"GET", "http:///a", "uri.bad_authority"},
           {"GET", "http://", "uri.bad_authority"},
           {"GET", "http://u@a/", "uri.bad_authority"},
           {"GET", "http://u:p@a/", "uri.bad_authority"},
           {"GET", "http://a:1:2/", "uri.bad_authority"},
           {"GET", "http://a:/", "uri.bad_authority"},
           {"GET", "http://a\\b/", "uri.bad_authority"},
           {"GET", "http://a%2e/", "uri.bad_authority"},
           {"GET", "http://a#/", "uri.bad_path"},
           {"GET", "/#", "uri.fragment"},
           {"GET", "/?#", "uri.fragment"},
           {"GET", "/?a b", "uri.bad_query"},
           {"GET", "/?\x01", "uri.bad_query"},
           {"GET", "/?\x80", "uri.bad_query"},
           {"GET", "http://a/%00", "uri.nul"},
           {"OPTIONS", "*a", "uri.bad_form"},
           {"CONNECT", "/", "uri.bad_authority"},
           {"CONNECT", "a", "uri.no_port"},
           {"CONNECT", "http://a:1/", "uri.bad_authority"},
       }) {
    EXPECT_EQ(parsed(row.method, row.target), row.code) << row.target;
  }
}

TEST(ParseTarget, ReusedTargetForgetsTheLast) {
  Target target;
  ASSERT_TRUE(parse_target_into("GET", "http://a:1/b?c", target));
  ASSERT_TRUE(parse_target_into("GET", "/d", target));
  EXPECT_FALSE(target.has_host());
  EXPECT_FALSE(target.port);
  EXPECT_FALSE(target.has_query);
  std::string out;
  append_origin_form(out, target);
  EXPECT_EQ(out, "/d");
  ASSERT_TRUE(parse_target_into("GET", "/e?", target));
  append_origin_form(out, target);
  EXPECT_EQ(out, "/d/e?");
}

}  // namespace
}  // namespace portcullis::http
