#include "http/hop_by_hop.h"

#include <string>

#include <gtest/gtest.h>

#include "http/test_messages.h"

namespace portcullis::http {
namespace {

using testing::describe;

TEST(HopByHop, RemovesWhatIsForOneConnection) {
  Fields fields;
  for (const auto* name :
       {"Host", "connection", "KEEP-ALIVE", "Proxy-Connection", "TE", "Transfer-Encoding", "Upgrade", "HTTP2-Settings",
        "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Authentication-Info", "Trailer", "Accept"}) {
    fields.add(name, "x");
  }
  strip_hop_by_hop(fields);
  EXPECT_EQ(describe(fields), "Host=x\nTrailer=x\nAccept=x\n");
}

TEST(HopByHop, RemovesWhatConnectionNames) {
  Fields fields;
  fields.add("X-One", "1");
  fields.add("Connection", "close, x-one");
  fields.add("X-Two", "2");
  fields.add("connection", "X-TWO ,, keep-alive");
  fields.add("X-Three", "3");
  fields.add("x-two", "again");
  strip_hop_by_hop(fields);
  EXPECT_EQ(describe(fields), "X-Three=3\n");
}

TEST(HopByHop, ConnectionCannotTakeWhatTheMessageMeans) {
  Fields fields;
  fields.add("Connection", "Host, Cookie, Authorization, Content-Type, X-Forwarded-For, Forwarded, Set-Cookie, Date");
  for (const auto* name : {"Host", "Cookie", "Authorization", "Content-Type", "X-Forwarded-For", "Forwarded"}) {
    fields.add(name, "x");
  }
  strip_hop_by_hop(fields);
  EXPECT_EQ(fields.size(), 6u);
  EXPECT_FALSE(fields.has("Connection"));
}

// I19: the gateway's identity header is set after the client's words were stripped; nothing is left to name it.
TEST(HopByHop, ConnectionCannotTakeAnIdentityHeaderSetLater) {
  Fields fields;
  fields.add("Connection", "X-Client-Cert");
  fields.add("X-Client-Cert", "forged");
  strip_hop_by_hop(fields);
  EXPECT_TRUE(fields.empty());
  fields.set("X-Client-Cert", "real");
  strip_hop_by_hop(fields);
  EXPECT_EQ(describe(fields), "X-Client-Cert=real\n");
}

}  // namespace
}  // namespace portcullis::http
