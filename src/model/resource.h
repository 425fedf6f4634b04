// What every part of the gateway model is made of: sub-resources with a name and a place, references between them, and
// the record of which properties a document spelled out. Plain values; any thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"

namespace portcullis::model {

// The properties that the document gave for one object, by their wire names: what was written although it equals the
// default is written again. The names are static strings of arm/'s tables.
class Given {
 public:
  void add(std::string_view name) {
    if (!has(name)) names_.push_back(name);
  }
  bool has(std::string_view name) const { return std::find(names_.begin(), names_.end(), name) != names_.end(); }

 private:
  std::vector<std::string_view> names_;
};

// A reference to another sub-resource of this gateway. `name` is spelled as the target spells its own; a dangling
// reference never leaves arm/.
struct Ref {
  std::string name;
  std::string pointer;  // where the reference stands
  std::string id;       // the full id as the document spells it; empty where it gave a short form
};

// What every sub-resource has. `pointer` is where the element stands, for example "/properties/sslProfiles/0".
struct SubResource {
  std::string name;
  std::string pointer;
  Given given;
};

// Bytes that a document carries inline or names with '@file' or 'file:///'. `origin` is the absolute path of the file,
// or empty when the bytes stood in the document itself.
struct Blob {
  std::string bytes;  // decoded: never base64, never an '@'
  std::string origin;
};

// The element that `name` names, without regard to case, or null.
template <class T>
const T* find_by_name(const std::vector<T>& elements, std::string_view name) {
  for (const T& element : elements)
    if (equals_ignore_case(element.name, name)) return &element;
  return nullptr;
}

}  // namespace portcullis::model
