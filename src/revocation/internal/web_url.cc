#include "revocation/internal/web_url.h"

#include <algorithm>
#include <string_view>

#include "base/strings.h"
#include "revocation/ocsp_request.h"

namespace portcullis::revocation::internal {

std::optional<std::string> web_url(const GENERAL_NAME& name) {
  if (name.type != GEN_URI) return std::nullopt;
  const ASN1_IA5STRING* text = name.d.uniformResourceIdentifier;
  const std::string_view url(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                             static_cast<std::size_t>(ASN1_STRING_length(text)));
  if (url.size() > kMaxResponderUrl) return std::nullopt;
  if (!starts_with_ignore_case(url, "http://") && !starts_with_ignore_case(url, "https://")) return std::nullopt;
  if (!std::all_of(url.begin(), url.end(), [](char c) { return c > 0x20 && c < 0x7f; })) return std::nullopt;
  return std::string(url);
}

}  // namespace portcullis::revocation::internal
