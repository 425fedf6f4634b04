#include "fetch/url.h"

#include "base/strings.h"
#include "http/uri.h"

namespace portcullis::fetch {
namespace {

constexpr std::size_t kShown = 128;

tl::unexpected<Error> bad(std::string_view text, const std::string& what) {
  std::string_view plain = text.substr(0, text.find_first_of("?#"));
  if (plain.find('@') != std::string_view::npos) plain = plain.substr(0, plain.find(':'));
  return fail("fetch.bad_url", what + ", in the URL " + printable(plain, kShown));
}

// WHATWG's "ends in a number": what some resolvers take for an IPv4 address in another spelling.
bool ends_in_number(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  if (starts_with_ignore_case(last, "0x")) return true;
  for (const char c : last) {
    if (!is_ascii_digit(c)) return false;
  }
  return true;
}

std::optional<IpAddress> address_of(std::string_view host) {
  if (host.front() == '[') host = host.substr(1, host.size() - 2);
  return IpAddress::parse(host);
}

}  // namespace

std::string Url::authority() const {
  const bool usual = port == (https ? 443 : 80);
  return usual ? host : host + ":" + std::to_string(port);
}

std::string Url::origin() const { return (https ? "https://" : "http://") + host + ":" + std::to_string(port); }

std::string Url::shown() const { return origin() + printable(target.substr(0, target.find('?')), kShown); }

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kMaxUrlBytes) {
    return bad(text, "more than " + std::to_string(kMaxUrlBytes) + " bytes");
  }
  if (!starts_with_ignore_case(text, "http://") && !starts_with_ignore_case(text, "https://")) {
    return bad(text, "only absolute http and https URLs can be fetched");
  }
  const std::size_t begin = text.find("//") + 2;
  const std::string_view authority = text.substr(begin, text.find_first_of("/?#", begin) - begin);
  if (authority.find('@') != std::string_view::npos) return bad(text, "a user name or password is not accepted");
  if (text.find('#') != std::string_view::npos) return bad(text, "a fragment (#) is not accepted");
  auto target = http::parse_target("GET", text);
  if (!target) return bad(text, "not a valid URL (" + std::string(target.error().code) + ")");
  Url url;
  url.https = target->scheme == "https";
  url.host = std::move(target->host);
  url.port = target->port.value_or(url.https ? 443 : 80);
  url.literal = address_of(url.host);
  if (url.port == 0) return bad(text, "port 0 is not accepted");
  if (!url.literal && ends_in_number(url.host)) return bad(text, "the host is neither a name nor an IP address");
  url.target.clear();
  http::append_origin_form(url.target, *target);
  return url;
}

}  // namespace portcullis::fetch
