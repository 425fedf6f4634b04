#include "arm/document.h"

#include <gtest/gtest.h>

#include "arm/internal/tree_builder.h"

namespace portcullis::arm {
namespace {

struct Refused {
  const char* name;
  Format format;
  std::string text;
  const char* message;  // part of it
};

std::string repeat(std::string_view piece, std::size_t times) {
  std::string all;
  all.reserve(piece.size() * times);
  for (std::size_t i = 0; i < times; ++i) all += piece;
  return all;
}

class RefusedDocuments : public testing::TestWithParam<Refused> {};

TEST_P(RefusedDocuments, SaysWhatAndWhere) {
  const ParsedDocument document = parse_document(GetParam().text, GetParam().format);
  ASSERT_EQ(document.findings.size(), 1U);
  EXPECT_NE(document.findings[0].message.find(GetParam().message), std::string::npos) << document.findings[0].message;
  EXPECT_EQ(document.findings[0].code, GetParam().format == Format::kJson ? "InvalidJson" : "InvalidYaml");
}

INSTANTIATE_TEST_SUITE_P(
    Json, RefusedDocuments,
    testing::Values(
        Refused{"duplicate", Format::kJson, R"({"a":1,"b":{"c":1,"c":2}})", "'c' stands here a second time"},
        Refused{"duplicate_in_other_case", Format::kJson, "{\"Name\":1,\n \"name\":2}", "line 2, column 7"},
        Refused{"deep_arrays", Format::kJson, repeat("[", 100'000), "nested deeper than 64"},
        Refused{"deep_objects", Format::kJson, repeat("{\"a\":", 100'000), "nested deeper than 64"},
        Refused{"too_large", Format::kJson, "[" + std::string(kMaxDocumentBytes, ' ') + "]", "larger than 16 MiB"},
        Refused{"too_many_values", Format::kJson, "[" + repeat("1,", kMaxNodes) + "1]", "more than 500000 values"},
        Refused{"latin1", Format::kJson, "{\"a\":\"\xe9\"}", "not valid UTF-8 text (line 1, column 7)"},
        Refused{"overlong", Format::kJson, "{\"a\":\"\xc0\xaf\"}", "not valid UTF-8"},
        Refused{"surrogate", Format::kJson, "{\"a\":\"\xed\xa0\x80\"}", "not valid UTF-8"},
        Refused{"nul_escape", Format::kJson, R"({"a":"x\u0000y"})", "U+0000"},
        Refused{"nul_escape_in_name", Format::kJson, R"({"a\u0000":1})", "U+0000"},
        Refused{"nul_byte", Format::kJson, std::string("{\"a\":1}\0", 8), "not valid UTF-8"},
        Refused{"trailing", Format::kJson, "{} {}", "not JSON"}, Refused{"empty", Format::kJson, "", "not JSON"},
        Refused{"truncated", Format::kJson, "{\"a\":[1,", "not JSON"},
        Refused{"trailing_comma", Format::kJson, "[1,]", "not JSON"},
        Refused{"huge_number", Format::kJson, "[1e999999]", "out of range"},
        Refused{"lone_surrogate_escape", Format::kJson, R"(["\ud800"])", "not JSON"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Yaml, RefusedDocuments,
    testing::Values(Refused{"duplicate", Format::kYaml, "a: 1\nb: 2\nA: 3\n", "(line 3, column 1)"},
                    Refused{"alias", Format::kYaml, "a: &x [1]\nb: *x\n", "anchors"},
                    Refused{"undefined_alias", Format::kYaml, "b: *x\n", "not YAML"},
                    Refused{"billion_laughs", Format::kYaml, "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "anchors"},
                    Refused{"tag", Format::kYaml, "a: !!binary aGk=\n", "tags"},
                    Refused{"own_tag", Format::kYaml, "a: !x y\n", "tags"},
                    Refused{"tag_on_map", Format::kYaml, "a: !!map {b: 1}\n", "tags"},
                    Refused{"tab_indent", Format::kYaml, "a:\n\tb: 1\n",
                            "a tab character: indent with spaces, and write \\t inside "
                            "double quotes (line 2, column 1)"},
                    Refused{"tab_after_colon", Format::kYaml, "a:\tb\n", "tab character"},
                    Refused{"control_byte", Format::kYaml, "a: \x01\n", "control character (line 1, column 4)"},
                    Refused{"lone_cr", Format::kYaml, "a: 1\rb: 2\n", "control character"},
                    Refused{"deep_flow", Format::kYaml, repeat("[", 100'000), ""},
                    Refused{"deep_flow_maps", Format::kYaml, repeat("{a: ", 10'000), ""},
                    Refused{"deep_block", Format::kYaml, repeat("- ", 50'000) + "x", "nested deeper than 64"},
                    Refused{"list_as_key", Format::kYaml, "? [a]\n: b\n", "plain scalar"},
                    Refused{"null_key", Format::kYaml, "~: b\n", "name is missing"},
                    Refused{"two_documents", Format::kYaml, "a: 1\n---\nb: 2\n",
                            "second value after the document's end (line 3"},
                    Refused{"bad_flow", Format::kYaml, "a: [1, 2\n", "not YAML"},
                    Refused{"too_large", Format::kYaml, std::string(kMaxDocumentBytes + 1, ' '), "larger than 16 MiB"},
                    Refused{"utf16", Format::kYaml,
                            std::string("\xff\xfe"
                                        "a\0:\0",
                                        6),
                            "not valid UTF-8"}),
    [](const auto& info) { return info.param.name; });

TEST(JsonDocument, KeepsPlacesOrderAndDigits) {
  const ParsedDocument document = parse_json("// comment\n{\"b\": 1.50, /* x */\n  \"A\": [true, null, \"\\u00e9\"]}");
  ASSERT_TRUE(document.findings.empty());
  EXPECT_EQ(to_json(document.root), "{\"b\":1.50,\"A\":[true,null,\"é\"]}");
  const Node* a = document.root.find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->line, 3U);
  EXPECT_EQ(a->items[0].line, 3U);
}

TEST(JsonDocument, NestsToTheLimit) {
  EXPECT_TRUE(parse_json(repeat("[", kMaxDepth) + repeat("]", kMaxDepth)).findings.empty());
}

TEST(JsonDocument, NullMemberIsAbsent) {
  const ParsedDocument document = parse_json(R"({"a":null})");
  ASSERT_TRUE(document.findings.empty());
  EXPECT_EQ(document.root.find("a"), nullptr);
}

TEST(JsonDocument, ParserMessagesShowNothingOfTheDocument) {
  const ParsedDocument document = parse_json(R"({"password": "hunter2" x})");
  ASSERT_EQ(document.findings.size(), 1U);
  EXPECT_EQ(document.findings[0].message.find("hunter2"), std::string::npos);
  EXPECT_EQ(document.findings[0].pointer, "");
}

TEST(JsonDocument, LargeFlatArraysAreTakenInLinearTime) {
  const ParsedDocument document = parse_json("[" + repeat("{\"a\":1},", 100'000) + "{}]");
  ASSERT_TRUE(document.findings.empty());
  EXPECT_EQ(document.root.items.size(), 100'001U);
}

TEST(YamlDocument, ScalarsAreTypedByTheCoreSchema) {
  const struct {
    const char* scalar;
    Kind kind;
  } cases[] = {
      {"no", Kind::kString},       {"on", Kind::kString},        {"yes", Kind::kString},    {"off", Kind::kString},
      {"y", Kind::kString},        {"true", Kind::kBoolean},     {"FALSE", Kind::kBoolean}, {"tRue", Kind::kString},
      {"\"true\"", Kind::kString}, {"'1'", Kind::kString},       {"1", Kind::kNumber},      {"-1", Kind::kNumber},
      {"+1", Kind::kNumber},       {"0o17", Kind::kNumber},      {"0x1F", Kind::kNumber},   {"0b1", Kind::kString},
      {"1_000", Kind::kString},    {"1:30", Kind::kString},      {"1.5", Kind::kNumber},    {".5", Kind::kNumber},
      {".", Kind::kString},        {"1e3", Kind::kNumber},       {"1e", Kind::kString},     {".inf", Kind::kNumber},
      {"~", Kind::kNull},          {"null", Kind::kNull},        {"nUll", Kind::kString},   {"", Kind::kNull},
      {"1.2.3.4", Kind::kString},  {"2001-01-01", Kind::kString}};
  for (const auto& [scalar, kind] : cases) {
    const ParsedDocument document = parse_yaml("a: " + std::string(scalar) + "\n");
    ASSERT_TRUE(document.findings.empty()) << scalar;
    ASSERT_EQ(document.root.items.size(), 1U);
    EXPECT_EQ(static_cast<int>(document.root.items[0].kind), static_cast<int>(kind)) << scalar;
  }
}

TEST(YamlDocument, MultiLinePemKeepsItsLines) {
  const ParsedDocument document = parse_yaml("data: |\n  -----BEGIN X-----\n  abc\n  -----END X-----\n");
  ASSERT_TRUE(document.findings.empty());
  EXPECT_EQ(document.root.items[0].text, "-----BEGIN X-----\nabc\n-----END X-----\n");
}

TEST(YamlDocument, CommentsAloneAreAnEmptyDocument) {
  for (const char* text : {"", "\n", "# only this\n"}) {
    const ParsedDocument document = parse_yaml(text);
    ASSERT_EQ(document.findings.size(), 1U);
    EXPECT_EQ(document.findings[0].code, kEmptyDocument);
  }
}

TEST(YamlDocument, TabsMayStandInComments) { EXPECT_TRUE(parse_yaml("#\tx\na: 1\n").findings.empty()); }

TEST(YamlDocument, ReadsWindowsLineEnds) {
  const ParsedDocument document = parse_yaml("a: 1\r\nb: two\r\n");
  ASSERT_TRUE(document.findings.empty());
  EXPECT_EQ(to_json(document.root), R"({"a":1,"b":"two"})");
}

TEST(Pointer, EscapesItsTokens) {
  EXPECT_EQ(pointer_to("/a", "b/c~d"), "/a/b~1c~0d");
  EXPECT_EQ(pointer_to("", std::size_t{3}), "/3");
}

TEST(Format, IsGuessedByNameThenByContent) {
  EXPECT_EQ(guess_format("x.JSON", "a: 1"), Format::kJson);
  EXPECT_EQ(guess_format("x.yml", "{}"), Format::kYaml);
  EXPECT_EQ(guess_format("-", "  {"), Format::kJson);
  EXPECT_EQ(guess_format("-", "a: 1"), Format::kYaml);
}

}  // namespace
}  // namespace portcullis::arm
