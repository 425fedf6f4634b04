#include "cli/demo.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include "cli/demo_files.h"
#include "cli/demo_requests.h"
#include "cli/documents.h"
#include "cli/sample_backend.h"
#include "cli/test_program.h"
#include "net/tcp.h"
#include "x509/throwaway_pki.h"

namespace portcullis::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::days;

constexpr DemoPorts kPorts{8443, 8444, 8080};

TEST(DemoFiles, AreADocumentThatPassesItsOwnCheck) {
  TemporaryDirectory parent;
  const auto directory = prepare_demo_directory(parent / "it's a demo");
  ASSERT_TRUE(directory) << directory.error().message;
  const auto files = write_demo_files(*directory, kPorts, SystemClock().wall());
  ASSERT_TRUE(files) << files.error().message;
  const model::Findings findings = check({files->gateway, files->host, ""}).findings;
  for (const model::Finding& finding : findings)
    EXPECT_EQ(finding.severity, model::Severity::kInfo) << model::to_line(finding);
}

TEST(DemoFiles, NobodyElseMayReadThem) {
  TemporaryDirectory parent;
  const std::string directory = *prepare_demo_directory(parent / "demo");
  ASSERT_TRUE(write_demo_files(directory, kPorts, SystemClock().wall()));
  EXPECT_EQ(fs::status(directory).permissions(), fs::perms::owner_all);
  std::size_t seen = 0;
  for (const auto& entry : fs::directory_iterator(directory)) {
    EXPECT_EQ(entry.status().permissions(), fs::perms::owner_read | fs::perms::owner_write) << entry.path();
    ++seen;
  }
  EXPECT_EQ(seen, 10U);  // seven of the PKI, two documents, the marker
}

TEST(DemoFiles, KeepThePkiUntilADayBeforeItsEndAndFollowThePorts) {
  TemporaryDirectory parent;
  const std::string directory = *prepare_demo_directory(parent / "demo");
  const WallTime now = SystemClock().wall();
  const auto files = *write_demo_files(directory, kPorts, now);
  const std::string root = text_of(files.root);

  ASSERT_EQ(prepare_demo_directory(directory).value_or("refused"), directory);
  ASSERT_TRUE(write_demo_files(directory, {9443, 9444, 81}, now + x509::kThrowawayLifetime - days(2)));
  EXPECT_EQ(text_of(files.root), root);
  EXPECT_NE(text_of(files.gateway).find("\"port\": 9443"), std::string::npos);

  ASSERT_TRUE(write_demo_files(directory, kPorts, now + x509::kThrowawayLifetime - std::chrono::hours(23)));
  const std::string second = text_of(files.root);
  EXPECT_NE(second, root);

  ASSERT_EQ(::unlink(files.client_key.c_str()), 0);
  ASSERT_TRUE(write_demo_files(directory, kPorts, now));
  EXPECT_NE(text_of(files.root), second);
  EXPECT_TRUE(fs::exists(files.client_key));
}

TEST(DemoFiles, TouchNothingInADirectoryOfSomebodyElse) {
  TemporaryDirectory theirs;
  theirs.write("gateway.json", "precious");
  const auto refused = prepare_demo_directory(theirs.path());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "demo.directory");
  EXPECT_EQ(text_of(theirs / "gateway.json"), "precious");
  EXPECT_EQ(std::distance(fs::directory_iterator(theirs.path()), {}), 1);

  EXPECT_FALSE(prepare_demo_directory(theirs / "gateway.json"));  // a file
  EXPECT_FALSE(prepare_demo_directory(theirs / "no/such/parent"));
}

TEST(DemoFiles, ReplaceASymbolicLinkInsteadOfFollowingIt) {
  TemporaryDirectory parent;
  const std::string directory = *prepare_demo_directory(parent / "demo");
  const std::string target = parent.write("target", "precious");
  fs::create_symlink(target, directory + "/gateway.json");
  ASSERT_TRUE(write_demo_files(directory, kPorts, SystemClock().wall()));
  EXPECT_EQ(text_of(target), "precious");
  EXPECT_FALSE(fs::is_symlink(directory + "/gateway.json"));
}

TEST(DemoRequests, WordsComeBackFromTheShellAsTheyWere) {
  for (const char* word :
       {"/plain/path.pem", "it's", "a b", "$(id)", "`id`", "", "\"", "a\\b", ";", "~", "*", "a\nb"}) {
    EXPECT_EQ(run_command("printf %s " + shell_word(word)), word);
  }
  EXPECT_EQ(shell_word("/plain/path.pem"), "/plain/path.pem");
}

TEST(DemoRequests, KeepTheirPromiseOnlyWithStatusAndText) {
  DemoFiles files;
  files.root = "/d/root.pem";
  const auto requests = demo_requests(files, kPorts);
  const std::string verified = "{\"X-Client-Verify\":\"SUCCESS\"}";
  EXPECT_TRUE(keeps_promise(requests[0], "HTTP/1.1 200 OK\r\n\r\n" + verified));
  EXPECT_FALSE(keeps_promise(requests[0], "HTTP/1.1 400 Bad Request\r\n\r\n" + verified));
  EXPECT_FALSE(keeps_promise(requests[0], "HTTP/1.1 200 OK\r\n\r\n{\"X-Client-Verify\":\"PASSTHROUGH\"}"));
  EXPECT_FALSE(keeps_promise(requests[0], "curl: (7) Failed to connect"));
  EXPECT_FALSE(keeps_promise(requests[1], "HTTP/1.1 200 OK\r\n\r\nThe SSL certificate error"));
  EXPECT_EQ(status_of("HTTP/1.1"), 0);
  EXPECT_EQ(status_of("HTTP/1.1 20"), 0);
  EXPECT_EQ(status_of("HTTP/1.1 2x0 OK"), 0);
}

// Sends `request` to the backend and reads until it closes.
std::string exchange(std::uint16_t port, const std::string& request) {
  const net::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address;
  const socklen_t size = Endpoint{IpAddress::v4(0x7f000001), port}.to_sockaddr(address);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_EQ(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  std::string all;
  char chunk[4096];
  for (ssize_t got = 0; (got = ::recv(fd.get(), chunk, sizeof chunk, 0)) > 0;)
    all.append(chunk, static_cast<std::size_t>(got));
  return all;
}

TEST(SampleBackend, AnswersWithWhatItWasSent) {
  auto backend = SampleBackend::create();
  ASSERT_TRUE(backend) << backend.error().message;
  (*backend)->start();
  const std::string got =
      exchange((*backend)->port(),
               "POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nx-two: \"2\"\r\nContent-Length: 4\r\n"
               "Connection: close\r\n\r\nbody");
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\n")) << got;
  for (const char* part : {R"("method":"POST")", R"("path":"/a?b=c")", R"("X-Two":"1, \"2\"")", R"("body_bytes":4)"})
    EXPECT_NE(got.find(part), std::string::npos) << got;
  EXPECT_TRUE(exchange((*backend)->port(), "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
  const std::string head = exchange((*backend)->port(), "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
}

TEST(SampleBackend, EndsWithConnectionsOpen) {
  auto backend = SampleBackend::create();
  ASSERT_TRUE(backend);
  (*backend)->start();
  const net::Fd idle(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address;
  const socklen_t size = Endpoint{IpAddress::v4(0x7f000001), (*backend)->port()}.to_sockaddr(address);
  ASSERT_EQ(::connect(idle.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_FALSE(exchange((*backend)->port(), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").empty());
  backend->reset();
  char byte;
  EXPECT_EQ(::recv(idle.get(), &byte, 1, 0), 0);
}

// Two ports in a row that are free now.
std::uint16_t free_pair() {
  for (std::uint16_t port = static_cast<std::uint16_t>(20000 + ::getpid() % 9000); port < 32000; ++port) {
    const IpAddress local = IpAddress::v4(0x7f000001);
    if (net::check_address_free({local, port}) &&
        net::check_address_free({local, static_cast<std::uint16_t>(port + 1)}))
      return port;
  }
  return 0;
}

TEST(Demo, GivesTheServerItsDocumentAndSaysWhatToTryOnceItIsReady) {
  TemporaryDirectory parent;
  const std::string base = std::to_string(free_pair());
  const Said said = run_line({"demo", "--dir", parent / "d", "--port-base", base}, [&](const server::RunOptions& run) {
    const server::Loaded loaded = run.load();
    EXPECT_TRUE(loaded.configuration);
    run.on_ready();
    return 0;
  });
  EXPECT_EQ(said.code, 0) << said.err;
  for (const char* part : {"\nadmitted -> 200", "\nrefused -> 400", "\npassed through -> 200"})
    EXPECT_NE(said.out.find(part), std::string::npos) << said.out;
  EXPECT_NE(said.out.find("--cert " + (parent / "d/client.pem") + " --key " + (parent / "d/client.key") +
                          " https://localhost:" + base + "/hello\n"),
            std::string::npos)
      << said.out;
  EXPECT_TRUE(fs::exists(parent / "d/gateway.json"));
}

TEST(Demo, OnceFailsWhereTheGatewayNeverGotReadyOrNeverServed) {
  if (!have_curl()) GTEST_SKIP() << "no curl";
  TemporaryDirectory parent;
  const std::vector<std::string> line = {"demo",       "--once",      "--dir",
                                         parent / "d", "--port-base", std::to_string(free_pair())};
  EXPECT_EQ(run_line(line, [](const server::RunOptions&) { return 0; }).code, 1);
  EXPECT_EQ(run_line(line, [](const server::RunOptions&) { return 7; }).code, 7);
}

TEST(Demo, StartsNothingWhereItCannot) {
  TemporaryDirectory theirs;
  theirs.write("file", "precious");
  const Said occupied = run_line({"demo", "--dir", theirs.path(), "--port-base", std::to_string(free_pair())});
  EXPECT_EQ(occupied.code, 1);
  EXPECT_NE(occupied.err.find("demo.directory: "), std::string::npos) << occupied.err;

  auto taken = net::listen_tcp({IpAddress::v4(0x7f000001), 0});
  ASSERT_TRUE(taken);
  const Said busy = run_line({"demo", "--port-base", std::to_string(net::local_endpoint(taken->get()).port)});
  EXPECT_EQ(busy.code, 1);
  EXPECT_NE(busy.err.find("demo.port_taken: "), std::string::npos) << busy.err;
  EXPECT_NE(busy.err.find("--port-base"), std::string::npos);
}

}  // namespace
}  // namespace portcullis::cli
