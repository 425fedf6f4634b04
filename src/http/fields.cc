#include "http/fields.h"

#include "base/strings.h"

namespace portcullis::http {

void Fields::clear() {
  text_.clear();
  slots_.clear();
  live_ = 0;
}

void Fields::reserve(std::size_t bytes, std::size_t count) {
  text_.reserve(bytes);
  slots_.reserve(count);
}

bool Fields::named(const Slot& slot, std::string_view name) const {
  return slot.live && slot.name_size == name.size() && equals_ignore_case({text_.data() + slot.name_at, slot.name_size}, name);
}

void Fields::add(std::string_view name, std::string_view value) {
  Slot slot{static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(name.size()),
            static_cast<std::uint32_t>(text_.size() + name.size()), static_cast<std::uint32_t>(value.size()), true};
  // The arguments may be views into text_ itself: grow first through a copy-safe path.
  if (text_.capacity() - text_.size() < name.size() + value.size()) {
    std::string grown;
    grown.reserve((text_.size() + name.size() + value.size()) * 2);
    grown.append(text_).append(name).append(value);
    text_.swap(grown);
  } else {
    text_.append(name).append(value);
  }
  slots_.push_back(slot);
  ++live_;
}

void Fields::set(std::string_view name, std::string_view value) {
  Slot* first = nullptr;
  for (Slot& slot : slots_) {
    if (!named(slot, name)) continue;
    if (first == nullptr) {
      first = &slot;
    } else {
      slot.live = false;
      --live_;
    }
  }
  if (first == nullptr) return add(name, value);
  const auto place = static_cast<std::size_t>(first - slots_.data());
  add(name, value);
  slots_[place] = slots_.back();
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
  for (const Slot& slot : slots_) {
    if (!named(slot, name)) continue;
    for (const auto part : split(view(slot).value, ',')) {
      if (equals_ignore_case(trim(part), token)) return true;
    }
  }
  return false;
}

}  // namespace portcullis::http
