#include "http/error_page.h"

#include <gtest/gtest.h>

#include "http/message.h"

namespace portcullis::http {
namespace {

TEST(ErrorPage, HasAzuresShapeWithOurFooter) {
  EXPECT_EQ(
      error_page(403),
      "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n"
      "<hr><center>Portcullis</center>\r\n</body>\r\n</html>\r\n");
}

TEST(ErrorPage, CertificatePagesSayWhatWasMissing) {
  EXPECT_EQ(error_page(BadRequestPage::kNoCertificate),
            "<html>\r\n<head><title>400 No required SSL certificate was sent</title></head>\r\n<body>\r\n"
            "<center><h1>400 Bad Request</h1></center>\r\n<center>No required SSL certificate was sent</center>\r\n"
            "<hr><center>Portcullis</center>\r\n</body>\r\n</html>\r\n");
  // azure-semantics §6.4 gives 237, 215 and 255 bytes with a footer of 12 characters; ours has 10.
  EXPECT_EQ(error_page(BadRequestPage::kNoCertificate).size(), 235u);
  EXPECT_EQ(error_page(BadRequestPage::kCertificateError).size(), 213u);
  EXPECT_EQ(error_page(BadRequestPage::kPlainHttpToHttpsPort).size(), 253u);
  EXPECT_NE(error_page(BadRequestPage::kHeaderTooLarge).find("Request Header Or Cookie Too Large"), std::string::npos);
}

TEST(ErrorPage, EveryStatusTheGatewayMakesHasAReason) {
  for (const int status : {400, 403, 404, 405, 408, 413, 414, 417, 421, 500, 502, 503, 504}) {
    EXPECT_NE(reason_phrase(status), "Unknown") << status;
  }
  EXPECT_EQ(reason_phrase(299), "Unknown");
}

}  // namespace
}  // namespace portcullis::http
