#include "cli/explain.h"

#include "cli/demo_files.h"
#include "cli/test_program.h"

namespace portcullis::cli {
namespace {

TEST(ParseInstant, TakesUtcInTwoForms) {
  using namespace std::chrono;
  EXPECT_EQ(parse_instant("2027-01-02T03:04:05Z"),
            WallTime(sys_days{2027y / 1 / 2} + hours(3) + minutes(4) + seconds(5)));
  EXPECT_EQ(parse_instant("2028-02-29"), WallTime(sys_days{2028y / 2 / 29}));
  for (const char* bad : {"", "2027", "2027-1-2", "2027-02-29", "2027-13-01", "2027-01-02T24:00:00Z",
                          "2027-01-02T03:60:00Z", "2027-01-02T03:04:60Z", "2027-01-02T03:04:05", "2027-01-02 03:04:05Z",
                          "2027-01-02T03:04:05+", "+027-01-02", "2027-01-02T03:04:05ZZ"})
    EXPECT_FALSE(parse_instant(bad)) << bad;
}

struct ExplainCommand : testing::Test {
  void SetUp() override {
    directory = *prepare_demo_directory(parent / "demo");
    const auto made = write_demo_files(directory, {8443, 8444, 8080}, SystemClock().wall());
    ASSERT_TRUE(made) << made.error().message;
    files = *made;
  }
  Said ask(const std::string& listener, const std::string& chain, std::vector<std::string> more = {}) const {
    std::vector<std::string> line{"explain",    files.gateway, "--host",  files.host,
                                  "--listener", listener,      "--chain", directory + "/" + chain};
    line.insert(line.end(), more.begin(), more.end());
    return run_line(line);
  }
  TemporaryDirectory parent;
  std::string directory;
  DemoFiles files;
};

TEST_F(ExplainCommand, AdmittedIsZeroAndRefusedIsTwo) {
  const Said good = ask("STRICT", "client.pem");
  EXPECT_EQ(good.code, 0) << good.out << good.err;
  EXPECT_TRUE(good.out.ends_with("log        sslClientVerify=SUCCESS\nreason     -\nadmitted\n")) << good.out;
  const Said expired = ask("strict", "old-client.pem");
  EXPECT_EQ(expired.code, 2);
  EXPECT_TRUE(
      expired.out.ends_with("status     400 Bad Request\nlog        sslClientVerify=FAILED:certificate has "
                            "expired\nreason     client_cert.expired\nrefused\n"))
      << expired.out;
  EXPECT_NE(expired.out.find("\n  FAILED      dates                certificate has expired (at depth 0: "),
            std::string::npos)
      << expired.out;
}

TEST_F(ExplainCommand, TheMomentCanBeChosen) {
  const Said later = ask("strict", "client.pem", {"--at", "2099-01-01"});
  EXPECT_EQ(later.code, 2);
  EXPECT_NE(later.out.find("time       2099-01-01T00:00:00.000Z"), std::string::npos) << later.out;
  EXPECT_NE(later.out.find("client_cert.expired"), std::string::npos);
}

TEST_F(ExplainCommand, WhereNobodyIsToBeAskedAboutRevocationItChangesNothing) {
  for (const char* chain : {"client.pem", "old-client.pem"}) {
    const Said off = ask("strict", chain, {"--json", "--ocsp", "off"});
    for (const char* how : {"live", "cache"}) {
      const Said asked = ask("strict", chain, {"--json", "--ocsp", how});
      EXPECT_EQ(asked.code, off.code);
      EXPECT_EQ(asked.out.substr(asked.out.find("\"presented\"")), off.out.substr(off.out.find("\"presented\"")));
    }
  }
}

TEST_F(ExplainCommand, JsonIsOneLine) {
  const Said said = ask("strict", "old-client.pem", {"--json"});
  EXPECT_EQ(said.code, 2);
  EXPECT_EQ(said.out.find('\n'), said.out.size() - 1);
  EXPECT_TRUE(said.out.ends_with(R"("admitted":false,"handshake":"completes","status":400,)"
                                 R"("sslClientVerify":"FAILED:certificate has expired","reason":"client_cert.expired"})"
                                 "\n"))
      << said.out;
}

TEST_F(ExplainCommand, WhatCannotBeAnsweredIsRefusedInputOnStderr) {
  parent.write("demo/empty.pem", "no certificate here\n");
  parent.write("demo/broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const std::pair<Said, const char*> cases[] = {
      {ask("nobody", "client.pem"),
       "error ListenerNotFound /: The gateway has no HTTP listener 'nobody'; it has 'strict'"},
      {ask("strict", "absent.pem"), "error FileNotReadable /: Cannot read the client's chain "},
      {ask("strict", "empty.pem"), "error pem.no_certificate /: "},
      {ask("strict", "broken.pem"), "error pem.bad_certificate /: "},
      {run_line({"explain", parent / "none.json", "--listener", "a", "--chain", "b"}),
       "error FileNotReadable /: Cannot read the gateway document "},
  };
  for (const auto& [said, words] : cases) {
    EXPECT_EQ(said.code, 1) << words;
    EXPECT_EQ(said.out, "");
    EXPECT_TRUE(said.err.starts_with(words)) << said.err;
  }
}

}  // namespace
}  // namespace portcullis::cli
