// format(), utcNow() and padLeft(): .NET composite and date formats, as far as templates use them. A format that is not
// known is an error, so that nothing comes out that Azure would have written otherwise.
#include <algorithm>
#include <ctime>

#include "arm/template_functions.h"
#include "base/strings.h"

namespace portcullis::arm {
namespace {

constexpr std::size_t kMaxWidth = 1'000;

std::string padded(std::string text, std::int64_t width) {  // negative: to the left
  const std::size_t wanted = std::min<std::size_t>(static_cast<std::size_t>(std::abs(width)), kMaxWidth);
  const std::size_t have = text_length(text);
  if (have >= wanted) return text;
  return width < 0 ? text + std::string(wanted - have, ' ') : std::string(wanted - have, ' ') + text;
}

std::string grouped(std::string digits) {
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

// D, X, N, F, G with a precision, and zeros ("000"): whole numbers only. Nothing for any other format.
std::optional<std::string> formatted_number(std::int64_t value, std::string_view format) {
  const bool zeros = !format.empty() && format.find_first_not_of('0') == std::string_view::npos;
  const auto precision = zeros               ? std::optional<std::uint64_t>(format.size())
                         : format.size() > 1 ? parse_uint(format.substr(1), 99)
                                             : std::nullopt;
  if (format.empty() || (!zeros && format.size() > 1 && !precision) || (zeros && format.size() > 99))
    return std::nullopt;
  const std::uint64_t size = value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  std::string digits = std::to_string(size);
  const std::string sign = value < 0 ? "-" : "";
  const auto filled = [&](const std::string& text) {
    const auto least = static_cast<std::size_t>(precision.value_or(0));
    return text.size() < least ? std::string(least - text.size(), '0') + text : text;
  };
  const auto fraction = [&](std::uint64_t places) {
    return places == 0 ? std::string() : "." + std::string(static_cast<std::size_t>(places), '0');
  };
  switch (zeros ? 'd' : ascii_lower(format[0])) {
    case 'd':
      return sign + filled(digits);
    case 'g':
      return precision ? std::nullopt : std::optional(sign + digits);
    case 'n':
      return sign + grouped(digits) + fraction(precision.value_or(2));
    case 'f':
      return sign + digits + fraction(precision.value_or(2));
    case 'x': {
      std::string hex;
      for (std::uint64_t rest = static_cast<std::uint64_t>(value); rest != 0 || hex.empty(); rest >>= 4U)
        hex.insert(hex.begin(), (format[0] == 'X' ? "0123456789ABCDEF" : "0123456789abcdef")[rest & 15U]);
      return filled(hex);
    }
    default:
      return std::nullopt;
  }
}

struct Item {
  std::size_t index = 0;
  std::int64_t width = 0;
  std::string_view format;
};

// "index[,width][:format]"
std::optional<Item> parse_item(std::string_view text) {
  Item item;
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    item.format = text.substr(colon + 1);
    if (item.format.empty()) return std::nullopt;
    text = text.substr(0, colon);
  }
  if (const std::size_t comma = text.find(','); comma != std::string_view::npos) {
    std::string_view width = trim(text.substr(comma + 1));
    const bool negative = width.starts_with('-');
    const auto value = parse_uint(negative ? width.substr(1) : width, kMaxWidth);
    if (!value) return std::nullopt;
    item.width = negative ? -static_cast<std::int64_t>(*value) : static_cast<std::int64_t>(*value);
    text = text.substr(0, comma);
  }
  const auto index = parse_uint(trim(text), 1'000);
  if (!index) return std::nullopt;
  item.index = static_cast<std::size_t>(*index);
  return item;
}

Result<std::string> formatted_item(FunctionCall& call, std::string_view text) {
  const auto item = parse_item(text);
  if (!item) return call.wrong("a '{…}' of its format is not {index}, {index,width} or {index:format}");
  if (item->index + 1 >= call.args.size())
    return call.wrong("its format asks for {" + std::to_string(item->index) + "}, and there are only " +
                      std::to_string(call.args.size() - 1) + " values");
  const Node& value = call.arg(item->index + 1);
  if (!call.session.meter().copy(value)) return too_large();
  if (item->format.empty()) return padded(as_text(value), item->width);
  const auto number = integer_of(value);
  auto shown = number ? formatted_number(*number, item->format) : std::nullopt;
  if (!shown) return call.wrong("the format behind ':' is not one of D, X, N, F, G or zeros for a whole number");
  return padded(std::move(*shown), item->width);
}

Result<Value> format(FunctionCall& call) {
  const auto pattern = call.text(0);
  if (!pattern) return tl::unexpected(pattern.error());
  std::string all;
  for (std::size_t at = 0; at < pattern->size(); ++at) {
    const char c = (*pattern)[at];
    const bool doubled = at + 1 < pattern->size() && (*pattern)[at + 1] == c;
    if ((c == '{' || c == '}') && doubled) {
      all += c;
      ++at;
    } else if (c == '}') {
      return call.wrong("its format has a '}' without a '{'; write '}}' for the character");
    } else if (c == '{') {
      const std::size_t end = pattern->find('}', at);
      if (end == std::string_view::npos)
        return call.wrong("its format has a '{' without a '}'; write '{{' for the character");
      auto item = formatted_item(call, pattern->substr(at + 1, end - at - 1));
      if (!item) return tl::unexpected(std::move(item.error()));
      all += *item;
      at = end;
    } else {
      all += c;
    }
    if (all.size() > Meter::kMaxString) return too_large();
  }
  return call.made(std::move(all));
}

std::string digits_of(int value, std::size_t least) {
  std::string text = std::to_string(value);
  return text.size() < least ? std::string(least - text.size(), '0') + text : text;
}

// One run of a format letter ("yyyy"); nothing where .NET knows more than is done here.
std::optional<std::string> date_part(char letter, std::size_t length, const std::tm& time, int milliseconds) {
  const auto number = [&](int value) -> std::optional<std::string> {
    return length <= 2 ? std::optional(digits_of(value, length)) : std::nullopt;
  };
  switch (letter) {
    case 'y':
      if (length == 4) return digits_of(time.tm_year + 1900, 4);
      return number(time.tm_year % 100);
    case 'M':
      return number(time.tm_mon + 1);
    case 'd':
      return number(time.tm_mday);
    case 'H':
      return number(time.tm_hour);
    case 'h':
      return number(time.tm_hour % 12 == 0 ? 12 : time.tm_hour % 12);
    case 'm':
      return number(time.tm_min);
    case 's':
      return number(time.tm_sec);
    case 'f':
      if (length > 7) return std::nullopt;
      return (digits_of(milliseconds, 3) + "0000").substr(0, length);
    case 't':
      if (length > 2) return std::nullopt;
      return std::string(time.tm_hour < 12 ? "AM" : "PM").substr(0, length);
    default:
      return is_ascii_alpha(letter) && letter != 'T' && letter != 'Z' ? std::nullopt
                                                                      : std::optional(std::string(length, letter));
  }
}

std::string_view standard_date(std::string_view format) {
  if (format == "d") return "MM/dd/yyyy";
  if (format == "s") return "yyyy-MM-ddTHH:mm:ss";
  if (format == "u") return "yyyy-MM-dd HH:mm:ssZ";
  if (format == "o" || format == "O") return "yyyy-MM-ddTHH:mm:ss.fffffffZ";
  return format;
}

Result<Value> utc_now(FunctionCall& call) {
  std::string_view pattern = "yyyyMMddTHHmmssZ";
  if (!call.args.empty()) {
    const auto given = call.text(0);
    if (!given) return tl::unexpected(given.error());
    pattern = standard_date(*given);
  }
  const WallTime now = call.session.now();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const std::time_t when = std::chrono::system_clock::to_time_t(seconds);
  std::tm time{};
  ::gmtime_r(&when, &time);
  std::string text;
  for (std::size_t at = 0; at < pattern.size();) {
    const char letter = pattern[at];
    std::size_t length = 1;
    if (letter == '\'') {
      const std::size_t end = pattern.find('\'', at + 1);
      if (end == std::string_view::npos) return call.wrong("its format has a quote that is not closed");
      text += pattern.substr(at + 1, end - at - 1);
      at = end + 1;
      continue;
    }
    while (at + length < pattern.size() && pattern[at + length] == letter) ++length;
    const auto part = date_part(letter, length, time, static_cast<int>((now - seconds).count()));
    if (!part || pattern.size() == 1)
      return call.wrong("its format is not known; letters it may hold are y M d H h m s f t T Z, or alone d s u o");
    text += *part;
    at += length;
  }
  return call.made(std::move(text));
}

Result<Value> pad_left(FunctionCall& call) {
  if (!call.arg(0).is(Kind::kString) && !call.arg(0).is(Kind::kNumber))
    return call.wrong_kind(0, "a string or a number");
  const auto width = call.integer(1);
  if (!width) return tl::unexpected(width.error());
  if (*width < 0 || *width > static_cast<std::int64_t>(kMaxWidth))
    return call.wrong("the length is not from 0 to 1,000");
  std::string fill = " ";
  if (call.args.size() > 2) {
    const auto given = call.text(2);
    if (!given) return tl::unexpected(given.error());
    if (given->size() != 1) return call.wrong("the filling is not one character");
    fill = std::string(*given);
  }
  const std::string& text = call.arg(0).text;
  const std::size_t have = text_length(text);
  const auto wanted = static_cast<std::size_t>(*width);
  return call.made((have < wanted ? std::string(wanted - have, fill[0]) : std::string()) + text);
}

constexpr FunctionEntry kEntries[] = {
    {"format", 1, kAnyNumber, format}, {"utcNow", 0, 1, utc_now}, {"padLeft", 2, 3, pad_left}};

}  // namespace

std::span<const FunctionEntry> format_functions() { return kEntries; }

}  // namespace portcullis::arm
