#include "http/websocket.h"

#include <gtest/gtest.h>

#include "http/request_parser.h"
#include "http/response_parser.h"

namespace portcullis::http {
namespace {

constexpr char kKeyLine[] = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
constexpr char kVersionLine[] = "Sec-WebSocket-Version: 13\r\n";
constexpr char kUpgradeLines[] = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
constexpr char kAccept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

Upgrade asked(const std::string& line, const std::string& fields) {
  RequestParser parser;
  RequestHead head;
  head.upgrade = Upgrade::kWebSocket;  // of the message before
  EXPECT_EQ(parser.parse(line + "\r\nHost: h\r\n" + fields + "\r\n", head), Parse::kDone) << line << fields;
  return head.upgrade;
}

TEST(AskedUpgrade, IsAWholeHandshake) {
  EXPECT_EQ(asked("GET /chat HTTP/1.1", std::string(kUpgradeLines) + kKeyLine + kVersionLine), Upgrade::kWebSocket);
  EXPECT_EQ(asked("GET / HTTP/1.1", std::string("connection: UPGRADE\r\nupgrade: websocket\r\n") + kVersionLine +
                                        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"),
            Upgrade::kWebSocket);
}

TEST(AskedUpgrade, IsNothingWhereAnythingIsMissingOrWrong) {
  const std::string all = std::string(kUpgradeLines) + kKeyLine + kVersionLine;
  const std::pair<const char*, std::string> cases[] = {
      {"GET / HTTP/1.0", all},
      {"POST / HTTP/1.1", all},
      {"PUT / HTTP/1.1", all},
      {"HEAD / HTTP/1.1", all},
      {"GET / HTTP/1.1", all + "Content-Length: 0\r\n"},
      {"GET / HTTP/1.1", all + "Content-Length: 4\r\n"},
      {"GET / HTTP/1.1", all + "Transfer-Encoding: chunked\r\n"},
      {"GET / HTTP/1.1", all + "Upgrade: h2c\r\n"},
      {"GET / HTTP/1.1", all + "Upgrade: websocket\r\n"},
      {"GET / HTTP/1.1", all + kKeyLine},
      {"GET / HTTP/1.1", all + kVersionLine},
      {"GET / HTTP/1.1", all + "Sec-WebSocket-Version: 8\r\n"},
      {"GET / HTTP/1.1", std::string(kUpgradeLines) + kVersionLine},
      {"GET / HTTP/1.1", std::string(kUpgradeLines) + kKeyLine},
      {"GET / HTTP/1.1", std::string(kUpgradeLines) + kKeyLine + "Sec-WebSocket-Version: 8\r\n"},
      {"GET / HTTP/1.1", std::string(kUpgradeLines) + kKeyLine + "Sec-WebSocket-Version: 13, 8\r\n"},
      {"GET / HTTP/1.1", std::string(kUpgradeLines) + kVersionLine + "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n"},
      {"GET / HTTP/1.1", std::string(kUpgradeLines) + kVersionLine + "Sec-WebSocket-Key: ????????????????????????\r\n"},
      {"GET / HTTP/1.1",
       std::string(kUpgradeLines) + kVersionLine + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ R==\r\n"},
      {"GET / HTTP/1.1", std::string("Upgrade: websocket\r\n") + kKeyLine + kVersionLine},
      {"GET / HTTP/1.1", std::string("Connection: upgraded\r\nUpgrade: websocket\r\n") + kKeyLine + kVersionLine},
      {"GET / HTTP/1.1", std::string("Connection: Upgrade\r\n") + kKeyLine + kVersionLine},
      {"GET / HTTP/1.1", std::string("Connection: Upgrade\r\nUpgrade: h2c\r\n") + kKeyLine + kVersionLine},
      {"GET / HTTP/1.1", std::string("Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n") + kKeyLine + kVersionLine},
      {"GET / HTTP/1.1", std::string("Connection: Upgrade\r\nUpgrade: websocket/13\r\n") + kKeyLine + kVersionLine}};
  for (const auto& [line, fields] : cases) EXPECT_EQ(asked(line, fields), Upgrade::kNone) << line << "\n" << fields;
}

bool agrees(const std::string& head_text) {
  ResponseParser parser;
  ResponseHead head;
  EXPECT_EQ(parser.parse(head_text + "\r\n", head), Parse::kDone) << head_text;
  return agrees_to_websocket(head, kAccept);
}

TEST(AgreesToWebSocket, OnlyAWholeAndCorrectAnswer) {
  const std::string accept = std::string("Sec-WebSocket-Accept: ") + kAccept + "\r\n";
  const std::string switches = "HTTP/1.1 101 Switching Protocols\r\n";
  const std::string upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
  EXPECT_TRUE(agrees(switches + upgrade + accept));
  EXPECT_TRUE(agrees("HTTP/1.1 101\r\nupgrade: WebSocket\r\nconnection: x, upgrade\r\n" + accept));
  const std::string wrong[] = {"HTTP/1.0 101 Switching Protocols\r\n" + upgrade + accept,
                               "HTTP/1.1 200 OK\r\n" + upgrade + accept,
                               "HTTP/1.1 426 Upgrade Required\r\n" + upgrade + accept,
                               switches + upgrade,
                               switches + upgrade + accept + accept,
                               switches + upgrade + "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
                               switches + upgrade + accept + "Content-Length: 5\r\n",
                               switches + upgrade + accept + "Transfer-Encoding: chunked\r\n",
                               switches + "Upgrade: websocket\r\n" + accept,
                               switches + "Connection: Upgrade\r\n" + accept,
                               switches + "Connection: Upgrade\r\nUpgrade: h2c\r\n" + accept,
                               switches + upgrade + "Upgrade: h2c\r\n" + accept};
  for (const std::string& head : wrong) EXPECT_FALSE(agrees(head)) << head;
}

}  // namespace
}  // namespace portcullis::http
