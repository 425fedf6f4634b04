#include "arm/template_functions.h"

#include "arm/test_templates.h"

namespace portcullis::arm {
namespace {

struct Case {
  const char* expression;
  const char* value;  // JSON, or a part of the finding where it does not begin like JSON
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.expression; }

class Function : public testing::TestWithParam<Case> {};

TEST_P(Function, GivesItsValueOrSaysWhatIsWrong) {
  const std::string value = value_of(GetParam().expression);
  const std::string wanted = GetParam().value;
  if (wanted.find("():") == std::string::npos && wanted.find(' ') == std::string::npos)
    EXPECT_EQ(value, wanted);
  else
    EXPECT_NE(value.find(wanted), std::string::npos) << value;
}

const Case kText[] = {
    {"[concat()]", "\"\""},
    {"[concat('a', 'b', 'c')]", "\"abc\""},
    {"[CONCAT('a', 1, true())]", "\"a1True\""},
    {"[concat(createArray(1), createArray('b', 2))]", "[1,\"b\",2]"},
    {"[concat(createArray(1), 'b')]", "concat(): argument 2 is a string; it should be an array"},
    {"[concat('a', null())]", "concat(): argument 2 is null"},
    {"[toLower('ÄbC')]", "\"Äbc\""},
    {"[toUpper('abC')]", "\"ABC\""},
    {"[toLower(1)]", "toLower(): argument 1 is a number; it should be a string"},
    {"[trim('  a b ')]", "\"a b\""},
    {"[base64('one')]", "\"b25l\""},
    {"[base64ToString('b25l')]", "\"one\""},
    {"[base64ToString('?')]", "base64ToString(): its argument is not base64"},
    {"[base64ToString('/w==')]", "base64ToString(): what its argument decodes to is not UTF-8"},
    {"[base64ToString('AA==')]", "base64ToString(): what its argument decodes to is not UTF-8"},
    {"[uriComponent('a b/c')]", "\"a%20b%2Fc\""},
    {"[substring('hello', 1)]", "\"ello\""},
    {"[substring('hello', 1, 3)]", "\"ell\""},
    {"[substring('hello', 5)]", "\"\""},
    {"[substring('äöü', 1, 1)]", "\"ö\""},
    {"[substring('a😀b', 3)]", "\"b\""},
    {"[substring('a😀b', 2)]", "substring(): it would cut a character in two"},
    {"[substring('hello', 6)]", "substring(): the start index lies outside"},
    {"[substring('hello', -1)]", "substring(): the start index lies outside"},
    {"[substring('hello', 1, 5)]", "substring(): start index and length reach beyond"},
    {"[substring('hello', '1')]", "substring(): argument 2 is a string; it should be a whole number"},
    {"[replace('aXbX', 'X', 'yy')]", "\"ayybyy\""},
    {"[replace('ax', 'X', 'y')]", "\"ax\""},
    {"[replace('a', '', 'y')]", "replace(): the string to be replaced is empty"},
    {"[split('a,b,,c', ',')]", R"(["a","b","","c"])"},
    {"[split('a,b;c', createArray(',', ';'))]", R"(["a","b","c"])"},
    {"[split('', ',')]", "[\"\"]"},
    {"[split('a', 1)]", "split(): argument 2 is a number"},
    {"[split('a', createArray(1))]", "split(): argument 2 is an array"},
    {"[join(createArray('a', 1, true()), '-')]", "\"a-1-True\""},
    {"[join(createArray(), '-')]", "\"\""},
    {"[join(createArray(createArray()), '-')]", "join(): the array holds more than scalars"},
    {"[join('a', '-')]", "join(): argument 1 is a string"},
    {"[startsWith('Hello', 'hE')]", "true"},
    {"[startsWith('Hello', 'e')]", "false"},
    {"[endsWith('Hello', 'LO')]", "true"},
    {"[endsWith('Hello', 'l')]", "false"},
    {"[indexOf('heLLo', 'l')]", "2"},
    {"[indexOf('ä😀b', 'b')]", "3"},
    {"[indexOf('a', 'b')]", "-1"},
    {"[indexOf(createArray('a', 'b'), 'b')]", "1"},
    {"[indexOf(createArray('a'), 'A')]", "-1"},
    {"[uri('https://a/b/', '/c')]", "\"https://a/b/c\""},
    {"[uri('https://a/b/c', 'd')]", "\"https://a/b/d\""},
    {"[uri('https://a', 'd')]", "\"https://a/d\""},
    {"[uri('a', 'd')]", "uri(): the base is not an absolute URI"},
    {"[string(5)]", "\"5\""},
    {"[string(true())]", "\"True\""},
    {"[string(createObject('a', createArray(1, null())))]", R"("{\"a\":[1,null]}")"},
    {"[length(uniqueString('a'))]", "13"},
    {"[equals(uniqueString('a', 'b'), uniqueString('a', 'b'))]", "true"},
    {"[equals(uniqueString('a', 'b'), uniqueString('ab'))]", "false"},
    {"[uniqueString(1)]", "uniqueString(): argument 1 is a number"},
    {"[length(guid('a'))]", "36"},
    {"[equals(guid('a'), guid('b'))]", "false"},
};
INSTANTIATE_TEST_SUITE_P(Text, Function, testing::ValuesIn(kText));

const Case kFormat[] = {
    {"[format('{0}-{1}', 'a', 7)]", "\"a-7\""},
    {"[format('{{{0}}}', 'a')]", "\"{a}\""},
    {"[format('{1}{0}{1}', 'a', 'b')]", "\"bab\""},
    {"[format('{0:D3}|{0:000}|{0:x}|{0:X4}|{0:N0}|{0:F1}', 1234)]", "\"1234|1234|4d2|04D2|1,234|1234.0\""},
    {"[format('{0:D3}', -7)]", "\"-007\""},
    {"[format('{0:00}', 7)]", "\"07\""},
    {"[format('{0,4}|{0,-4}|', 'ab')]", "\"  ab|ab  |\""},
    {"[format('{0}', null())]", "\"\""},
    {"[format('{0} {1}', true(), createArray(1))]", "\"True [1]\""},
    {"[format('plain')]", "\"plain\""},
    {"[format('{2}', 'a')]", "format(): its format asks for {2}, and there are only 1 values"},
    {"[format('{')]", "format(): its format has a '{' without a '}'"},
    {"[format('}')]", "format(): its format has a '}' without a '{'"},
    {"[format('{x}', 1)]", "format(): a '{…}' of its format is not"},
    {"[format('{0:}', 1)]", "format(): a '{…}' of its format is not"},
    {"[format('{0,99999999999}', 1)]", "format(): a '{…}' of its format is not"},
    {"[format('{0:C}', 1)]", "format(): the format behind ':'"},
    {"[format('{0:D}', 'a')]", "format(): the format behind ':'"},
    {"[format(1)]", "format(): argument 1 is a number"},
    {"[padLeft(7, 3, '0')]", "\"007\""},
    {"[padLeft('abc', 2)]", "\"abc\""},
    {"[padLeft('a', 100000)]", "padLeft(): the length is not from 0"},
    {"[padLeft('a', 2, 'xy')]", "padLeft(): the filling is not one character"},
};
INSTANTIATE_TEST_SUITE_P(Format, Function, testing::ValuesIn(kFormat));

const Case kNumber[] = {
    {"[add(1, 2)]", "3"},
    {"[sub(1, 2)]", "-1"},
    {"[mul(-3, 2)]", "-6"},
    {"[div(7, 2)]", "3"},
    {"[div(-7, 2)]", "-3"},
    {"[mod(7, 2)]", "1"},
    {"[mod(-7, 2)]", "-1"},
    {"[add(9223372036854775807, 1)]", "add(): the result does not fit"},
    {"[mul(9223372036854775807, 2)]", "mul(): the result does not fit"},
    {"[div(sub(-9223372036854775807, 1), -1)]", "div(): the result does not fit"},
    {"[div(1, 0)]", "div(): the second argument is 0"},
    {"[mod(1, 0)]", "mod(): the second argument is 0"},
    {"[add('1', 2)]", "add(): argument 1 is a string; it should be a whole number"},
    {"[add(json('1.5'), 2)]", "add(): argument 1 is a number; it should be a whole number"},
    {"[int('42')]", "42"},
    {"[int(' -7 ')]", "-7"},
    {"[int('4x')]", "int(): the string is not a whole number"},
    {"[int('9223372036854775808')]", "int(): the string is not a whole number"},
    {"[int(true())]", "int(): argument 1 is a boolean"},
    {"[min(3, 1, 2)]", "1"},
    {"[max(createArray(3, 1))]", "3"},
    {"[min(createArray())]", "min(): the array is empty"},
    {"[max('a')]", "max(): argument 1 is a string"},
    {"[equals('a', 'a')]", "true"},
    {"[equals('a', 'A')]", "false"},
    {"[equals(1, '1')]", "false"},
    {"[equals(createObject('a', 1, 'b', 2), createObject('B', 2, 'A', 1))]", "true"},
    {"[equals(createArray(1, 2), createArray(2, 1))]", "false"},
    {"[less(1, 2)]", "true"},
    {"[lessOrEquals(2, 2)]", "true"},
    {"[greater('b', 'a')]", "true"},
    {"[greaterOrEquals(1, 2)]", "false"},
    {"[less('a', 1)]", "less(): argument 1 is a string"},
    {"[not(false())]", "true"},
    {"[not('false')]", "not(): argument 1 is a string; it should be a boolean"},
    {"[bool('TRUE')]", "true"},
    {"[bool(0)]", "false"},
    {"[bool('yes')]", "bool(): its argument is neither"},
    {"[null()]", "null"},
    {"[true(1)]", "true() takes 0 arguments; here it has 1"},
    {"[and(true(), true(), false())]", "false"},
    {"[and(true(), true())]", "true"},
    {"[or(false(), true())]", "true"},
    {"[or(false(), false())]", "false"},
    {"[and(true(), 1)]", "and(): argument 2 is a number"},
    {"[and(true())]", "and() takes 2 or more arguments"},
    {"[and(false(), div(1, 0))]", "false"},
    {"[if(true(), 1, div(1, 0))]", "1"},
    {"[if(false(), div(1, 0), 2)]", "2"},
    {"[if('true', 1, 2)]", "if(): the condition is a string"},
    {"[if(true(), 1)]", "if() takes 3 arguments; here it has 2"},
    {"[coalesce(null(), 'a', div(1, 0))]", "\"a\""},
    {"[coalesce(null(), null())]", "null"},
    {"[coalesce()]", "coalesce() takes 1 or more arguments"},
};
INSTANTIATE_TEST_SUITE_P(Number, Function, testing::ValuesIn(kNumber));

const Case kCollection[] = {
    {"[length('äb')]", "2"},
    {"[length(createArray(1, 2, 3))]", "3"},
    {"[length(createObject('a', 1))]", "1"},
    {"[length(1)]", "length(): argument 1 is a number"},
    {"[empty('')]", "true"},
    {"[empty(createArray())]", "true"},
    {"[empty(createObject())]", "true"},
    {"[empty(null())]", "true"},
    {"[empty('a')]", "false"},
    {"[empty(0)]", "empty(): argument 1 is a number"},
    {"[contains('abc', 'bc')]", "true"},
    {"[contains('abc', 'BC')]", "false"},
    {"[contains('a1', 1)]", "true"},
    {"[contains(createArray('a', createArray(1)), createArray(1))]", "true"},
    {"[contains(createArray('a'), 'A')]", "false"},
    {"[contains(createObject('aB', null()), 'Ab')]", "true"},
    {"[contains(createObject('a', 1), 1)]", "contains(): argument 2 is a number"},
    {"[contains(1, 1)]", "contains(): argument 1 is a number"},
    {"[createArray()]", "[]"},
    {"[createArray('a', 1, null())]", "[\"a\",1,null]"},
    {"[createObject('a', 1, 'b', createObject())]", R"({"a":1,"b":{}})"},
    {"[createObject('a')]", "createObject(): its arguments are names and values in turn"},
    {"[createObject(1, 2)]", "createObject(): argument 1 is a number"},
    {"[createObject('a', 1, 'A', 2)]", "createObject(): argument 3 names a member a second time"},
    {"[array('a')]", "[\"a\"]"},
    {"[array(createArray('a'))]", "[\"a\"]"},
    {"[first(createArray('a', 'b'))]", "\"a\""},
    {"[last('abc')]", "\"c\""},
    {"[first(createArray())]", "null"},
    {"[first('')]", "\"\""},
    {"[first(1)]", "first(): argument 1 is a number"},
    {"[take(createArray(1, 2, 3), 2)]", "[1,2]"},
    {"[skip('abc', 1)]", "\"bc\""},
    {"[skip(createArray(1), 5)]", "[]"},
    {"[union(createArray(1, 2), createArray(2, 3))]", "[1,2,3]"},
    {"[union(createObject('a', createObject('x', 1)), createObject('A', createObject('y', 2), 'b', 3))]",
     R"({"a":{"x":1,"y":2},"b":3})"},
    {"[union(createArray(1), createObject())]", "union(): argument 2 is an object"},
    {"[union(1)]", "union(): argument 1 is a number"},
    {"[intersection(createArray(1, 2, 2), createArray(2, 3))]", "[2]"},
    {"[intersection(createObject('a', 1, 'b', 2), createObject('a', 1, 'b', 3))]", R"({"a":1})"},
    {"[range(3, 3)]", "[3,4,5]"},
    {"[range(0, 0)]", "[]"},
    {"[range(0, 10001)]", "range(): the count is not from 0 to 10,000"},
    {"[range(0, -1)]", "range(): the count is not from 0 to 10,000"},
    {"[range(2147483647, 2)]", "range(): the numbers pass"},
    {"[json('{\"a\": [1, true, null]}')]", R"({"a":[1,true,null]})"},
    {"[json('null')]", "null"},
    {"[json('{\"a\":1,\"a\":2}')]", "json(): its argument is not JSON text"},
    {"[json('{')]", "json(): its argument is not JSON text"},
    {"[json('')]", "json(): its argument is not JSON text"},
};
INSTANTIATE_TEST_SUITE_P(Collection, Function, testing::ValuesIn(kCollection));

#define ZERO "00000000-0000-0000-0000-000000000000"
#define GROUP "/subscriptions/" ZERO "/resourceGroups/portcullis"

const Case kResource[] = {
    {"[resourceId('Microsoft.Network/publicIPAddresses', 'pip')]",
     "\"" GROUP "/providers/Microsoft.Network/publicIPAddresses/pip\""},
    {"[resourceId('Microsoft.Network/publicIPAddresses/', 'pip')]",
     "\"" GROUP "/providers/Microsoft.Network/publicIPAddresses/pip\""},
    {"[resourceId('rg', 'Microsoft.Network/virtualNetworks/subnets', 'v', 's')]",
     "\"/subscriptions/" ZERO "/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/s\""},
    {"[resourceId('sub', 'rg', 'A.B/c', 'd')]", "\"/subscriptions/sub/resourceGroups/rg/providers/A.B/c/d\""},
    {"[resourceId('A.B/c/d', 'e')]", "resourceId(): the resource type has 2 parts behind its namespace, and 1 names"},
    {"[resourceId('A.B/c', 'e', 'f')]",
     "resourceId(): the resource type has 1 parts behind its namespace, and 2 names"},
    {"[resourceId('a', 'b')]", "resourceId(): no argument is a resource type"},
    {"[resourceId('A.B/c', '')]", "resourceId(): argument 2 is empty"},
    {"[resourceId('A.B/c', 1)]", "resourceId(): argument 2 is a number"},
    {"[resourceId('A.B/c')]", "resourceId() takes 2 or more arguments"},
    {"[subscriptionResourceId('A.B/c', 'd')]", "\"/subscriptions/" ZERO "/providers/A.B/c/d\""},
    {"[subscriptionResourceId('sub', 'A.B/c', 'd')]", "\"/subscriptions/sub/providers/A.B/c/d\""},
    {"[tenantResourceId('A.B/c', 'd')]", "\"/providers/A.B/c/d\""},
    {"[extensionResourceId('/x/y', 'A.B/c', 'd')]", "\"/x/y/providers/A.B/c/d\""},
    {"[resourceGroup().id]", "\"" GROUP "\""},
    {"[resourceGroup().location]", "\"local\""},
    {"[resourceGroup()['Name']]", "\"portcullis\""},
    {"[subscription().subscriptionId]", "\"" ZERO "\""},
    {"[subscription().tenantId]", "\"" ZERO "\""},
    {"[tenant().tenantId]", "\"" ZERO "\""},
    {"[deployment().name]", "\"portcullis\""},
    {"[deployment().properties.template.contentVersion]", "\"1.0.0.0\""},
    {"[environment().suffixes.storage]", "\"core.windows.net\""},
    {"[environment().authentication.audiences[1]]", "\"https://management.azure.com/\""},
    {"[resourceGroup().nothing]", "The object has no member 'nothing'; it has: id, name, type, location"},
    {"[createArray(1)[1]]", "The index 1 is out of range: the array has 1 elements"},
    {"[createArray(1)[-1]]", "The index -1 is out of range"},
    {"[createArray(1).x]", "A member is asked of an array; only objects"},
    {"['abc'[0]]", "An element is asked of a string; only arrays"},
    {"[createArray(1)[true()]]", "An index is a boolean"},
    {"[createArray(createArray('a', 'b'))[0][1]]", "\"b\""},
    {"[createObject('a b', 1)['a b']]", "1"},
    {"[copyIndex()]", "copyIndex(): no copy loop is around this expression"},
    {"[copyIndex('x')]", "copyIndex(): no copy loop 'x' is around"},
    {"[copyIndex('')]", "copyIndex(): the name of the loop is empty"},
    {"[nothing()]", "There is no function 'nothing', or none"},
    {"[ns.nothing()]", "The template's 'functions' hold no 'ns.nothing'"},
    {"[parameters('x')]", "The template declares no parameter 'x'"},
    {"[variables('x')]", "The template has no variable 'x'"},
    {"[variables(1)]", "variables(): argument 1 is a number"},
};
INSTANTIATE_TEST_SUITE_P(Resource, Function, testing::ValuesIn(kResource));

TEST(UtcNow, WritesTheClockInTheFormatsOfDotNet) {
  TemplateOptions options;
  options.clock = std::make_shared<ManualClock>(WallTime{std::chrono::milliseconds(1'700'000'000'042)});
  const std::pair<const char*, const char*> cases[] = {
      {"[utcNow()]", "\"20231114T221320Z\""},   {"[utcNow('yyyy-MM-dd')]", "\"2023-11-14\""},
      {"[utcNow('d')]", "\"11/14/2023\""},      {"[utcNow('u')]", "\"2023-11-14 22:13:20Z\""},
      {"[utcNow('hh:mm tt')]", "\"10:13 PM\""}, {"[utcNow('HHmmssfff')]", "\"221320042\""},
      {"[utcNow('''at'' H')]", "\"at 22\""},
  };
  for (const auto& [expression, value] : cases) EXPECT_EQ(value_of(expression, "", options), value) << expression;
  for (const char* expression : {"[utcNow('dddd')]", "[utcNow('K')]", "[utcNow('y')]", "[utcNow('''')]"})
    EXPECT_NE(value_of(expression, "", options).find("utcNow(): its format"), std::string::npos) << expression;
}

TEST(UniqueString, IsTheSameForEver) {
  // Names of resources are made of it: a change would rename them.
  EXPECT_EQ(value_of("[uniqueString(resourceGroup().id)]"), "\"fp6k4edune6mf\"");
  EXPECT_EQ(value_of("[guid('portcullis')]"), "\"0269ef24-c34b-5c7f-9acf-c67622fc4ca8\"");
}

}  // namespace
}  // namespace portcullis::arm
