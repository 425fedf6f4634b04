#include "arm/expression.h"

#include <gtest/gtest.h>

#include "arm/test_templates.h"

namespace portcullis::arm {
namespace {

TEST(Expression, BracketsDecideWhatIsOne) {
  const std::pair<const char*, bool> cases[] = {{"[x()]", true}, {"[]", true},    {"[[x]", false}, {"[x", false},
                                                {"x]", false},   {" [x]", false}, {"[", false},    {"", false}};
  for (const auto& [text, is] : cases) EXPECT_EQ(is_expression(text), is) << text;
  EXPECT_EQ(literal_text("[[x]"), "[x]");
  EXPECT_EQ(literal_text("[[x"), "[[x");
  EXPECT_EQ(literal_text("x"), "x");
}

TEST(Expression, QuotesAndSpacesAreRead) {
  EXPECT_EQ(value_of("['it''s']"), "\"it's\"");
  EXPECT_EQ(value_of("['']"), "\"\"");
  EXPECT_EQ(value_of("['[x]']"), "\"[x]\"");
  EXPECT_EQ(value_of("[ concat ( 'a' ,\n 'b' ) ]"), "\"ab\"");
  EXPECT_EQ(value_of("[-5]"), "-5");
  EXPECT_EQ(value_of("[[literal]"), "\"[literal]\"");
  EXPECT_EQ(value_of("[createObject('a', createArray('b')) . a [ 0 ]]"), "\"b\"");
}

TEST(Expression, WhatCannotBeReadIsNamedWithItsPlace) {
  const std::pair<std::string, const char*> cases[] = {
      {"[]", "character 2: it ends too early"},
      {"[concat('a']", "',' or ')' is expected"},
      {"[concat('a',)]", "a function, a 'string' or a number is expected"},
      {"[concat(,'a')]", "a function, a 'string' or a number is expected"},
      {"['a]", "character 2: the string that begins here has no closing quote"},
      {"[true]", "'true' is not followed by '('"},
      {"[a b]", "'a' is not followed by '('"},
      {"[1.5]", "numbers here are whole numbers"},
      {"[1x]", "numbers here are whole numbers"},
      {"[-]", "a whole number of at most 63 bits is expected"},
      {"[99999999999999999999]", "a whole number of at most 63 bits is expected"},
      {"[1 + 2]", "an operator or text stands where the expression should end"},
      {"[x() y]", "an operator or text stands"},
      {"[x().]", "the name of a member is expected"},
      {"[x()[1]", "']' is expected"},
      {"[x()['a]", "no closing quote"},
      {"[::1]", "a function, a 'string' or a number is expected"},
      {"[\"a\"]", "a function, a 'string' or a number is expected"},
      {"[" + std::string(20'000, '('), nullptr},
      {"[x(" + std::string(20'000, '(') + "]", "a function, a 'string'"},
      {"[" + std::string(3'000, 'x') + "]", "is not followed by '('"},
  };
  for (const auto& [text, says] : cases) {
    const std::string value = value_of(text);
    if (says != nullptr) {
      EXPECT_NE(value.find(says), std::string::npos) << text.substr(0, 60) << "\n" << value;
      EXPECT_NE(value.find("InvalidTemplate /resources/0/x"), std::string::npos) << value;
    }
    EXPECT_LT(value.size(), 21'000U);
  }
}

std::string repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

TEST(Expression, DepthAndLengthAreBounded) {
  const auto nested = [](int depth) { return "[" + repeated("concat(", depth) + "'a'" + repeated(")", depth) + "]"; };
  EXPECT_EQ(value_of(nested(60)), "\"a\"");
  EXPECT_NE(value_of(nested(70)).find("nested too deeply"), std::string::npos);
  EXPECT_NE(value_of(nested(2'000)).find("nested too deeply"), std::string::npos);
  EXPECT_NE(value_of("[x()" + repeated(".a", 10'000) + "]").find("too many members"), std::string::npos);
  EXPECT_NE(value_of("[x()" + repeated("[0]", 5'000) + "]").find("too many members"), std::string::npos);
  EXPECT_NE(value_of("['" + std::string(25'000, 'a') + "']").find("longer than Azure's limit"), std::string::npos);
}

}  // namespace
}  // namespace portcullis::arm
