#include "fetch/client.h"

#include "fetch/test_fetch.h"

namespace portcullis::fetch {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ClientTest = FetchTest;

TEST_F(ClientTest, SendsOnePlainGet) {
  open();
  PlannedServer& server = serve();
  dns["ocsp.example.test"] = {{"127.0.0.1"}};
  Request request = get(server.named_url("OCSP.Example.test", "/a/../b?c=%2F"));
  request.fields.add("Accept", "application/ocsp-response");
  const auto got = fetch(std::move(request));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->head.status, 200);
  EXPECT_EQ(got->head.fields.get("Content-Length"), "2");
  EXPECT_EQ(got->body, "ok");
  EXPECT_EQ(got->from, server.endpoint);
  EXPECT_FALSE(got->reused);
  ASSERT_EQ(server.requests.size(), 1U);
  EXPECT_EQ(server.requests[0],
            "GET /b?c=%2F HTTP/1.1\r\nHost: ocsp.example.test:" + std::to_string(server.endpoint.port) +
                "\r\nUser-Agent: portcullis\r\nAccept-Encoding: identity\r\n"
                "Accept: application/ocsp-response\r\n\r\n");
  EXPECT_EQ(lookups, std::vector<std::string>{"ocsp.example.test"});
}

TEST_F(ClientTest, SendsOnePostWithItsBody) {
  open();
  PlannedServer& server = serve();
  std::string body(300'000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7);
  EXPECT_EQ(outcome(post(server.url("/q"), body)), "200 ok");
  ASSERT_EQ(server.requests.size(), 1U);
  EXPECT_EQ(server.requests[0].substr(0, 17), "POST /q HTTP/1.1\r");
  EXPECT_EQ(server.requests[0].substr(server.requests[0].find("\r\n\r\n") + 4), body);
  EXPECT_EQ(outcome(post(server.url(), "")), "200 ok");
  EXPECT_NE(server.requests[1].find("Content-Length: 0\r\n"), std::string::npos);
}

TEST_F(ClientTest, ABigBodyComesWhole) {
  open();
  std::string body(9'000'000, 'x');
  for (std::size_t i = 0; i < body.size(); i += 97) body[i] = static_cast<char>('a' + i % 26);
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  PlannedServer& server = serve({.reply = head + body});
  Request request = get(server.url());
  request.max_body = body.size();
  const auto got = fetch(std::move(request));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, body);
}

TEST_F(ClientTest, AnIpv6LiteralIsReached) {
  open();
  PlannedServer& server = serve({}, "[::1]:0");
  EXPECT_EQ(outcome(server.url()), "200 ok");
  EXPECT_NE(server.requests[0].find("Host: [::1]:"), std::string::npos);
}

TEST_F(ClientTest, ARedirectIsAnAnswerAndNotFollowed) {
  open();
  PlannedServer& target = serve();
  PlannedServer& server =
      serve({.reply = "HTTP/1.1 302 Found\r\nLocation: " + target.url() + "\r\nContent-Length: 5\r\n\r\nthere"});
  const auto got = fetch(get(server.url()));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(describe(got), "302 there");
  EXPECT_EQ(got->head.fields.get("Location"), target.url());
  settle();
  EXPECT_EQ(target.connections, 0);
}

TEST_F(ClientTest, RefusesRequestsThatItCannotSend) {
  open();
  PlannedServer& server = serve();
  for (const char* name : {"Host", "content-length", "Transfer-Encoding", "Connection", "TE", "Trailer", "Upgrade",
                           "Expect", "User-Agent", "Accept-Encoding"}) {
    Request request = get(server.url());
    request.fields.add(name, "x");
    EXPECT_EQ(outcome(std::move(request)), "fetch.bad_request") << name;
  }
  Request split = get(server.url());
  split.fields.add("X", "a\r\nY: b");
  EXPECT_EQ(outcome(std::move(split)), "fetch.bad_request");
  Request body = get(server.url());
  body.body = "x";
  EXPECT_EQ(outcome(std::move(body)), "fetch.bad_request");
  for (const std::size_t max_head : {0U, 65'537U}) {
    Request limits = get(server.url());
    limits.max_head = max_head;
    EXPECT_EQ(outcome(std::move(limits)), "fetch.bad_request") << max_head;
  }
  EXPECT_EQ(outcome("gopher://a.test/"), "fetch.bad_url");
  EXPECT_EQ(outcome("https://127.0.0.1/"), "fetch.tls") << "no TLS context";
  settle();
  EXPECT_EQ(server.connections, 0);
}

TEST_F(ClientTest, ANameWithoutAddressOrAnswerIsAnError) {
  open();
  EXPECT_EQ(outcome("http://nobody.test/"), "fetch.unresolved");
  dns["empty.test"] = {{}};
  EXPECT_EQ(outcome("http://empty.test/"), "fetch.unresolved");
  dns_is_silent = true;
  Outcome out;
  start(get("http://silent.test/"), out);
  turns(3);
  EXPECT_FALSE(out);
  pass(seconds(31));
  ASSERT_TRUE(out);
  EXPECT_EQ(describe(*out), "fetch.timeout");
  EXPECT_TRUE(out->error().retry_safe);
}

TEST_F(ClientTest, AnAddressThatRefusesLeavesItToTheNext) {
  open();
  PlannedServer& server = serve();
  dns["two.test"] = {{"127.0.0.2", "127.0.0.1"}};
  EXPECT_EQ(outcome(server.named_url("two.test")), "200 ok");
  dns["none.test"] = {{"127.0.0.2", "127.0.0.3"}};
  const auto got = fetch(get(server.named_url("none.test")));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, "fetch.unreachable");
  EXPECT_TRUE(got.error().retry_safe);
  EXPECT_NE(got.error().message.find("none.test"), std::string::npos);
}

TEST_F(ClientTest, AnAddressThatIsSilentLeavesTimeForTheNext) {
  open();
  PlannedServer& server = serve();
  // A listener whose queue is full takes no connection and refuses none.
  net::Fd deaf(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  sockaddr_storage address;
  const Endpoint at{*IpAddress::parse("127.0.0.2"), server.endpoint.port};
  const socklen_t size = at.to_sockaddr(address);
  ASSERT_EQ(::bind(deaf.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(deaf.get(), 0), 0);
  std::vector<net::Fd> filling;
  for (int i = 0; i < 4; ++i) {
    filling.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    ::connect(filling.back().get(), reinterpret_cast<sockaddr*>(&address), size);
  }
  dns["half.test"] = {{"127.0.0.2", "127.0.0.1"}};
  Outcome out;
  start(get(server.named_url("half.test")), out);
  settle();
  EXPECT_FALSE(out);
  pass(milliseconds(15'100));
  ASSERT_TRUE(finish(out));
  EXPECT_EQ(describe(*out), "200 ok");

  Outcome late;
  start(get("http://127.0.0.2:" + std::to_string(server.endpoint.port)), late);
  settle();
  EXPECT_FALSE(late);
  pass(seconds(31));
  ASSERT_TRUE(late);
  EXPECT_EQ(describe(*late), "fetch.timeout");
}

TEST_F(ClientTest, KeepsAConnectionForTheNextFetchFromTheSameOrigin) {
  open();
  PlannedServer& server = serve();
  dns["a.test"] = dns["b.test"] = {{"127.0.0.1"}};
  EXPECT_EQ(outcome(server.named_url("a.test")), "200 ok");
  EXPECT_EQ(client->idle(), 1U);
  const auto again = fetch(get(server.named_url("a.test", "/other")));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->reused);
  EXPECT_EQ(server.connections, 1);
  EXPECT_EQ(lookups.size(), 1U);
  EXPECT_EQ(outcome(server.named_url("b.test")), "200 ok");
  EXPECT_EQ(server.connections, 2) << "another name is another origin, also at the same address";
  EXPECT_EQ(client->stats().reused, 1U);
  EXPECT_EQ(client->stats().connections, 2U);
}

TEST_F(ClientTest, KeepsNoConnectionThatCannotBeUsedAgain) {
  open();
  for (const char* reply : {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
                            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
                            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200"}) {
    PlannedServer& server = serve({.reply = reply});
    EXPECT_EQ(outcome(server.url()), "200 ok") << reply;
    EXPECT_EQ(client->idle(), 0U) << reply;
  }
}

TEST_F(ClientTest, NeverTakesBytesOfAnIdleConnectionForAnAnswer) {
  open();
  PlannedServer& server = serve();
  EXPECT_EQ(outcome(server.url()), "200 ok");
  server.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  settle();
  const auto got = fetch(get(server.url()));
  EXPECT_EQ(describe(got), "200 ok");
  EXPECT_EQ(server.connections, 2);
}

TEST_F(ClientTest, TheIdlePoolIsBounded) {
  ClientOptions options = loopback();
  options.idle_per_origin = 2;
  options.idle_total = 3;
  options.idle_timeout = seconds(10);
  open(std::move(options));
  std::vector<std::unique_ptr<Outcome>> outs;
  for (PlannedServer* server : {&serve(), &serve()}) {
    for (int i = 0; i < 4; ++i) {
      outs.push_back(std::make_unique<Outcome>());
      start(get(server->url()), *outs.back());
    }
  }
  for (const auto& out : outs) {
    ASSERT_TRUE(finish(*out));
    EXPECT_EQ(describe(**out), "200 ok");
  }
  EXPECT_EQ(client->idle(), 3U);
  pass(seconds(11));
  EXPECT_EQ(client->idle(), 0U);
}

TEST_F(ClientTest, AConnectionThatTheServerClosesWhileIdleIsGone) {
  open();
  PlannedServer& server = serve();
  EXPECT_EQ(outcome(server.url()), "200 ok");
  server.hang_up();
  settle();
  EXPECT_EQ(client->idle(), 0U);
  EXPECT_EQ(outcome(server.url()), "200 ok");
  EXPECT_EQ(client->stats().repeated, 0U);
}

TEST_F(ClientTest, RepeatsOnAFreshConnectionOnlyWhatMayBeRepeated) {
  for (const bool reset : {false, true}) {
    open();
    const auto stale = [&]() -> PlannedServer& {
      PlannedServer& server = serve({.reset = reset});
      EXPECT_EQ(outcome(server.url()), "200 ok");
      server.plan.silent_from = 2;
      return server;
    };
    PlannedServer& get_server = stale();
    EXPECT_EQ(outcome(get_server.url()), "200 ok");
    EXPECT_EQ(get_server.connections, 2);
    PlannedServer& safe_server = stale();
    EXPECT_EQ(outcome(post(safe_server.url(), "q", true)), "200 ok");
    EXPECT_EQ(client->stats().repeated, 2U);
    PlannedServer& unsafe_server = stale();
    const auto got = fetch(post(unsafe_server.url(), "q"));
    EXPECT_EQ(describe(got), "fetch.closed");
    EXPECT_FALSE(got.error().retry_safe);
    EXPECT_EQ(unsafe_server.connections, 1);
    EXPECT_EQ(client->stats().repeated, 2U);
    bool down = false;
    event::spawn(shut_down_into(client.get(), &down));
    ASSERT_TRUE(turn_until([&] { return down; }));
  }
}

TEST_F(ClientTest, RepeatsOnceAndNeverAfterAByteOfTheAnswer) {
  open();
  PlannedServer& server = serve();
  EXPECT_EQ(outcome(server.url()), "200 ok");
  server.plan.silent_from = 1;
  EXPECT_EQ(outcome(server.url()), "fetch.closed");
  EXPECT_EQ(server.connections, 2) << "the kept one and one more";

  PlannedServer& cut = serve();
  EXPECT_EQ(outcome(cut.url()), "200 ok");
  cut.plan.cut = cut.plan.reply.size() + 1;
  EXPECT_EQ(outcome(cut.url()), "fetch.closed");
  EXPECT_EQ(cut.connections, 1);
}

TEST_F(ClientTest, BoundsHowManyAreUnderWay) {
  ClientOptions options = loopback();
  options.in_flight = 2;
  open(std::move(options));
  PlannedServer& server = serve({.answers = false});
  Outcome first, second;
  start(get(server.url()), first);
  start(get(server.url()), second);
  settle();
  EXPECT_EQ(client->in_flight(), 2U);
  EXPECT_EQ(outcome(server.url()), "fetch.overloaded");
  server.plan.answers = true;
  ASSERT_TRUE(finish(first) && finish(second));
  EXPECT_EQ(outcome(server.url()), "200 ok");
}

TEST_F(ClientTest, ACancelledFetchEndsWhereverItStands) {
  open();
  dns["a.test"] = {{"127.0.0.1"}};
  Outcome out;
  int cancelled = 0;
  for (int turns_before = 0;; ++turns_before) {
    PlannedServer& server = serve({.piece = 1});
    Cancellation cancellation;
    out.reset();
    start(get(server.named_url("a.test")), out, &cancellation);
    for (int i = 0; i < turns_before && !out; ++i) {
      step();
      turn();
    }
    if (out) break;
    cancellation.cancel();
    ASSERT_TRUE(finish(out));
    EXPECT_EQ(describe(*out), "fetch.cancelled") << "after " << turns_before << " turns";
    EXPECT_EQ(client->in_flight(), 0U);
    EXPECT_EQ(client->idle(), 0U);
    ++cancelled;
    servers.clear();
  }
  EXPECT_EQ(describe(*out), "200 ok");
  EXPECT_GT(cancelled, 30) << "a name, a connection and one byte of the answer a turn";
}

TEST_F(ClientTest, AFetchThatIsCancelledBeforeItBeginsConnectsNowhere) {
  open();
  PlannedServer& server = serve();
  Cancellation cancellation;
  cancellation.cancel();
  Outcome out;
  start(get(server.url()), out, &cancellation);
  ASSERT_TRUE(finish(out));
  EXPECT_EQ(describe(*out), "fetch.cancelled");
  settle();
  EXPECT_EQ(server.connections, 0);
}

TEST_F(ClientTest, ShuttingDownEndsWhateverIsUnderWayAndTakesNothingNew) {
  dns["a.test"] = {{"127.0.0.1"}};
  for (int turns_before = 0; turns_before < 12; ++turns_before) {
    open();
    PlannedServer& server = serve({.piece = 1});
    Outcome one, two;
    start(get(server.named_url("a.test")), one);
    for (int i = 0; i < turns_before; ++i) {
      step();
      turn();
    }
    start(get(server.url()), two);
    bool down = false;
    event::spawn(shut_down_into(client.get(), &down));
    ASSERT_TRUE(turn_until([&] { return down; }));
    ASSERT_TRUE(one && two);
    EXPECT_EQ(describe(*one), "fetch.cancelled");
    EXPECT_EQ(describe(*two), "fetch.cancelled");
    EXPECT_EQ(outcome(server.url()), "fetch.cancelled");
    EXPECT_EQ(client->idle(), 0U);
  }
}

TEST_F(ClientTest, AsksTheMachinesResolver) {
  auto resolver = net::Resolver::create({milliseconds(50), 1, "127.0.0.1:9"});  // /etc/hosts knows the name
  ASSERT_TRUE(resolver);
  client = std::make_unique<Client>(*loop, **resolver, loopback());
  PlannedServer& server = serve();
  EXPECT_EQ(outcome(server.named_url("localhost")), "200 ok");
  client->set_policy({});
  EXPECT_EQ(outcome(server.named_url("localhost")), "fetch.address_denied");
}

// The resolver may answer when nobody waits any more.
TEST_F(ClientTest, AnAnswerOfDnsThatComesTooLateIsDropped) {
  net::Resolver::Callback kept;
  ClientOptions options = loopback();
  client = std::make_unique<Client>(
      *loop, [&](std::string, net::Resolver::Callback callback) { kept = std::move(callback); }, std::move(options));
  Outcome out;
  start(get("http://a.test/"), out);
  pass(seconds(31));
  ASSERT_TRUE(out);
  EXPECT_EQ(describe(*out), "fetch.timeout");
  kept(net::Resolved{{*IpAddress::parse("127.0.0.1")}, seconds(1)});
  turns(3);
  kept = nullptr;
  EXPECT_EQ(client->stats().connections, 0U);
}

}  // namespace
}  // namespace portcullis::fetch
