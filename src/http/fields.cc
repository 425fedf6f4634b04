#include "http/fields.h"

#include <cstring>

#include "base/strings.h"
#include "http/internal/chars.h"
#include "http/writer.h"

namespace portcullis::http {

void Fields::clear() {
  used_ = 0;
  slots_.clear();
  live_ = 0;
}

void Fields::reserve(std::size_t bytes, std::size_t count) {
  if (text_.size() < bytes) text_.resize(bytes);
  slots_.reserve(count);
}

bool Fields::named(const Slot& slot, std::string_view name) const {
  return slot.live && slot.name_size == name.size() &&
         equals_ignore_case({text_.data() + slot.at, slot.name_size}, name);
}

void Fields::append(std::string_view name, std::string_view value, bool writable) {
  const std::size_t at = used_;
  const std::size_t more = name.size() + kColon.size() + value.size() + kLineEnd.size();
  std::string old;  // the arguments may be views into text_, which has to stay until they are copied
  if (text_.size() - at < more) {
    old.swap(text_);
    text_.reserve((at + more) * 2);
    text_.append(old, 0, at);
    text_.resize(text_.capacity());
  }
  char* to = text_.data() + at;
  const auto put = [&to](std::string_view piece) {
    std::memcpy(to, piece.data(), piece.size());
    to += piece.size();
  };
  if (!name.empty()) put(name);
  put(kColon);
  if (!value.empty()) put(value);
  put(kLineEnd);
  used_ = at + more;
  slots_.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(name.size()),
                    static_cast<std::uint32_t>(value.size()), true, writable});
  ++live_;
}

void Fields::add(std::string_view name, std::string_view value) {
  append(name, value, is_token(name) && is_valid_field_value(value));
}

void Fields::add_named(std::string_view name, std::string_view value) {
  append(name, value, is_valid_field_value(value));
}

void Fields::set(std::string_view name, std::string_view value) {
  std::size_t first = slots_.size();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!named(slots_[i], name)) continue;
    if (first == slots_.size()) {
      first = i;
    } else {
      slots_[i].live = false;
      --live_;
    }
  }
  const std::size_t last = slots_.size();
  add(name, value);
  if (first == last) return;
  slots_[first] = slots_[last];
  slots_.pop_back();
  --live_;
}

std::size_t Fields::remove(std::string_view name) {
  std::size_t removed = 0;
  for (Slot& slot : slots_) {
    if (!named(slot, name)) continue;
    slot.live = false;
    ++removed;
  }
  live_ -= removed;
  return removed;
}

std::optional<std::string_view> Fields::get(std::string_view name) const {
  for (const Slot& slot : slots_) {
    if (named(slot, name)) return view(slot).value;
  }
  return std::nullopt;
}

std::size_t Fields::count(std::string_view name) const {
  std::size_t found = 0;
  for (const Slot& slot : slots_) found += named(slot, name) ? 1 : 0;
  return found;
}

bool Fields::has_token(std::string_view name, std::string_view token) const {
  const auto differs = [token](std::string_view member) { return !equals_ignore_case(member, token); };
  for (const Slot& slot : slots_) {
    if (named(slot, name) && !internal::each_member(view(slot).value, differs)) return true;
  }
  return false;
}

}  // namespace portcullis::http
