// What a table says about its properties, without their C++ types: the reference in docs/configuration.md and the JSON
// Schema are made of this, so that neither can say anything that the reader does not do. Plain values; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::arm {

struct Schema;

enum class ValueKind : std::uint8_t {
  kAny,
  kText,
  kNumber,  // a whole number in [min, max]
  kBoolean,
  kEnumerator,  // one of `values`
  kObject,      // plain, described by `object`
  kCollection,  // sub-resources: {id, name, properties}, described by `object`
  kReference,   // to an element of the collection `target`
  kExternal,    // {id} of a resource outside this gateway
  kMap,         // the author's keys; values are described by `object` where they are objects
};

struct Shape {
  ValueKind kind = ValueKind::kAny;
  bool list = false;  // a list of these
  std::uint64_t min = 0;
  std::uint64_t max = 0;
  std::string unit;  // of a number: "seconds"
  std::vector<std::string> values;
  std::string target;
  std::shared_ptr<const Schema> object;
  std::string default_value;  // as the document would write it; empty: none
  bool read_only = false;     // accepted, and computed anew on output
};

struct Property {
  std::string_view name;
  Shape shape;
  std::string_view about;
  bool required = false;
};

struct Schema {
  std::string_view type;
  std::vector<Property> properties;
};

}  // namespace portcullis::arm
