#include "http/internal/field_section.h"

#include <algorithm>

#include "base/strings.h"
#include "http/internal/chars.h"

namespace portcullis::http::internal {

namespace {

FieldFault name_fault(char c, bool first) {
  switch (c) {
    case ' ':
    case '\t':
      return first ? FieldFault::kObsFold : FieldFault::kSpaceBeforeColon;
    case ':':
      return FieldFault::kEmptyName;  // only ever seen first: later it ends the name
    case '\n':
      return FieldFault::kBareLf;
    case '\r':
      return FieldFault::kNoColon;
    default:
      return FieldFault::kNameByte;
  }
}

}  // namespace

std::string_view fault_code(FieldFault fault) {
  switch (fault) {
    case FieldFault::kNone:
      return "";
    case FieldFault::kBareLf:
      return "http.bare_lf";
    case FieldFault::kBareCr:
      return "http.bare_cr";
    case FieldFault::kObsFold:
      return "http.obs_fold";
    case FieldFault::kSpaceBeforeColon:
      return "http.space_before_colon";
    case FieldFault::kEmptyName:
      return "http.empty_field_name";
    case FieldFault::kNameByte:
      return "http.bad_field_name";
    case FieldFault::kNoColon:
      return "http.field_without_colon";
    case FieldFault::kControlByte:
      return "http.control_byte";
    case FieldFault::kTooLarge:
      return "http.fields_too_large";
    case FieldFault::kTooMany:
      return "http.too_many_fields";
  }
  return "";
}

std::string fault_message(FieldFault fault) {
  switch (fault) {
    case FieldFault::kNone:
      return "";
    case FieldFault::kBareLf:
      return "a line ends with LF alone; lines must end with CRLF";
    case FieldFault::kBareCr:
      return "a CR is not followed by LF; lines must end with CRLF";
    case FieldFault::kObsFold:
      return "a field line begins with white space; folded fields are not accepted";
    case FieldFault::kSpaceBeforeColon:
      return "white space stands between a field name and its colon";
    case FieldFault::kEmptyName:
      return "a field line begins with a colon; a name is missing";
    case FieldFault::kNameByte:
      return "a field name holds a byte that is not a token character";
    case FieldFault::kNoColon:
      return "a field line has no colon";
    case FieldFault::kControlByte:
      return "a field value holds a control byte";
    case FieldFault::kTooLarge:
      return "the fields take more bytes than are accepted";
    case FieldFault::kTooMany:
      return "there are more fields than are accepted";
  }
  return "";
}

void FieldSection::reset(std::size_t at, std::size_t spent) {
  phase_ = Phase::kLineStart;
  fault_ = FieldFault::kNone;
  limit_ = at + limits_.bytes - std::min(spent, limits_.bytes);
  scan_ = line_ = colon_ = at;
  count_ = 0;
}

std::string_view FieldSection::value(std::string_view buffer) const {
  return trim_ows(buffer.substr(colon_ + 1, scan_ - 2 - (colon_ + 1)));
}

// A whole line at once, in registers: what nearly every call finds. Leaves everything else, and every fault, to next().
bool FieldSection::whole_line(const char* text, std::size_t end) {
  const std::size_t colon = skip(text, scan_, end, kTokenChar);
  if (colon == end || colon == scan_ || text[colon] != ':' || count_ == limits_.count) return false;
  const std::size_t stop = skip_value(text, colon + 1, end);
  if (stop + 1 >= end || text[stop] != '\r' || text[stop + 1] != '\n') return false;
  line_ = scan_;
  colon_ = colon;
  scan_ = stop + 2;
  ++count_;
  return true;
}

FieldSection::Step FieldSection::next(std::string_view buffer) {
  const char* text = buffer.data();
  const std::size_t end = std::min(buffer.size(), limit_);
  if (phase_ == Phase::kLineStart && whole_line(text, end)) return Step::kField;
  while (scan_ < end) {
    switch (phase_) {
      case Phase::kLineStart:
        if (text[scan_] == '\r') {
          ++scan_;
          phase_ = Phase::kEndLf;
          break;
        }
        if (!is(text[scan_], kTokenChar)) return fail(name_fault(text[scan_], true));
        if (count_ == limits_.count) return fail(FieldFault::kTooMany);
        line_ = scan_;
        phase_ = Phase::kName;
        [[fallthrough]];
      case Phase::kName:
        scan_ = skip(text, scan_, end, kTokenChar);
        if (scan_ == end) break;
        if (text[scan_] != ':') return fail(name_fault(text[scan_], false));
        colon_ = scan_++;
        phase_ = Phase::kValue;
        [[fallthrough]];
      case Phase::kValue:
        scan_ = skip_value(text, scan_, end);
        if (scan_ == end) break;
        if (text[scan_] != '\r') return fail(text[scan_] == '\n' ? FieldFault::kBareLf : FieldFault::kControlByte);
        ++scan_;
        phase_ = Phase::kValueLf;
        break;
      case Phase::kValueLf:
        if (text[scan_] != '\n') return fail(FieldFault::kBareCr);
        ++scan_;
        ++count_;
        phase_ = Phase::kLineStart;
        return Step::kField;
      case Phase::kEndLf:
        if (text[scan_] != '\n') return fail(FieldFault::kBareCr);
        ++scan_;
        return Step::kEnd;
    }
  }
  // What fills the limit without an end can no longer end within it.
  return scan_ >= limit_ ? fail(FieldFault::kTooLarge) : Step::kNeedMore;
}

bool ConnectionOptions::add(std::string_view value) {
  return each_member(value, [this](std::string_view option) {
    if (equals_ignore_case(option, "close")) close = true;
    if (equals_ignore_case(option, "keep-alive")) keep_alive = true;
    return ++count <= kMax;
  });
}

}  // namespace portcullis::http::internal
