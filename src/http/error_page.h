// The HTML bodies that the gateway makes itself: the shapes of azure-semantics §6.4 with Portcullis as the footer.
// Pure. Sent with `Content-Type: text/html`; the status line keeps the plain reason.
#pragma once

#include <cstdint>
#include <string>

namespace portcullis::http {

// Title and heading are "NNN Reason" with the reason of reason_phrase().
std::string error_page(int status);

// The 400s that say more in their title and in a line of their own.
enum class BadRequestPage : std::uint8_t {
  kNoCertificate,         // "No required SSL certificate was sent"
  kCertificateError,      // "The SSL certificate error"
  kPlainHttpToHttpsPort,  // "The plain HTTP request was sent to HTTPS port"
  kHeaderTooLarge,        // "Request Header Or Cookie Too Large"
};
std::string error_page(BadRequestPage page);

}  // namespace portcullis::http
