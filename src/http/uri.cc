#include "http/uri.h"

#include <utility>

#include "base/host_name.h"
#include "base/strings.h"
#include "http/internal/chars.h"

namespace portcullis::http {

namespace {

constexpr std::size_t kQuoted = 64;  // bytes of input shown in a message

tl::unexpected<Error> refuse(std::string_view code, std::string_view what, std::string_view input) {
  return fail(code, std::string(what) + ": " + printable(input, kQuoted), Origin::kClient);
}

bool dot_at(std::string_view text, std::size_t at) { return at < text.size() && text[at] == '.'; }

// True when nothing in the path needs to be changed: what almost every request sends.
bool is_normal(std::string_view path) {
  std::size_t at = 0;
  for (;;) {
    // At a '/'; the segment behind it must not be "." or "..".
    if (at + 1 < path.size() && path[at + 1] == '.') {
      const std::size_t after = at + 2 + (dot_at(path, at + 2) ? 1 : 0);
      if (after >= path.size() || path[after] == '/') return false;
    }
    ++at;
    while (at < path.size() && path[at] != '/') {
      if (!internal::is(path[at], internal::kPathChar)) return false;
      ++at;
    }
    if (at >= path.size()) return true;
  }
}

// The dot segments of RFC 3986 §5.2.4, on the fly: `out` from `root` on holds "/" and whole segments, then the open
// one.
class Segments {
 public:
  explicit Segments(std::string& out) : out_(out), root_(out.size()), open_(root_ + 1) { out_.push_back('/'); }

  void slash() {
    if (close()) {
      out_.push_back('/');
      open_ = out_.size();
    }
  }
  // Ends the open segment; false when it was a dot segment and left only the '/' before it.
  bool close() {
    const std::string_view segment = std::string_view(out_).substr(open_);
    if (segment != "." && segment != "..") return true;
    const bool up = segment.size() == 2;
    out_.resize(open_);
    if (up && open_ > root_ + 1) {
      out_.pop_back();
      open_ = out_.rfind('/') + 1;
      out_.resize(open_);
    }
    return false;
  }

 private:
  std::string& out_;
  const std::size_t root_;
  std::size_t open_;
};

void append_escape(std::string& out, unsigned char byte) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  out.push_back('%');
  out.push_back(kHex[byte >> 4]);
  out.push_back(kHex[byte & 15]);
}

Result<void> parse_path_and_query(std::string_view text, Target& out) {
  const std::size_t mark = text.find('?');
  const std::string_view path = text.substr(0, mark);
  if (path.empty()) {
    out.path.push_back('/');
  } else {
    auto normal = append_normal_path(out.path, path);
    if (!normal) return normal;
  }
  if (mark == std::string_view::npos) return {};
  const std::string_view query = text.substr(mark + 1);
  if (internal::skip_target(query.data(), 0, query.size()) != query.size()) {
    return refuse("uri.bad_query", "the query holds a space, a control byte or one that is not ASCII", query);
  }
  if (query.find('#') != std::string_view::npos) {
    return refuse("uri.fragment", "a request target must not hold '#'", query);
  }
  out.has_query = true;
  out.query.assign(query);
  return {};
}

// "host[:port]" without userinfo (RFC 9110 §4.2.4).
Result<void> parse_authority(std::string_view text, Target& out) {
  auto authority = parse_host_port(text);
  if (!authority) return refuse("uri.bad_authority", "the authority of the request target is not host[:port]", text);
  out.host = std::move(authority->host);
  out.port = authority->port;
  return {};
}

Result<void> parse_absolute(std::string_view method, std::string_view target, std::size_t authority, Target& out) {
  out.form = TargetForm::kAbsolute;
  const std::string_view rest = target.substr(authority);
  const std::size_t end = rest.find_first_of("/?#");
  auto parsed = parse_authority(rest.substr(0, end), out);
  if (!parsed) return parsed;
  if (end == std::string_view::npos && method == "OPTIONS") {
    // RFC 9112 §3.2.4: this is how a proxy is sent "OPTIONS *".
    out.form = TargetForm::kAsterisk;
    out.path = "*";
    return {};
  }
  return parse_path_and_query(end == std::string_view::npos ? std::string_view() : rest.substr(end), out);
}

}  // namespace

Result<void> append_normal_path(std::string& out, std::string_view path) {
  if (path.empty() || path.front() != '/') return refuse("uri.bad_path", "a path must begin with '/'", path);
  if (is_normal(path)) {
    out.append(path);
    return {};
  }
  Segments segments(out);
  for (std::size_t at = 1; at < path.size(); ++at) {
    const char c = path[at];
    if (c == '/') {
      segments.slash();
    } else if (internal::is(c, internal::kPathChar)) {
      out.push_back(c);
    } else if (c == '%') {
      const int high = at + 2 < path.size() ? hex_value(path[at + 1]) : -1;
      const int low = at + 2 < path.size() ? hex_value(path[at + 2]) : -1;
      if (high < 0 || low < 0) return refuse("uri.bad_escape", "'%' is not followed by two hex digits", path);
      const auto byte = static_cast<unsigned char>(high * 16 + low);
      if (byte == 0) return refuse("uri.nul", "%00 is not accepted in a path", path);
      at += 2;
      if (internal::is(static_cast<char>(byte), internal::kUnreservedChar)) {
        out.push_back(static_cast<char>(byte));
      } else {
        append_escape(out, byte);
      }
    } else if (c == '\\' || c == '#' || c == '?' || !internal::is(c, internal::kTargetChar)) {
      return refuse(c == '#' ? "uri.fragment" : "uri.bad_byte",
                    "the path holds a backslash, '#', a space, a control byte or one that is not ASCII", path);
    } else {
      append_escape(out, static_cast<unsigned char>(c));
    }
  }
  segments.close();
  return {};
}

Result<void> parse_target_into(std::string_view method, std::string_view target, Target& out) {
  out.form = TargetForm::kOrigin;
  out.scheme = {};
  out.host.clear();
  out.port.reset();
  out.path.clear();
  out.query.clear();
  out.has_query = false;
  if (method == "CONNECT") {
    out.form = TargetForm::kAuthority;
    auto parsed = parse_authority(target, out);
    if (parsed && !out.port) return refuse("uri.no_port", "the target of CONNECT must name a port", target);
    return parsed;
  }
  if (!target.empty() && target.front() == '/') return parse_path_and_query(target, out);
  if (target == "*") {
    if (method != "OPTIONS") return refuse("uri.asterisk", "the target '*' is for OPTIONS only, not", method);
    out.form = TargetForm::kAsterisk;
    out.path = "*";
    return {};
  }
  constexpr std::string_view kHttp = "http://";
  constexpr std::string_view kHttps = "https://";
  if (starts_with_ignore_case(target, kHttp)) {
    out.scheme = kHttp.substr(0, 4);
    return parse_absolute(method, target, kHttp.size(), out);
  }
  if (starts_with_ignore_case(target, kHttps)) {
    out.scheme = kHttps.substr(0, 5);
    return parse_absolute(method, target, kHttps.size(), out);
  }
  return refuse("uri.bad_form", "the request target is neither a path nor an http or https URI", target);
}

Result<Target> parse_target(std::string_view method, std::string_view target) {
  Target out;
  auto parsed = parse_target_into(method, target, out);
  if (!parsed) return forward_error(parsed);
  return out;
}

void append_origin_form(std::string& out, const Target& target) {
  out.append(target.path);
  if (target.has_query) out.append("?").append(target.query);
}

}  // namespace portcullis::http
