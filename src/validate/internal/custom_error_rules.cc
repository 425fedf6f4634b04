// Custom error pages: azure-semantics §6.6.
#include <set>

#include "base/strings.h"
#include "validate/internal/rules.h"

namespace portcullis::validate {

using model::CustomError;
using model::Findings;

namespace {

bool is_page_url(std::string_view url) {
  const bool http = starts_with_ignore_case(url, "https://") || starts_with_ignore_case(url, "http://");
  const std::string_view path = url.substr(0, url.find_first_of("?#"));
  const std::string lower = to_lower(path);
  return http && (lower.ends_with(".htm") || lower.ends_with(".html"));
}

void check_list(const std::vector<CustomError>& errors, Findings& findings) {
  std::set<std::string> seen;
  for (const CustomError& one : errors) {
    if (one.status_code.empty() || one.custom_error_page_url.empty()) {
      findings.error("CustomErrorIncomplete", one.pointer,
                     "A custom error has a statusCode and a customErrorPageUrl; give both.");
      continue;
    }
    if (!seen.insert(one.status_code).second)
      findings.error("DuplicateCustomErrorStatusCode", one.pointer,
                     one.status_code + " already has a page in this list; keep one.");
    if (!is_page_url(one.custom_error_page_url))
      findings.error(
          "InvalidCustomErrorPageUrl", one.pointer,
          "'" + printable(one.custom_error_page_url, 200) + "' is no http or https address of an .htm or .html page.");
  }
}

}  // namespace

void check_custom_errors(const Subject& subject, Findings& findings) {
  check_list(subject.gateway.custom_errors, findings);
  for (const auto& listener : subject.gateway.http_listeners) check_list(listener.custom_errors, findings);
}

}  // namespace portcullis::validate
