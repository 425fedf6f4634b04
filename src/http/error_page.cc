#include "http/error_page.h"

#include <string_view>

#include "http/message.h"

namespace portcullis::http {

namespace {

std::string page(std::string_view title, std::string_view heading, std::string_view line) {
  std::string out;
  out.append("<html>\r\n<head><title>").append(title).append("</title></head>\r\n<body>\r\n<center><h1>");
  out.append(heading).append("</h1></center>\r\n");
  if (!line.empty()) out.append("<center>").append(line).append("</center>\r\n");
  out.append("<hr><center>Portcullis</center>\r\n</body>\r\n</html>\r\n");
  return out;
}

std::string_view what(BadRequestPage page) {
  switch (page) {
    case BadRequestPage::kNoCertificate:
      return "No required SSL certificate was sent";
    case BadRequestPage::kCertificateError:
      return "The SSL certificate error";
    case BadRequestPage::kPlainHttpToHttpsPort:
      return "The plain HTTP request was sent to HTTPS port";
    case BadRequestPage::kHeaderTooLarge:
      return "Request Header Or Cookie Too Large";
  }
  return "";
}

}  // namespace

std::string error_page(int status) {
  const std::string title = std::to_string(status) + " " + std::string(reason_phrase(status));
  return page(title, title, "");
}

std::string error_page(BadRequestPage bad) {
  const std::string_view line = what(bad);
  return page("400 " + std::string(line), "400 Bad Request", line);
}

}  // namespace portcullis::http
