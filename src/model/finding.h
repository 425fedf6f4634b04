// What is wrong with a document, as a list: reading and validating collect every finding and report all of them
// together. Plain values, owned by whoever asked; any thread. An error refuses the document as a whole, a warning does
// not, and an info only says what something means here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portcullis::model {

enum class Severity : std::uint8_t { kError, kWarning, kInfo };

struct Finding {
  Severity severity = Severity::kError;
  std::string code;  // Azure's code where one is known ("InvalidResourceReference"), else one of ours; stable
  std::string
      pointer;  // RFC 6901, spelled as the document spells it: "/properties/httpListeners/0/properties/sslProfile"
  std::string message;       // what is wrong and what to do; never holds a secret
  std::uint32_t line = 0;    // in the document, from 1; 0: not known
  std::uint32_t column = 0;  // from 1
};

class Findings : public std::vector<Finding> {
 public:
  using std::vector<Finding>::vector;

  void error(std::string_view code, std::string pointer, std::string message) {
    push_back({Severity::kError, std::string(code), std::move(pointer), std::move(message)});
  }
  void warning(std::string_view code, std::string pointer, std::string message) {
    push_back({Severity::kWarning, std::string(code), std::move(pointer), std::move(message)});
  }
  void info(std::string_view code, std::string pointer, std::string message) {
    push_back({Severity::kInfo, std::string(code), std::move(pointer), std::move(message)});
  }
  void append(Findings other) {
    insert(end(), std::make_move_iterator(other.begin()), std::make_move_iterator(other.end()));
  }
  bool has_errors() const {
    return std::any_of(begin(), end(), [](const Finding& finding) { return finding.severity == Severity::kError; });
  }
};

// RFC 6901: `parent` and one step further, `key` escaped.
std::string pointer_to(std::string_view parent, std::string_view key);

// "error InvalidJson /properties/sku: message" — the line `check` prints.
std::string to_line(const Finding& finding);

// Puts *** where the text shows one of the secrets, in any case: whole, a line of it, as printable() spells it, or cut
// short by printable() after four bytes at least.
void conceal(std::string& text, const std::vector<std::string>& secrets);
// The same for the message and the pointer of every finding.
void conceal(Findings& findings, const std::vector<std::string>& secrets);

}  // namespace portcullis::model
