// Properties of request targets: the normal form of a path is idempotent, holds no dot segment, no byte that is not
// allowed raw and no escape of an unreserved character; a target that was accepted and written is accepted again.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/strings.h"
#include "http/uri.h"

namespace {

using namespace portcullis;
using namespace portcullis::http;

void check_normal(std::string_view path) {
  CHECK(!path.empty() && path.front() == '/');
  for (const auto segment : split(path, '/')) CHECK(segment != "." && segment != "..");
  for (std::size_t at = 0; at < path.size(); ++at) {
    const char c = path[at];
    CHECK(c > 0x20 && c < 0x7f && std::string_view("\\#?\"<>^`{|}[]").find(c) == std::string_view::npos);
    if (c != '%') continue;
    CHECK(at + 2 < path.size());
    const int byte = hex_value(path[at + 1]) * 16 + hex_value(path[at + 2]);
    CHECK(hex_value(path[at + 1]) >= 0 && hex_value(path[at + 2]) >= 0 && byte != 0);
    const char decoded = static_cast<char>(byte);
    CHECK(percent_encode({&decoded, 1}) == path.substr(at, 3));  // upper case, and nothing unreserved
  }
  std::string again;
  CHECK(append_normal_path(again, path).has_value());
  CHECK(again == path);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::array<std::string_view, 3> kMethods = {"GET", "OPTIONS", "CONNECT"};
  const std::string_view method = kMethods[data[0] % kMethods.size()];
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  auto target = parse_target(method, text);
  if (!target) {
    CHECK(target.error().origin == Origin::kClient && !target.error().code.empty());
    return 0;
  }
  if (target->form == TargetForm::kAuthority || target->form == TargetForm::kAsterisk) return 0;
  check_normal(target->path);
  std::string written;
  append_origin_form(written, *target);
  auto again = parse_target("GET", written);
  CHECK(again.has_value() && again->form == TargetForm::kOrigin);
  CHECK(again->path == target->path && again->query == target->query && again->has_query == target->has_query);
  return 0;
}
