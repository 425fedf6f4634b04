// Fields: the header (or trailer) section of a message, in order, in one flat block of memory. Names keep the case they
// came in; every look-up ignores case (RFC 9110 §5.1). Clearing keeps the memory, so a keep-alive connection allocates
// nothing for its next head.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::http {

struct Field {
  std::string_view name;
  std::string_view value;
};

class Fields {
 public:
  // Views returned by any member are valid until the next non-const call.
  void clear();
  void reserve(std::size_t bytes, std::size_t count);
  std::size_t size() const { return live_; }
  bool empty() const { return live_ == 0; }

  void add(std::string_view name, std::string_view value);
  // Replaces the first field of that name in its place and removes any others; adds it where there was none.
  void set(std::string_view name, std::string_view value);
  // Removes every field of that name; returns how many there were.
  std::size_t remove(std::string_view name);
  // Removes every field for which `predicate(Field)` is true; returns how many.
  template <class Predicate>
  std::size_t remove_if(Predicate predicate);

  // The first field of that name.
  std::optional<std::string_view> get(std::string_view name) const;
  bool has(std::string_view name) const { return get(name).has_value(); }
  std::size_t count(std::string_view name) const;
  // True when one of the comma-separated members of any field of that name equals `token` without regard to case.
  bool has_token(std::string_view name, std::string_view token) const;

  template <class Visitor>
  void for_each(Visitor visit) const {
    for (const Slot& slot : slots_) {
      if (slot.live) visit(view(slot));
    }
  }

 private:
  struct Slot {
    std::uint32_t name_at, name_size, value_at, value_size;
    bool live;
  };
  Field view(const Slot& slot) const {
    return {{text_.data() + slot.name_at, slot.name_size}, {text_.data() + slot.value_at, slot.value_size}};
  }
  bool named(const Slot& slot, std::string_view name) const;

  std::string text_;
  std::vector<Slot> slots_;
  std::size_t live_ = 0;
};

template <class Predicate>
std::size_t Fields::remove_if(Predicate predicate) {
  std::size_t removed = 0;
  for (Slot& slot : slots_) {
    if (slot.live && predicate(view(slot))) {
      slot.live = false;
      ++removed;
    }
  }
  live_ -= removed;
  return removed;
}

}  // namespace portcullis::http
