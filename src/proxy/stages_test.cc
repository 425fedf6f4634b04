#include "proxy/stages.h"

#include "proxy/test_proxy.h"
#include "x509/test_pki.h"

namespace portcullis::proxy {
namespace {

// A request that came from nowhere and whose answer goes nowhere.
class FakeExchange final : public conn::Exchange {
 public:
  FakeExchange(event::Loop& loop, net::BufferPool& buffers) : Exchange(loop, buffers) {}
  void refuse(http::Refusal refusal) {
    refusal_ = std::move(refusal);
    refused_ = true;
  }
  bool closes() const { return close_after_; }

  bool body_done() const override { return true; }
  event::Task<Result<std::string_view>> read_body() override { co_return std::string_view(); }
  http::Fields& request_trailers() override { return trailers_; }
  void stop_reading() override {}
  event::Task<Result<void>> respond(http::ResponseHead&, std::string_view, bool) override { co_return Result<void>(); }
  event::Task<Result<void>> write_body(std::string_view, bool, const http::Fields*) override {
    co_return Result<void>();
  }
  event::Task<Result<void>> open_tunnel(http::ResponseHead&) override { co_return Result<void>(); }
  event::Task<Result<std::string_view>> read_tunnel(event::Deadline) override { co_return std::string_view(); }
  event::Task<Result<void>> write_tunnel(std::string_view) override { co_return Result<void>(); }
  void end_tunnel() override {}
  void abort_tunnel() override {}
  void on_client_gone(std::function<void()>) override {}
  void on_drain(std::function<void()>) override {}
  bool was_cut_off() const override { return false; }

 private:
  http::Fields trailers_;
};

// An address with listeners a.test and b.test that trust alike, c.test that trusts others, d.test without a rule, and
// a connection whose handshake meant a.test.
struct StagesTest : ProxyTest {
  void SetUp() override {
    ProxyTest::SetUp();
    x509::TestPki pki;
    const auto ours = verifier(pki.root("Ours")), theirs = verifier(pki.root("Theirs"));
    auto address = std::make_unique<snapshot::Address>();
    address->document_port = 8443;
    const std::pair<const char*, std::shared_ptr<const clientauth::Verifier>> listeners[] = {
        {"a", ours}, {"b", ours}, {"c", theirs}, {"d", ours}, {"open", nullptr}};
    std::vector<routing::HostEntry> entries;
    for (const auto& [name, judge] : listeners) {
      snapshot::Listener one;
      one.name = name;
      one.verifier = judge;
      one.trust = judge == nullptr ? clientauth::trust_digest({}) : judge->trust();
      if (one.name != "d") one.rule = snapshot::Rule{};
      entries.push_back({{one.name + ".test"}, static_cast<std::uint32_t>(entries.size() + 1)});
      address->listeners.push_back(std::move(one));
    }
    address->hosts = *routing::HostTable::build(entries);
    auto made = std::make_shared<snapshot::Snapshot>();
    made->addresses.push_back(std::move(address));
    made->identity_headers.add("x-client-cert");
    services->snapshot = made;
    connection.client = *Endpoint::parse("192.0.2.1:1234");
    connection.snapshot = made;
    connection.address = made->addresses.front().get();
    connection.admission = clientauth::Admission(nullptr, ours);
    request("GET", "/");
  }
  static std::shared_ptr<const clientauth::Verifier> verifier(const x509::Issued& root) {
    auto file = x509::parse_trusted_ca_file(root.pem());
    clientauth::ClientPolicy policy;
    policy.mode = clientauth::Mode::kStrict;
    policy.anchors = *x509::TrustAnchors::build({*file});
    return std::make_shared<clientauth::Verifier>(policy);
  }
  void request(const char* method, const char* target, const char* host = "a.test") {
    exchange.request().clear();
    exchange.request().method = method;
    exchange.request().target = target;
    exchange.request().fields.add("Host", host);
  }
  FakeExchange exchange{*loop, buffers};
  ClientConnection connection;
};

TEST_F(StagesTest, TheTargetHasOneNormalForm) {
  const struct {
    const char* target;
    const char* path;
  } cases[] = {{"/a/../b", "/b"}, {"/%61", "/a"}, {"/a%2fb", "/a%2Fb"}, {"/../../x", "/x"}, {"/%2e%2e/x", "/x"}};
  for (const auto& [target, path] : cases) {
    request("GET", target);
    RequestContext context(exchange, connection, *services);
    EXPECT_TRUE(normalise(context)) << target;
    EXPECT_EQ(context.target.path, path);
    EXPECT_EQ(context.original_target, target);
    EXPECT_EQ(context.host, "a.test");
  }
}

TEST_F(StagesTest, WhatCannotBeNormalIsRefused) {
  const struct {
    const char* method;
    const char* target;
    int status;
  } cases[] = {{"GET", "/%00", 400}, {"GET", "/%zz", 400},    {"GET", "*", 400},        {"GET", "a.test:443", 400},
               {"TRACE", "/", 405},  {"CONNECT", "h:1", 405}, {"GET", "ftp://h/", 400}, {"GET", "http://u@h/", 400}};
  for (const auto& [method, target, status] : cases) {
    request(method, target);
    RequestContext context(exchange, connection, *services);
    EXPECT_FALSE(normalise(context)) << target;
    EXPECT_EQ(context.refused.status, status) << target;
    EXPECT_FALSE(context.refused.reason.empty());
    EXPECT_FALSE(context.refused.body.empty());
  }
}

TEST_F(StagesTest, TheDriversRefusalStands) {
  exchange.refuse({414, "http.target_too_long", "ERRORINFO_INVALID_REQUEST", ""});
  RequestContext context(exchange, connection, *services);
  EXPECT_FALSE(normalise(context));
  EXPECT_EQ(context.refused.status, 414);
  EXPECT_EQ(context.refused.reason, "http.target_too_long");
}

TEST_F(StagesTest, OnlyTheVerdictAdmits) {
  using Outcome = clientauth::Verdict::Outcome;
  std::string pages[3];
  for (const Outcome outcome : {Outcome::kAdmitted, Outcome::kNoCertificate, Outcome::kRefused}) {
    FakeExchange own(*loop, buffers);
    RequestContext context(own, connection, *services);
    EXPECT_EQ(context.verdict.outcome, Outcome::kRefused);  // before anyone has judged
    context.verdict.outcome = outcome;
    context.verdict.reason_code = "client_cert.test";
    const bool admitted = outcome == Outcome::kAdmitted;
    EXPECT_EQ(admit(context), admitted);
    EXPECT_EQ(own.closes(), !admitted);
    EXPECT_EQ(context.refused.status, admitted ? 0 : 400);
    pages[static_cast<int>(outcome)] = context.refused.body;
    if (admitted) continue;
    EXPECT_EQ(context.refused.reason, "client_cert.test");
    EXPECT_EQ(context.error_info, "ERRORINFO_HTTPS_NO_CERT");
  }
  EXPECT_EQ(pages[0], "");
  EXPECT_NE(pages[1], pages[2]);
  EXPECT_EQ(counters.admitted.value() + counters.refused.value() + counters.no_certificate.value(), 3U);
}

// A connection judged under one trust reaches no listener of another (I16), however its Host is spelled.
TEST_F(StagesTest, AHostOfAnotherTrustIsMisdirected) {
  const struct {
    const char* host;
    int status;
  } cases[] = {{"a.test", 0},     {"b.test", 0},      {"B.TEST.:8443", 0}, {"c.test", 421}, {"C.Test.", 421},
               {"c.test:9", 421}, {"open.test", 421}, {"d.test", 404},     {"e.test", 404}, {"", 404}};
  for (const auto& [host, status] : cases) {
    request("GET", "/", host);
    RequestContext context(exchange, connection, *services);
    ASSERT_TRUE(normalise(context));
    EXPECT_EQ(select_listener(context), status == 0) << host;
    EXPECT_EQ(context.refused.status, status) << host;
  }
  request("GET", "https://c.test/", "a.test");
  RequestContext context(exchange, connection, *services);
  ASSERT_TRUE(normalise(context));
  EXPECT_FALSE(select_listener(context));
  EXPECT_EQ(context.refused.status, 421);
  EXPECT_EQ(counters.misdirected.value(), 5U);
}

TEST_F(StagesTest, AConnectionThatAskedNobodyReachesNoListenerThatAsks) {
  connection.admission = clientauth::Admission(nullptr, nullptr);
  for (const auto& [host, status] : {std::pair{"a.test", 421}, {"open.test", 0}}) {
    request("GET", "/", host);
    RequestContext context(exchange, connection, *services);
    ASSERT_TRUE(normalise(context));
    EXPECT_EQ(select_listener(context), status == 0);
    EXPECT_EQ(context.refused.status, status) << host;
  }
}

TEST_F(StagesTest, TheBackendsRequestIsCleanAndSaysWhoAsks) {
  request("GET", "https://A.test:99/x/../y?q=1", "other.test");
  http::Fields& fields = exchange.request().fields;
  for (const char* name : {"X-Client-Cert", "x_client_cert", "X.Client.Cert", "Client-Cert", "Client-Cert-Chain"}) {
    fields.add(name, "me");
  }
  fields.add("Connection", "X-Hop, close");
  fields.add("X-Hop", "1");
  fields.add("TE", "trailers");
  fields.add("Expect", "100-continue");
  fields.add("X-Forwarded-Proto", "https");
  fields.add("X-Forwarded-Port", "1");
  fields.add("X-Original-Host", "evil");
  fields.add("Bad_Name", "1");
  fields.add("Accept", "kept");
  RequestContext context(exchange, connection, *services);
  ASSERT_TRUE(normalise(context) && select_listener(context));
  rewrite_request(context);
  for (const char* name : {"X-Client-Cert", "x_client_cert", "X.Client.Cert", "Client-Cert", "Client-Cert-Chain",
                           "X-Hop", "TE", "Expect", "Bad_Name"}) {
    EXPECT_FALSE(fields.has(name)) << name;
  }
  EXPECT_EQ(exchange.request().target, "/y?q=1");
  const std::pair<const char*, const char*> wanted[] = {{"Host", "a.test:99"},
                                                        {"X-Forwarded-Proto", "http"},
                                                        {"X-Forwarded-Port", "8443"},
                                                        {"X-Original-Host", "a.test:99"},
                                                        {"Accept", "kept"}};
  for (const auto& [name, value] : wanted) {
    EXPECT_EQ(fields.get(name), value) << name;
    EXPECT_EQ(fields.count(name), 1U) << name;
  }
  EXPECT_NE(fields.get("X-Forwarded-For").value_or("").find("192.0.2.1"), std::string_view::npos);
}

}  // namespace
}  // namespace portcullis::proxy
