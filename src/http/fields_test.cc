#include "http/fields.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "http/test_messages.h"

namespace portcullis::http {
namespace {

using testing::describe;

std::string lines(const Fields& fields) {
  std::string out;
  fields.for_each_line([&out](const Field&, std::string_view line) { out.append(line.empty() ? "-" : line); });
  return out;
}

TEST(Fields, KeepOrderAndCaseAndIgnoreCaseInLookUps) {
  Fields fields;
  fields.add("Host", "a");
  fields.add("x-One", "1");
  fields.add("X-ONE", "2");
  EXPECT_EQ(describe(fields), "Host=a\nx-One=1\nX-ONE=2\n");
  EXPECT_EQ(fields.get("x-one"), "1");
  EXPECT_EQ(fields.count("x-one"), 2u);
  EXPECT_FALSE(fields.has("x-on"));
  EXPECT_EQ(lines(fields), "Host: a\r\nx-One: 1\r\nX-ONE: 2\r\n");
}

TEST(Fields, SetReplacesInPlaceAndLeavesOne) {
  Fields fields;
  fields.add("A", "1");
  fields.add("B", "2");
  fields.add("a", "3");
  fields.set("A", "new");
  EXPECT_EQ(describe(fields), "A=new\nB=2\n");
  EXPECT_EQ(fields.size(), 2u);
  fields.set("C", "3");
  EXPECT_EQ(describe(fields), "A=new\nB=2\nC=3\n");
}

TEST(Fields, RemoveTakesEveryFieldOfTheName) {
  Fields fields;
  fields.add("A", "1");
  fields.add("B", "2");
  fields.add("a", "3");
  EXPECT_EQ(fields.remove("A"), 2u);
  EXPECT_EQ(fields.remove("A"), 0u);
  EXPECT_EQ(describe(fields), "B=2\n");
  EXPECT_EQ(fields.remove_if([](const Field& field) { return field.value == "2"; }), 1u);
  EXPECT_TRUE(fields.empty());
  fields.add("A", "4");
  EXPECT_EQ(fields.get("a"), "4");
}

TEST(Fields, ArgumentsMayBeTheirOwnViews) {
  Fields fields;
  fields.add("Name", std::string(20, 'v'));
  for (int i = 0; i < 100; ++i) fields.add(std::string_view("X"), *fields.get("Name"));
  fields.set("Name", fields.get("X")->substr(1));
  EXPECT_EQ(fields.get("Name"), std::string(19, 'v'));
  EXPECT_EQ(fields.count("X"), 100u);
}

TEST(Fields, ClearKeepsNothingButMemory) {
  Fields fields;
  fields.add("A", "1");
  fields.clear();
  EXPECT_TRUE(fields.empty());
  EXPECT_FALSE(fields.has("A"));
  EXPECT_EQ(describe(fields), "");
}

TEST(Fields, TokensOfLists) {
  Fields fields;
  fields.add("Connection", " a ,, Keep-Alive\t");
  fields.add("connection", "UPGRADE");
  EXPECT_TRUE(fields.has_token("connection", "keep-alive"));
  EXPECT_TRUE(fields.has_token("connection", "upgrade"));
  EXPECT_TRUE(fields.has_token("connection", "A"));
  EXPECT_FALSE(fields.has_token("connection", "keep"));
  EXPECT_FALSE(fields.has_token("connection", ""));
  EXPECT_FALSE(fields.has_token("x", "a"));
}

TEST(Fields, HoldButNeverWriteWhatWouldSplitAMessage) {
  Fields fields;
  fields.add("A", "1\r\nB: 2");
  fields.add("X Y", "1");
  fields.add("", "1");
  fields.add("C\r\nD", "1");
  fields.add("E", std::string_view("\0", 1));
  fields.add("F", "ok");
  EXPECT_EQ(lines(fields), "-----F: ok\r\n");
  EXPECT_EQ(fields.get("A"), "1\r\nB: 2");
  fields.set("A", "clean");
  EXPECT_EQ(lines(fields), "A: clean\r\n----F: ok\r\n");
}

}  // namespace
}  // namespace portcullis::http
