#include "store/saved_list.h"

#include <charconv>
#include <chrono>
#include <cstdint>

namespace portcullis::store {
namespace {

// This line, the URL's, and the time's (milliseconds since 1970).
constexpr std::string_view kMagic = "portcullis list 1\n";

// The text up to the next line's end, which goes with it.
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

std::string to_text(const SavedListHead& head) {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(head.fetched_at.time_since_epoch());
  return std::string(kMagic) + head.url + "\n" + std::to_string(since.count()) + "\n";
}

std::optional<SavedListHead> read_head(std::string_view file) {
  if (!file.starts_with(kMagic)) return std::nullopt;
  std::string_view rest = file.substr(kMagic.size());
  const auto url = take_line(rest);
  const auto time = take_line(rest);
  if (!time || url->size() > SavedList::kMostUrl) return std::nullopt;
  std::int64_t milliseconds = 0;
  const auto error = std::from_chars(time->data(), time->data() + time->size(), milliseconds).ec;
  // Of a year with four digits: what the clock's own type may not hold is no time.
  constexpr std::int64_t kLast = 253'402'300'799'000;
  if (error != std::errc() || milliseconds < 0 || milliseconds > kLast) return std::nullopt;
  SavedListHead head{std::string(*url), WallTime(std::chrono::milliseconds(milliseconds)), file.size() - rest.size()};
  if (to_text(head) != file.substr(0, head.size)) return std::nullopt;
  return head;
}

}  // namespace portcullis::store
