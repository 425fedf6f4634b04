// String functions of template expressions. Like Azure's: replace and contains regard case, startsWith, endsWith and
// indexOf do not; positions count UTF-16 units.
#include <algorithm>
#include <cstring>

#include "arm/internal/tree_builder.h"
#include "arm/template_functions.h"
#include "base/base64.h"
#include "base/strings.h"

namespace portcullis::arm {
namespace {

// memmem, because it is linear for every input: std::string_view::find is not. In windows, because the address
// sanitizer looks at all that memmem might.
std::size_t find_text(std::string_view where, std::string_view what, std::size_t from = 0) {
  const std::size_t window = std::max<std::size_t>(4'096, what.size());
  for (std::size_t at = from; at <= where.size(); at += window) {
    const std::string_view part = where.substr(at, window + what.size());
    const void* found = ::memmem(part.data(), part.size(), what.data(), what.size());
    if (found != nullptr) return static_cast<std::size_t>(static_cast<const char*>(found) - where.data());
  }
  return std::string_view::npos;
}

Result<Value> concat_arrays(FunctionCall& call) {
  Node all = collection_node(Kind::kArray);
  for (std::size_t i = 0; i < call.args.size(); ++i) {
    if (!call.arg(i).is(Kind::kArray)) return call.wrong_kind(i, "an array like the first argument");
    for (const Node& item : call.arg(i).items)
      if (!call.append(all, item)) return too_large();
  }
  return to_value(std::move(all));
}

Result<Value> concat(FunctionCall& call) {
  if (call.args.empty()) return call.made("");
  if (call.arg(0).is(Kind::kArray)) return concat_arrays(call);
  std::string all;
  for (std::size_t i = 0; i < call.args.size(); ++i) {
    const Node& part = call.arg(i);
    if (part.is(Kind::kArray) || part.is(Kind::kObject) || part.is(Kind::kNull))
      return call.wrong_kind(i, "a string or a number");
    all += as_text(part);
    if (all.size() > Meter::kMaxString) return too_large();
  }
  return call.made(std::move(all));
}

template <class Change>
Result<Value> changed(FunctionCall& call, Change change) {
  const auto text = call.text(0);
  if (!text) return tl::unexpected(text.error());
  return call.made(change(*text));
}

Result<Value> to_lower_case(FunctionCall& call) {
  return changed(call, [](std::string_view text) { return to_lower(text); });
}

Result<Value> to_upper_case(FunctionCall& call) {
  return changed(call, [](std::string_view text) {
    std::string upper(text);
    for (char& c : upper)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
    return upper;
  });
}

Result<Value> trim_text(FunctionCall& call) {
  return changed(call, [](std::string_view text) { return std::string(trim(text)); });
}

Result<Value> base64_of(FunctionCall& call) {
  return changed(call, [](std::string_view text) { return base64_encode(text); });
}

Result<Value> base64_to_string(FunctionCall& call) {
  const auto text = call.text(0);
  if (!text) return tl::unexpected(text.error());
  auto bytes = base64_decode(*text);
  if (!bytes) return call.wrong("its argument is not base64");
  if (find_invalid_utf8(*bytes)) return call.wrong("what its argument decodes to is not UTF-8 text");
  return call.made(std::move(*bytes));
}

Result<Value> uri_component(FunctionCall& call) {
  return changed(call, [](std::string_view text) { return percent_encode(text); });
}

Result<Value> substring(FunctionCall& call) {
  const auto text = call.text(0);
  if (!text) return tl::unexpected(text.error());
  const std::u16string units = to_utf16(*text);
  const auto start = call.integer(1);
  if (!start) return tl::unexpected(start.error());
  const auto size = static_cast<std::int64_t>(units.size());
  if (*start < 0 || *start > size) return call.wrong("the start index lies outside the string");
  std::int64_t length = size - *start;
  if (call.args.size() > 2) {
    const auto wanted = call.integer(2);
    if (!wanted) return tl::unexpected(wanted.error());
    if (*wanted < 0 || *wanted > length) return call.wrong("start index and length reach beyond the string's end");
    length = *wanted;
  }
  auto part =
      to_utf8(std::u16string_view(units).substr(static_cast<std::size_t>(*start), static_cast<std::size_t>(length)));
  if (!part) return call.wrong("it would cut a character in two");
  return call.made(std::move(*part));
}

Result<Value> replace(FunctionCall& call) {
  const auto text = call.text(0);
  const auto from = call.text(1);
  const auto to = call.text(2);
  for (const auto* each : {&text, &from, &to})
    if (!*each) return tl::unexpected(each->error());
  if (from->empty()) return call.wrong("the string to be replaced is empty");
  std::string all;
  std::size_t at = 0;
  for (std::size_t hit = find_text(*text, *from); hit != std::string_view::npos; hit = find_text(*text, *from, at)) {
    all.append(text->substr(at, hit - at)).append(*to);
    if (all.size() > Meter::kMaxString) return too_large();
    at = hit + from->size();
  }
  return call.made(all.append(text->substr(at)));
}

Result<Value> split_text(FunctionCall& call) {
  const auto text = call.text(0);
  if (!text) return tl::unexpected(text.error());
  std::vector<std::string_view> marks;
  const Node& given = call.arg(1);
  if (given.is(Kind::kString)) marks.push_back(given.text);
  for (const Node& mark : given.items)
    if (given.is(Kind::kArray) && mark.is(Kind::kString)) marks.push_back(mark.text);
  if (marks.empty() || (given.is(Kind::kArray) && marks.size() != given.items.size()))
    return call.wrong_kind(1, "a string or an array of strings");
  if (!call.session.meter().step(text->size() * marks.size() / 16)) return too_large();
  Node parts = collection_node(Kind::kArray);
  std::size_t start = 0;
  for (std::size_t at = 0; at < text->size();) {
    std::size_t length = 0;
    for (const std::string_view mark : marks)
      if (length == 0 && text->substr(at).starts_with(mark)) length = mark.size();
    if (length == 0) {
      ++at;
      continue;
    }
    if (!call.append(parts, text_node(std::string(text->substr(start, at - start))))) return too_large();
    start = at += length;
  }
  if (!call.append(parts, text_node(std::string(text->substr(start))))) return too_large();
  return to_value(std::move(parts));
}

Result<Value> join(FunctionCall& call) {
  if (!call.arg(0).is(Kind::kArray)) return call.wrong_kind(0, "an array");
  const auto mark = call.text(1);
  if (!mark) return tl::unexpected(mark.error());
  std::string all;
  for (const Node& item : call.arg(0).items) {
    if (item.is(Kind::kArray) || item.is(Kind::kObject)) return call.wrong("the array holds more than scalars");
    if (&item != call.arg(0).items.data()) all += *mark;
    all += as_text(item);
    if (all.size() > Meter::kMaxString) return too_large();
  }
  return call.made(std::move(all));
}

// Both arguments in lower case.
Result<std::pair<std::string, std::string>> lower_pair(const FunctionCall& call) {
  const auto a = call.text(0);
  const auto b = call.text(1);
  if (!a) return tl::unexpected(a.error());
  if (!b) return tl::unexpected(b.error());
  return std::pair(to_lower(*a), to_lower(*b));
}

Result<Value> starts_with(FunctionCall& call) {
  const auto pair = lower_pair(call);
  if (!pair) return tl::unexpected(pair.error());
  return to_value(boolean_node(pair->first.starts_with(pair->second)));
}

Result<Value> ends_with(FunctionCall& call) {
  const auto pair = lower_pair(call);
  if (!pair) return tl::unexpected(pair.error());
  return to_value(boolean_node(pair->first.ends_with(pair->second)));
}

Result<Value> index_of(FunctionCall& call) {
  if (call.arg(0).is(Kind::kArray)) {
    const auto& items = call.arg(0).items;
    for (std::size_t i = 0; i < items.size(); ++i) {
      std::size_t work = 0;
      const bool same = same_value(items[i], call.arg(1), SameCase::kRegarded, work, call.session.meter().steps_left());
      if (!call.session.meter().step(work)) return too_large();
      if (same) return to_value(integer_node(static_cast<std::int64_t>(i)));
    }
    return to_value(integer_node(-1));
  }
  const auto pair = lower_pair(call);
  if (!pair) return tl::unexpected(pair.error());
  const std::size_t found = find_text(pair->first, pair->second);
  if (found == std::string_view::npos) return to_value(integer_node(-1));
  return to_value(integer_node(static_cast<std::int64_t>(text_length(pair->first.substr(0, found)))));
}

// Azure's rule: two slashes that meet become one; without a slash at its end, the base loses what follows its last one
// ("https://a/b/c" + "d" → "https://a/b/d", "https://a" + "d" → "https://a/d").
Result<Value> uri(FunctionCall& call) {
  const auto base = call.text(0);
  const auto relative = call.text(1);
  if (!base) return tl::unexpected(base.error());
  if (!relative) return tl::unexpected(relative.error());
  const std::size_t scheme = base->find("://");
  if (scheme == std::string_view::npos) return call.wrong("the base is not an absolute URI, such as https://example/");
  std::string_view start = *base;
  const std::size_t slash = start.find_last_of('/');
  start = slash < scheme + 3 ? start : start.substr(0, slash);
  const std::string_view end = relative->starts_with('/') ? relative->substr(1) : *relative;
  return call.made(std::string(start) + "/" + std::string(end));
}

Result<Value> string_of(FunctionCall& call) {
  if (!call.session.meter().copy(call.arg(0))) return too_large();
  return call.made(as_text(call.arg(0)));
}

std::uint64_t hash_of(const FunctionCall& call, std::uint64_t seed) {
  std::uint64_t hash = 0xCBF29CE484222325U ^ seed;  // FNV-1a, then MurmurHash3's finalizer
  const auto add = [&](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001B3U; };
  for (const Value& arg : call.args) {
    for (const char c : arg->text) add(static_cast<std::uint8_t>(c));
    add(0xFF);  // no byte of UTF-8: ("a","b") and ("ab") differ
  }
  hash = (hash ^ (hash >> 33U)) * 0xFF51AFD7ED558CCDU;
  hash = (hash ^ (hash >> 33U)) * 0xC4CEB9FE1A85EC53U;
  return hash ^ (hash >> 33U);
}

// The same text for the same arguments, on every machine; not the text that Azure would make.
Result<Value> unique_string(FunctionCall& call) {
  for (std::size_t i = 0; i < call.args.size(); ++i)
    if (!call.arg(i).is(Kind::kString)) return call.wrong_kind(i, "a string");
  std::uint64_t hash = hash_of(call, 0);
  std::string text;
  for (int i = 0; i < 13; ++i, hash >>= 5U) text += "abcdefghijklmnopqrstuvwxyz234567"[hash & 31U];
  return call.made(std::move(text));
}

Result<Value> guid(FunctionCall& call) {
  for (std::size_t i = 0; i < call.args.size(); ++i)
    if (!call.arg(i).is(Kind::kString)) return call.wrong_kind(i, "a string");
  std::string bytes;
  for (const std::uint64_t half : {hash_of(call, 1), hash_of(call, 2)})
    for (unsigned shift = 0; shift < 64; shift += 8) bytes += static_cast<char>((half >> shift) & 0xFFU);
  bytes[6] = static_cast<char>((bytes[6] & 0x0F) | 0x50);
  bytes[8] = static_cast<char>((bytes[8] & 0x3F) | 0x80);
  std::string text = hex_lower(bytes);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, 1, '-');
  return call.made(std::move(text));
}

constexpr FunctionEntry kEntries[] = {{"concat", 0, kAnyNumber, concat},
                                      {"toLower", 1, 1, to_lower_case},
                                      {"toUpper", 1, 1, to_upper_case},
                                      {"trim", 1, 1, trim_text},
                                      {"base64", 1, 1, base64_of},
                                      {"base64ToString", 1, 1, base64_to_string},
                                      {"uriComponent", 1, 1, uri_component},
                                      {"substring", 2, 3, substring},
                                      {"replace", 3, 3, replace},
                                      {"split", 2, 2, split_text},
                                      {"join", 2, 2, join},
                                      {"startsWith", 2, 2, starts_with},
                                      {"endsWith", 2, 2, ends_with},
                                      {"indexOf", 2, 2, index_of},
                                      {"uri", 2, 2, uri},
                                      {"string", 1, 1, string_of},
                                      {"uniqueString", 1, kAnyNumber, unique_string},
                                      {"guid", 1, kAnyNumber, guid}};

}  // namespace

std::span<const FunctionEntry> text_functions() { return kEntries; }

}  // namespace portcullis::arm
