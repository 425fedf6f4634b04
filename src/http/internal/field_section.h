// FieldSection: the incremental scanner of a header or trailer section (RFC 9112 §5), shared by every parser of this
// room so that there is one opinion of what a field line is. It looks at each byte once, in order, and faults at the
// first byte that no acceptable section can hold there, so that the outcome cannot depend on how the bytes were cut
// into reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace portcullis::http::internal {

enum class FieldFault : std::uint8_t {
  kNone,
  kBareLf,
  kBareCr,
  kObsFold,
  kSpaceBeforeColon,
  kEmptyName,
  kNameByte,
  kNoColon,
  kControlByte,
  kTooLarge,
  kTooMany,
};

// "http.bare_lf" and its like; static.
std::string_view fault_code(FieldFault fault);
// One sentence for people; `what` names the section ("header section").
std::string fault_message(FieldFault fault);

struct FieldLimits {
  std::size_t bytes;  // of the whole section, line ends and the closing blank line included
  std::size_t count;  // fields
};

class FieldSection {
 public:
  enum class Step : std::uint8_t { kNeedMore, kField, kEnd, kFault };

  explicit FieldSection(FieldLimits limits) : limits_(limits) {}
  // The section begins at buffer[at]. `spent`: bytes before it that count towards the limit.
  void reset(std::size_t at, std::size_t spent = 0);
  // Goes on where the last call stopped. After kField name() and value() hold, as long as `buffer` does.
  Step next(std::string_view buffer);
  std::string_view name(std::string_view buffer) const { return buffer.substr(line_, colon_ - line_); }
  // Without white space around it.
  std::string_view value(std::string_view buffer) const;
  // Every byte before it has been looked at; after kEnd: the first byte after the section.
  std::size_t position() const { return scan_; }
  FieldFault fault() const { return fault_; }

 private:
  enum class Phase : std::uint8_t { kLineStart, kName, kValue, kValueLf, kEndLf };
  bool whole_line(const char* text, std::size_t end);
  Step fail(FieldFault fault) {
    fault_ = fault;
    return Step::kFault;
  }

  FieldLimits limits_;
  Phase phase_ = Phase::kLineStart;
  FieldFault fault_ = FieldFault::kNone;
  std::size_t limit_ = 0;  // offset that the section must not reach past
  std::size_t scan_ = 0, line_ = 0, colon_ = 0, count_ = 0;
};

// What the Connection fields of one head say (RFC 9110 §7.6.1).
struct ConnectionOptions {
  static constexpr std::size_t kMax = 64;  // bounds the work of strip_hop_by_hop()
  std::size_t count = 0;
  bool close = false;
  bool keep_alive = false;

  // Reads one Connection value; false when the head has named more than kMax options.
  bool add(std::string_view value);
};

}  // namespace portcullis::http::internal
