#include "snapshot/internal/compile_sessions.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test_temporary_directory.h"

namespace portcullis::snapshot::internal {
namespace {

// 80 bytes, all of them different: what repeats itself is no key.
const std::string kKey = [] {
  std::string digits;
  for (int i = 0; i < 80; ++i) {
    constexpr char kHex[] = "0123456789abcdef";
    const int byte = (37 * i + 11) % 256;
    digits += {kHex[byte / 16], kHex[byte % 16]};
  }
  return digits;
}();

struct CompileSessions : testing::Test {
  // The findings of a host file with these keys, as `check` prints them.
  std::string findings(const std::string& content, mode_t mode = 0600) {
    const std::string path = folder / "keys";
    std::ofstream(path) << content;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    host.client_auth.ticket_key_file = path;
    return findings();
  }
  std::string findings() {
    model::Findings found;
    keys = compile_ticket_keys(host, nullptr, found);
    std::string all;
    for (const model::Finding& one : found) {
      all += (one.severity == model::Severity::kError ? "error " : "warning ") + one.code + " " + one.pointer;
    }
    // What refuses the host file leaves no keys behind it.
    EXPECT_FALSE(found.has_errors() && keys != nullptr);
    return all;
  }

  TemporaryDirectory folder;
  model::HostConfig host = [] {
    model::HostConfig made;
    made.client_auth.sessions = model::SessionMode::kTickets;
    return made;
  }();
  std::shared_ptr<tls::TicketKeys> keys;
};

TEST_F(CompileSessions, AKeyFileOfItsOwnerIsRead) {
  EXPECT_EQ(findings(kKey + "\n"), "");
  EXPECT_NE(keys, nullptr);
}

TEST_F(CompileSessions, EachThingWrongWithAKeyFileHasItsCode) {
  const std::string at = " /client_auth/ticket_key_file";
  EXPECT_EQ(findings(kKey + "\n", 0640), "error TicketKeyFileExposed" + at);
  EXPECT_EQ(findings(kKey + "\n", 0604), "error TicketKeyFileExposed" + at);
  for (const std::string& bad : {std::string(), kKey.substr(1), kKey + "\n" + kKey + "\n", std::string(160, '0')}) {
    EXPECT_EQ(findings(bad), "error TicketKeyFileInvalid" + at) << bad;
  }
  host.client_auth.ticket_key_file = folder / "absent";
  EXPECT_EQ(findings(), "error TicketKeyFileUnreadable" + at);
  host.client_auth.ticket_key_file = folder.path();
  EXPECT_EQ(findings(), "error TicketKeyFileUnreadable" + at);
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  host.client_auth.ticket_key_file = pipe;
  EXPECT_EQ(findings(), "error TicketKeyFileUnreadable" + at);
}

TEST_F(CompileSessions, AKeyFileThatNothingUsesIsAWarning) {
  host.client_auth.sessions = model::SessionMode::kStateful;
  EXPECT_EQ(findings(kKey + "\n"), "warning TicketKeyFileUnused /client_auth/ticket_key_file");
  EXPECT_EQ(keys, nullptr);
}

TEST_F(CompileSessions, AChainThatNoTicketHoldsIsRefused) {
  host.limits.presented_bytes = 61'440;
  EXPECT_EQ(findings(), "");
  host.limits.presented_bytes = 61'441;
  EXPECT_EQ(findings(), "error PresentedBytesOverTicket /limits/presented_bytes");
}

}  // namespace
}  // namespace portcullis::snapshot::internal
