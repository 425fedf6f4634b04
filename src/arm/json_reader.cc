#include <nlohmann/json.hpp>

#include "arm/document.h"
#include "arm/internal/tree_builder.h"

namespace portcullis::arm {
namespace {

// Where the lexer stands, kept by the iterator that feeds it: nlohmann's SAX events carry no position of their own.
struct Cursor {
  const char* at;
  const char* newline;  // start of the current line
  std::uint32_t line = 1;
};

class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, Cursor* cursor) : at_(at), cursor_(cursor) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    if (cursor_->at != nullptr && *cursor_->at == '\n') {
      ++cursor_->line;
      cursor_->newline = cursor_->at + 1;
    }
    cursor_->at = ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  Cursor* cursor_;
};

class Events final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Events(TreeBuilder& tree, const Cursor& cursor) : tree_(tree), cursor_(cursor) {}

  bool null() override { return tree_.scalar(Kind::kNull, {}, here()); }
  bool boolean(bool value) override { return tree_.scalar(Kind::kBoolean, value ? "true" : "false", here()); }
  bool number_integer(number_integer_t value) override {
    // Called for a leading '-' only: the one integer whose digits the value loses is "-0".
    return tree_.scalar(Kind::kNumber, value == 0 ? "-0" : std::to_string(value), here());
  }
  bool number_unsigned(number_unsigned_t value) override {
    return tree_.scalar(Kind::kNumber, std::to_string(value), here());
  }
  bool number_float(number_float_t, const string_t& digits) override {
    return tree_.scalar(Kind::kNumber, digits, here());
  }
  bool string(string_t& value) override { return tree_.scalar(Kind::kString, std::move(value), here()); }
  bool binary(binary_t&) override { return tree_.fail("binary values have no place here", here()); }
  bool start_object(std::size_t) override { return tree_.open(Kind::kObject, here()); }
  bool key(string_t& name) override { return tree_.key(std::move(name), here()); }
  bool end_object() override { return tree_.close(); }
  bool start_array(std::size_t) override { return tree_.open(Kind::kArray, here()); }
  bool end_array() override { return tree_.close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) override {
    // The library's text quotes what it last read, which may be part of a password: only its kind is passed on.
    if (error.id == 406) return tree_.fail("a number is out of range", here());
    return tree_.fail("this is not JSON: look for a missing quote, comma or bracket at or before this place", here());
  }

 private:
  Position here() const {
    return {cursor_.line, static_cast<std::uint32_t>(std::max<std::ptrdiff_t>(cursor_.at - cursor_.newline, 1))};
  }

  TreeBuilder& tree_;
  const Cursor& cursor_;
};

}  // namespace

ParsedDocument parse_json(std::string_view text) {
  if (auto refused = refuse_text(text, "InvalidJson")) return {Node{}, std::move(*refused)};
  TreeBuilder tree("InvalidJson");
  const char* begin = text.data();
  Cursor cursor{begin, begin};
  Events events(tree, cursor);
  try {
    nlohmann::json::sax_parse(CountingIterator(begin, &cursor), CountingIterator(begin + text.size(), &cursor), &events,
                              nlohmann::json::input_format_t::json, true, true);
  } catch (const std::exception&) {
    tree.fail("the JSON parser gave up at this place", {cursor.line, 1});
  }
  return tree.finish();
}

}  // namespace portcullis::arm
