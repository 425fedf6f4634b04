#include "arm/internal/host_fields.h"

#include <algorithm>

namespace portcullis::arm {

bool asks_for_something(const Node& node) {
  switch (node.kind) {
    case Kind::kNull:
      return false;
    case Kind::kBoolean:
      return node.is_true();
    case Kind::kString:
      return !node.text.empty() && !equals_ignore_case(node.text, "off") && !equals_ignore_case(node.text, "false");
    case Kind::kNumber:
      return true;
    case Kind::kArray:
      return !node.items.empty();
    case Kind::kObject:
      return std::any_of(node.items.begin(), node.items.end(), asks_for_something);
  }
  return true;
}

std::string duration_text(std::chrono::milliseconds value) {
  struct Unit {
    std::int64_t milliseconds;
    const char* suffix;
  };
  for (const Unit& unit : {Unit{3'600'000, "h"}, Unit{60'000, "m"}, Unit{1'000, "s"}})
    if (value.count() % unit.milliseconds == 0) return std::to_string(value.count() / unit.milliseconds) + unit.suffix;
  return std::to_string(value.count()) + "ms";
}

}  // namespace portcullis::arm
