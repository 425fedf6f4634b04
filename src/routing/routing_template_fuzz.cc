// Bytes → a template, a variable's value and a header name. Whatever they are: compiling does not crash, an expansion
// is a valid field value, and folding a name never loses an identity header.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "routing/identity_headers.h"
#include "routing/internal/table_source.h"
#include "routing/rewrite.h"
#include "routing/value_template.h"

namespace {

using portcullis::http::Fields;

void require(bool holds) {
  if (!holds) std::abort();
}

void require_field_value(std::string_view value) {
  for (const char c : value) require((static_cast<unsigned char>(c) >= 0x20 || c == '\t') && c != 0x7f);
  constexpr std::string_view kOws = " \t";
  require(value.empty() || (kOws.find(value.front()) == kOws.npos && kOws.find(value.back()) == kOws.npos));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace portcullis::routing;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  // Two 0xff bytes separate template, value and name: neither occurs in a template worth trying.
  const auto first = std::min(input.find('\xff'), input.size());
  const auto second = std::min(input.find('\xff', first + 1), input.size());
  const std::string text(input.substr(0, first));
  const std::string value(input.substr(std::min(first + 1, input.size()), second - std::min(first + 1, second)));
  const std::string name(input.substr(std::min(second + 1, input.size())));

  Fields fields;
  fields.add("a", value);
  fields.add("Host", "kept.example");
  const internal::TableSource source({{"var_client_ip", value}, {"var_cookie_a", value}}, &fields);
  if (const auto compiled = ValueTemplate::compile(text)) {
    std::string out = "before ";
    compiled->expand(source, out);
    require(out.compare(0, 7, "before ") == 0);
    require_field_value(std::string_view(out).substr(7));
  }

  portcullis::model::RewriteRuleSet set;
  set.rewrite_rules.push_back({"r", 1, {{name, text, "/0"}, {"Host", text, "/1"}}, {}, "/r"});
  portcullis::model::Findings findings;
  const auto program = RewriteProgram::compile(set, findings);
  require(program.has_value() != findings.has_errors());
  if (program) {
    program->apply_request(fields, source);
    require(fields.count("Host") == 1 && !fields.get("Host")->empty());
  }

  IdentityHeaders headers;
  headers.add(name);
  std::string respelled = name;
  for (char& c : respelled) {
    if (c == '-' || c == '_') c = c == '-' ? '_' : '.';
  }
  require(headers.contains(name) == headers.contains(respelled));
  Fields inbound;
  inbound.add(respelled, value);
  headers.strip(inbound);
  require(!headers.contains(name) || inbound.empty());
  return 0;
}
