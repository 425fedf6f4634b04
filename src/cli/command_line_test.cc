#include "cli/command_line.h"

#include <algorithm>

#include <sys/stat.h>

#include "cli/demo_files.h"
#include "cli/test_program.h"

namespace portcullis::cli {
namespace {

struct UsageCase {
  std::vector<std::string> arguments;
  const char* says;
};

TEST(CommandLine, WhatCannotBeMeantIsAUsageErrorOnStderr) {
  const UsageCase cases[] = {
      {{}, "no command given"},
      {{"frobnicate"}, "there is no command 'frobnicate'"},
      {{"frob\x1b[2Jnicate"}, "there is no command 'frob\\x1b[2Jnicate'"},
      {{"help", "frobnicate"}, "there is no command 'frobnicate'"},
      {{"--frobnicate"}, "--frobnicate"},
      {{"run"}, "GATEWAY is required"},
      {{"run", "a", "b"}, "not expected: b"},
      {{"run", "a", "--host"}, "--host"},
      {{"run", "a", "--frobnicate"}, "--frobnicate"},
      {{"check"}, "GATEWAY is required"},
      {{"demo", "stray"}, "not expected: stray"},
      {{"demo", "--port-base", "0"}, "--port-base"},
      {{"demo", "--port-base", "65535"}, "--port-base"},
      {{"demo", "--port-base", "many"}, "--port-base"},
      {{"run", "a", "--resume"}, "--resume: this build has no API"},
      {{"run", "a", "--parameters"}, "--parameters"},
      {{"run", "a", "--allow-retired"}, "--allow-retired"},
      {{"show"}, "GATEWAY is required"},
      {{"trust"}, "A subcommand is required"},
      {{"trust", "extract"}, "INPUT is required"},
      {{"trust", "extract", "a", "--password", "secret"}, "--password"},
      {{"trust", "inspect"}, "FILE is required"},
      {{"explain", "a", "--chain", "b"}, "--listener is required"},
      {{"explain", "a", "--listener", "b"}, "--chain is required"},
      {{"explain", "a", "--listener", "b", "--chain", "c", "--at", "tomorrow"}, "not a time like 2027"},
      {{"explain", "a", "--listener", "b", "--chain", "c", "--ocsp", "maybe"}, "--ocsp: maybe not in"},
      {{"explain", "a", "--listener", "b", "--chain", "c", "--ocsp", "live", "--at", "2027-01-01"},
       "--ocsp live asks now: leave out --at"},
      {{"explain", "a", "--listener", "b", "--chain", "c", "--ocsp", "cache", "--at", "2027-01-01"},
       "--ocsp cache asks now: leave out --at"},
      {{"show", "a", "--drain-seconds", "3"}, "--drain-seconds"},
  };
  for (const UsageCase& one : cases) {
    const Said said = run_line(one.arguments);
    EXPECT_EQ(said.code, 64) << one.says;
    EXPECT_EQ(said.out, "") << one.says;
    EXPECT_NE(said.err.find(one.says), std::string::npos) << one.says << "\n" << said.err;
    EXPECT_NE(said.err.find("Usage: portcullis"), std::string::npos) << said.err;
  }
}

TEST(CommandLine, HelpGoesToStdoutWithAnExample) {
  const std::vector<std::string> lines[] = {
      {"--help"},
      {"-h"},
      {"help"},
      {"run", "--help"},
      {"check", "--help"},
      {"show", "--help"},
      {"explain", "--help"},
      {"trust", "--help"},
      {"trust", "extract", "--help"},
      {"trust", "inspect", "--help"},
      {"demo", "--help"},
      {"help", "run"},
      {"help", "check"},
      {"help", "show"},
      {"help", "explain"},
      {"help", "trust"},
      {"help", "demo"},
  };
  for (const auto& line : lines) {
    const Said said = run_line(line);
    EXPECT_EQ(said.code, 0) << line.back();
    EXPECT_EQ(said.err, "");
    EXPECT_NE(said.out.find("Usage: portcullis"), std::string::npos) << said.out;
    EXPECT_NE(said.out.find("\nExample:\n  portcullis "), std::string::npos) << said.out;
  }
  EXPECT_EQ(run_line({"help", "run"}).out, run_line({"run", "--help"}).out);
}

TEST(CommandLine, SaysItsVersion) { EXPECT_EQ(run_line({"--version"}).out, "portcullis 9.8.7\n"); }

// A directory as the demonstration makes it: a document that is good.
struct DocumentTest : testing::Test {
  void SetUp() override {
    directory = *prepare_demo_directory(parent / "demo");
    const auto made = write_demo_files(directory, {8443, 8444, 8080}, SystemClock().wall());
    ASSERT_TRUE(made) << made.error().message;
    files = *made;
    good = text_of(files.gateway);
  }
  // The good document with one text put in the place of another.
  std::string changed(const std::string& what, const std::string& by) const {
    std::string text = good;
    const std::size_t at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    text.replace(at, what.size(), by);
    std::ofstream(directory + "/changed.json") << text;
    return directory + "/changed.json";
  }

  TemporaryDirectory parent;
  std::string directory;
  DemoFiles files;
  std::string good;
};

TEST_F(DocumentTest, CheckFindsNothingInAGoodDocument) {
  const Said said = run_line({"check", files.gateway, "--host", files.host});
  EXPECT_EQ(said.code, 0);
  EXPECT_TRUE(said.out.starts_with("info KeptWithoutMeaning /properties/frontendIPConfigurations: Public "))
      << said.out;
  EXPECT_TRUE(said.out.ends_with("\n" + files.gateway + ": good, 0 errors, 0 warnings, 2 infos\n")) << said.out;
  EXPECT_EQ(said.err, "");
}

TEST_F(DocumentTest, CheckReportsEveryErrorAtOnceALineEach) {
  std::string text = good;
  for (const auto& [what, by] : {std::pair<std::string, std::string>{"\"priority\": 100,", ""},
                                 {"\"priority\": 110,", ""},
                                 {"\"protocol\": \"Https\",", "\"protocol\": \"Tls\","}}) {
    text.replace(text.find(what), what.size(), by);
  }
  const Said said = run_line({"check", parent.write("bad.json", text), "--host", files.host});
  EXPECT_EQ(said.code, 1);
  // '@server.pem' and '@clients-ca.pem' are not beside this copy: two more.
  for (const char* pointer : {"/properties/sslCertificates/0", "/properties/trustedClientCertificates/0"})
    EXPECT_NE(said.out.find(std::string("error FileNotReadable ") + pointer), std::string::npos) << said.out;

  std::ofstream(directory + "/bad.json") << text;
  const Said judged = run_line({"check", directory + "/bad.json"});
  EXPECT_EQ(judged.code, 1);
  for (const char* line :
       {"error ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty /properties/requestRoutingRules/0: ",
        "error ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty /properties/requestRoutingRules/1: ",
        "error InvalidListenerProtocol /properties/httpListeners/0: "})
    EXPECT_NE(judged.out.find(line), std::string::npos) << judged.out;
  EXPECT_NE(judged.out.find("bad.json: refused, "), std::string::npos);
}

TEST_F(DocumentTest, CheckReportsWhatOnlyCompilingFinds) {
  // A bundle whose key is another certificate's.
  std::ofstream(directory + "/server.pem") << text_of(files.client_chain) << text_of(files.old_client_key);
  const Said said = run_line({"check", files.gateway, "--host", files.host});
  EXPECT_EQ(said.code, 1);
  EXPECT_NE(said.out.find("error key_pair."), std::string::npos) << said.out;
  EXPECT_EQ(said.out.find("PRIVATE"), std::string::npos);
}

TEST_F(DocumentTest, CheckPrintsWarningsAndStaysGood) {
  const Said said = run_line(
      {"check", files.gateway, "--host",
       parent.write("host.yaml", "tracing: {otlp: \"http://127.0.0.1:4318\"}\nmetrics: {listen: 127.0.0.1:9100}\n")});
  EXPECT_EQ(said.code, 0) << said.out;
  EXPECT_NE(said.out.find("warning NotInThisBuild /tracing: " + (parent / "host.yaml") +
                          ": 'tracing' is read, but this build does not have tracing yet"),
            std::string::npos)
      << said.out;
  EXPECT_NE(said.out.find(": good, 0 errors, 2 warnings, 2 infos\n"), std::string::npos) << said.out;
}

TEST_F(DocumentTest, WhatIsNotServedYetIsGoodAndSaysThatRunRefuses) {
  const std::string gateway = changed(
      "\"httpListeners\":",
      R"("customErrorConfigurations": [{"statusCode": "HttpStatus403", "customErrorPageUrl": "http://a/403.html"}], "httpListeners":)");
  const Said said = run_line({"check", gateway, "--host", files.host});
  EXPECT_EQ(said.code, 0) << said.out;
  EXPECT_NE(said.out.find("warning NotServedYet /properties/customErrorConfigurations"), std::string::npos) << said.out;
  EXPECT_TRUE(said.out.ends_with(" infos\n`run` refuses it as yet: see the lines with NotServedYet.\n")) << said.out;
  run_line({"run", gateway, "--host", files.host}, [](const server::RunOptions& options) {
    const server::Loaded loaded = options.load();
    EXPECT_FALSE(loaded.configuration);
    EXPECT_EQ(loaded.findings.at(0).code, "NotServedYet");
    return 1;
  });
}

TEST_F(DocumentTest, RetiredPoliciesAreTakenWhenAskedTo) {
  const std::string gateway =
      changed("\"properties\": {",
              R"("properties": {"sslPolicy": {"policyType": "Predefined", "policyName": "AppGwSslPolicy20170401"},)");
  const Said refused = run_line({"check", gateway, "--host", files.host});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.out.find("error SslPolicyRetired /properties/sslPolicy: "), std::string::npos) << refused.out;
  const Said taken = run_line({"check", gateway, "--host", files.host, "--allow-retired"});
  EXPECT_EQ(taken.code, 0) << taken.out;
  EXPECT_NE(taken.out.find("warning SslPolicyRetired /properties/sslPolicy: "), std::string::npos) << taken.out;
}

TEST_F(DocumentTest, ErrorsComeFirstThenWarningsThenInfos) {
  const Said said = run_line({"check", changed("\"priority\": 100,", ""), "--host",
                              parent.write("host.yaml", "metrics: {listen: 127.0.0.1:9100}\n")});
  const std::size_t error = said.out.find("error "), warning = said.out.find("\nwarning "),
                    info = said.out.find("\ninfo ");
  EXPECT_EQ(error, 0U) << said.out;
  EXPECT_LT(warning, info) << said.out;
  EXPECT_NE(said.out.find(": refused, 1 error, 1 warning, 2 infos\n"), std::string::npos) << said.out;
}

TEST_F(DocumentTest, ShowPrintsTheResourceAndNothingElse) {
  const Said said = run_line({"show", files.gateway, "--host", files.host});
  EXPECT_EQ(said.code, 0);
  EXPECT_EQ(said.err, "");
  EXPECT_TRUE(said.out.starts_with("{\n  \"name\": \"demo\",\n  \"id\": ")) << said.out;
  EXPECT_TRUE(said.out.ends_with("\n}\n"));
  EXPECT_EQ(said.out.find("PRIVATE"), std::string::npos);
  const Said wrong = run_line({"show", changed("\"location\"", "\"lokation\"")});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_EQ(wrong.out, "");
  EXPECT_TRUE(wrong.err.starts_with("error InvalidJson /lokation: ")) << wrong.err;
}

TEST_F(DocumentTest, BothFilesAreReportedAndTheHostFileIsNamed) {
  const std::string gateway = changed("\"location\"", "\"lokation\"");
  const std::string host = parent.write("host.yaml", "wurkers: 2\n");
  const Said said = run_line({"check", gateway, "--host", host});
  EXPECT_EQ(said.code, 1);
  EXPECT_NE(said.out.find("/lokation"), std::string::npos) << said.out;
  EXPECT_NE(said.out.find("/wurkers: " + host + ": "), std::string::npos) << said.out;
}

TEST_F(DocumentTest, WhatCannotBeReadIsOneLineWithCodeAndAdvice) {
  ASSERT_EQ(::mkfifo((parent / "fifo").c_str(), 0600), 0);
  std::ofstream(parent / "huge.json") << std::string((16U << 20U) + 1, ' ');
  const std::pair<std::string, const char*> cases[] = {{parent / "absent.json", "No such file"},
                                                       {parent.path(), "not a regular file"},
                                                       {parent / "fifo", "not a regular file"},
                                                       {parent / "huge.json", "over 16 MiB"},
                                                       {"", "No such file"}};
  for (const auto& [path, why] : cases) {
    const Said said = run_line({"check", path});
    EXPECT_EQ(said.code, 1);
    EXPECT_TRUE(said.out.starts_with("error FileNotReadable /: Cannot read the gateway document ")) << said.out;
    EXPECT_NE(said.out.find(why), std::string::npos) << said.out;
    EXPECT_EQ(std::count(said.out.begin(), said.out.end(), '\n'), 2) << said.out;
  }
  const Said host = run_line({"check", files.gateway, "--host", parent / "absent.yaml"});
  EXPECT_EQ(host.code, 1);
  EXPECT_TRUE(host.out.starts_with("error FileNotReadable /: Cannot read the host file ")) << host.out;
}

TEST_F(DocumentTest, NameMustBeTheGateways) {
  EXPECT_EQ(run_line({"check", files.gateway, "--host", files.host, "--name", "DEMO"}).code, 0);
  const Said other = run_line({"check", files.gateway, "--host", files.host, "--name", "other"});
  EXPECT_EQ(other.code, 1);
  EXPECT_NE(other.out.find("error GatewayNotFound /name: The document's gateway is 'demo', not 'other'"),
            std::string::npos)
      << other.out;
}

TEST_F(DocumentTest, RunHandsTheServerALoaderThatReadsTheFilesAnew) {
  const std::string gateway = changed("\"location\"", "\"location\"");
  const Said said = run_line({"run", gateway, "--host", files.host}, [&](const server::RunOptions& options) {
    const server::Loaded first = options.load();
    EXPECT_TRUE(first.configuration);
    if (first.configuration) {
      EXPECT_EQ(first.configuration->gateways.at(0).name, "demo");
      EXPECT_EQ(first.configuration->host.log_path, directory + "/program.log");
    }
    changed("\"priority\": 100,", "");
    const server::Loaded second = options.load();
    EXPECT_FALSE(second.configuration);
    EXPECT_TRUE(second.findings.has_errors());
    changed("\"location\"", "\"location\"");
    EXPECT_TRUE(options.load().configuration);
    return 17;
  });
  EXPECT_EQ(said.code, 17);
}

TEST_F(DocumentTest, RunNamesAGatewayWithoutAName) {
  const std::string gateway = changed("\"name\": \"demo\",", "");
  EXPECT_EQ(run_line({"check", gateway}).code, 1) << "its references are to a gateway called demo";
  run_line({"run", gateway, "--name", "demo"}, [](const server::RunOptions& options) {
    const server::Loaded loaded = options.load();
    EXPECT_TRUE(loaded.configuration);
    if (loaded.configuration) {
      EXPECT_EQ(loaded.configuration->gateways.at(0).name, "demo");
    }
    return 0;
  });
}

}  // namespace
}  // namespace portcullis::cli
