#include "arm/host_reader.h"

#include <gtest/gtest.h>

namespace portcullis::arm {
namespace {

using namespace std::chrono_literals;

model::HostConfig read(const std::string& text) {
  HostReading reading = read_host_config(text, "/etc/portcullis");
  for (const auto& finding : reading.findings) ADD_FAILURE() << model::to_line(finding);
  return reading.config.value_or(model::HostConfig{});
}

// The block of product.md, "Two files", with every key.
constexpr const char* kEveryKey = R"(
bind: {appGwPublicFrontendIp: [0.0.0.0, "::"], private: 127.0.0.1}
ports: {443: 8443}
workers: 2
state_dir: /var/lib/portcullis
access_log: {path: access.log}
log: {level: debug, path: "-"}
admin: {listen: "127.0.0.1:9443", guard_weakening: false}
metrics: {listen: "off"}
secrets: {web: web.pfx, "https://vault.example/secrets/web": /abs/web.pfx}
references: {pip: {ipAddress: 1.2.3.4}}
unenforced: []
limits: {connections: 100, connections_per_ip: 5, handshakes_per_ip_per_s: 6, presented_certificates: 7, presented_bytes: 4096, rsa_bits: 4096, http2_requests: 8, closures_per_s: 9}
client_auth: {sessions: off, session_lifetime: 90m, ticket_key_file: "", ca_names: none, verify_depth: 3, client_cert_header: off}
user: gateway
revocation: {timeout: 500ms, cold_cache: refuse, unreachable: allow, unknown: refuse, no_responder: refuse, expired_response: refuse,
  intermediates: true, responder: "http://r/", crl: {mtls: {files: [a.crl], fetch: true}}, order: [crl, ocsp]}
egress: {deny: [loopback], allow: [10.0.0.0/8]}
listeners: {web: {proxy_protocol: on}}
backends: {settings: {protocol: h2}}
tracing: {otlp: ""}
)";

TEST(HostFile, ReadsEveryKey) {
  const model::HostConfig host = read(kEveryKey);
  ASSERT_EQ(host.bind_addresses("APPGWPUBLICFRONTENDIP").size(), 2U);
  EXPECT_EQ(host.bind_addresses("private").at(0).to_string(), "127.0.0.1");
  EXPECT_EQ(host.bind_addresses("other").at(0).to_string(), "0.0.0.0");
  EXPECT_EQ(host.local_port(443), 8443);
  EXPECT_EQ(host.local_port(80), 80);
  EXPECT_EQ(host.workers, 2U);
  EXPECT_EQ(host.access_log_path, "/etc/portcullis/access.log");
  EXPECT_EQ(host.log_level, model::LogLevel::kDebug);
  EXPECT_EQ(host.log_path, "-");
  EXPECT_EQ(*host.secret_path("WEB", ""), "/etc/portcullis/web.pfx");
  EXPECT_EQ(*host.secret_path("other", "https://vault.example/secrets/web"), "/abs/web.pfx");
  EXPECT_EQ(host.secret_path("other", ""), nullptr);
  EXPECT_EQ(host.references.at("pip"), R"({"ipAddress":"1.2.3.4"})");
  EXPECT_EQ(host.limits.connections, 100U);
  EXPECT_EQ(host.limits.presented_bytes, 4'096U);
  EXPECT_EQ(host.client_auth.sessions, model::SessionMode::kOff);
  EXPECT_EQ(host.client_auth.session_lifetime, 90min);
  EXPECT_EQ(host.client_auth.ca_names, model::CaNames::kNone);
  EXPECT_EQ(host.client_auth.verify_depth, 3U);
  EXPECT_EQ(host.user, "gateway");
  EXPECT_EQ(host.revocation.timeout, 500ms);
  EXPECT_EQ(host.revocation.unreachable, model::RevocationAction::kAllow);
  EXPECT_EQ(host.revocation.order.at(0), model::RevocationSource::kCrl);
  EXPECT_EQ(host.revocation.crl.at("mtls").files.at(0), "/etc/portcullis/a.crl");
  EXPECT_EQ(host.egress.deny.size(), 1U);
  EXPECT_TRUE(host.proxy_protocol.at("web"));
  EXPECT_EQ(host.backend_protocol.at("settings"), model::BackendProtocol::kH2);
}

TEST(HostFile, NamesWhatThisBuildDoesNotActOn) {
  const model::HostConfig host = read(kEveryKey);
  std::vector<std::string> keys;
  for (const auto& later : host.unsupported_yet) keys.push_back(later.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"admin", "listeners"}));

  const model::HostConfig some =
      read("client_auth: {sessions: tickets, ticket_key_file: k, client_cert_header: leaf, journal: 5}\n");
  EXPECT_TRUE(some.unsupported_yet.empty());

  EXPECT_TRUE(read("admin: off\nbind: {a: 0.0.0.0}\nclient_auth: {sessions: stateful}\n").unsupported_yet.empty());
}

TEST(HostFile, IsAllDefaultsWhenEmpty) {
  for (const char* text : {"", "\n", "# nothing\n", "{}\n"}) {
    const model::HostConfig host = read(text);
    EXPECT_EQ(host.limits.connections, 100'000U);
    EXPECT_EQ(host.client_auth.session_lifetime, 8h);
    EXPECT_EQ(host.client_auth.ca_names, model::CaNames::kAll);
    EXPECT_EQ(host.bind_addresses("any").at(0).to_string(), "0.0.0.0");
  }
}

TEST(HostFile, ReportsEveryMistakeAtOnceWithItsPlace) {
  const HostReading reading = read_host_config(
      "bnid: {}\nports: {0: 1, 443: 70000}\nworkers: many\nclient_auth: {session_lifetime: 8, verify_dept: 3}\n"
      "limits: {connections: 0}\nbind: {a: localhost, b: []}\nlog: {level: loud}\nmetrics: {listen: here}\n",
      "/");
  EXPECT_FALSE(reading.config);
  const struct {
    const char* pointer;
    const char* part;
  } expected[] = {{"/bnid", "Did you mean 'bind'?"},
                  {"/ports/0", "line 2"},
                  {"/ports/443", "0 to 65535"},
                  {"/workers", "0 to 1024"},
                  {"/client_auth/session_lifetime", "such as 8h"},
                  {"/client_auth/verify_dept", "Did you mean 'verify_depth'?"},
                  {"/limits/connections", "from 1 to"},
                  {"/bind/a", "not an IP address"},
                  {"/bind/b", "empty"},
                  {"/log/level", "error, warn, info, debug"},
                  {"/metrics/listen", "127.0.0.1:9443"}};
  ASSERT_EQ(reading.findings.size(), std::size(expected));
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    EXPECT_EQ(reading.findings[i].pointer, expected[i].pointer);
    EXPECT_NE(reading.findings[i].message.find(expected[i].part), std::string::npos) << reading.findings[i].message;
  }
}

TEST(HostFile, RefusesWhatIsNotAMap) {
  EXPECT_FALSE(read_host_config("- a\n", "/").config);
  EXPECT_FALSE(read_host_config("just text\n", "/").config);
  EXPECT_FALSE(read_host_config("a: [\n", "/").config);
}

TEST(Duration, TakesDigitsAndAUnit) {
  EXPECT_EQ(parse_duration("8h"), 8h);
  EXPECT_EQ(parse_duration("90m"), 90min);
  EXPECT_EQ(parse_duration("5s"), 5s);
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("2d"), 48h);
  for (const char* bad : {"", "8", "h", "-1s", "1.5h", "8 h", "8H", "99999999999999999999d", "40000d", "1h30m", "0x1s"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
}

}  // namespace
}  // namespace portcullis::arm
