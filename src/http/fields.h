// Fields: the header (or trailer) section of a message, in order, in one flat block of memory. Names keep the case they
// came in; every look-up ignores case (RFC 9110 §5.1). Clearing keeps the memory, so a keep-alive connection allocates
// nothing for its next head. A value like any other: owned by its message, one thread, nothing fails.
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
  // Views returned by any member are valid until the next add(), set() or clear(); arguments may be such views.
  void clear();
  void reserve(std::size_t bytes, std::size_t count);
  std::size_t size() const { return live_; }
  bool empty() const { return live_ == 0; }

  // Any bytes are held, but a name or value that could not stand on the wire is never written to it (see writer.h).
  void add(std::string_view name, std::string_view value);
  // As add() for a name that is known to be a token, such as a literal: only the value is looked at.
  void add_named(std::string_view name, std::string_view value);
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

  // For parsers and writers: the text of a field is held as it goes on the wire, line end included.
  // The caller has checked that `name` is a token and `value` a field value without white space around it.
  void add_checked(std::string_view name, std::string_view value) { append(name, value, true); }
  // visit(Field, line) for every field; `line` is "name: value\r\n", empty where the field cannot be written.
  template <class Visitor>
  void for_each_line(Visitor visit) const {
    for (const Slot& slot : slots_) {
      if (slot.live) visit(view(slot), slot.writable ? line(slot) : std::string_view());
    }
  }

 private:
  struct Slot {
    std::uint32_t at, name_size, value_size;
    bool live, writable;
  };
  static constexpr std::string_view kColon = ": ";
  static constexpr std::string_view kLineEnd = "\r\n";

  Field view(const Slot& slot) const {
    return {{text_.data() + slot.at, slot.name_size},
            {text_.data() + slot.at + slot.name_size + kColon.size(), slot.value_size}};
  }
  std::string_view line(const Slot& slot) const {
    return {text_.data() + slot.at, slot.name_size + kColon.size() + slot.value_size + kLineEnd.size()};
  }
  bool named(const Slot& slot, std::string_view name) const;
  void append(std::string_view name, std::string_view value, bool writable);

  std::string text_;      // its size is what is reserved
  std::size_t used_ = 0;  // of it
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
