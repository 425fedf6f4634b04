#include "server/reviewer.h"

#include <list>

#include <gtest/gtest.h>

#include "clientauth/test_policies.h"
#include "event/test_loop.h"

namespace portcullis::server {
namespace {

using clientauth::kNow;
using clientauth::Mode;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Standing = LiveConnection::Standing;

// The PKI of the rooms below, without their fixture's life.
struct Certificates : clientauth::PolicyTest {
  void TestBody() override {}
  clientauth::ClientPolicy trusting(const std::vector<std::string>& pems) {
    clientauth::ClientPolicy made = policy(Mode::kStrict);
    made.anchors = trust(pems);
    return made;
  }
};

// What goes on for as long as it is told well.
struct Tunnel final : proxy::Admitted {
  using Admitted::Admitted;
  void judged_again(const clientauth::Verdict& verdict) override { told.push_back(verdict.reason_code); }
  std::vector<std::string_view> told;
};

struct ReviewerTest : event::ManualLoopTest {
  struct Client {
    LiveConnection live;
    bool ended = false;
  };

  void SetUp() override {
    clock.set_wall(kNow);
    turn();
    telemetry::AccessLogSink::Options off;
    off.path = "off";
    auto sink = telemetry::AccessLogSink::open(off);
    ASSERT_TRUE(sink);
    access_log = std::move(*sink);
    services = std::make_unique<proxy::Services>(*loop, buffers, pool, h2_pool, balancer, proxy_counters,
                                                 access_log->producer());
    rate.configure(1'000'000);
    reviewer = std::make_unique<Reviewer>(*loop, *services, rate, counters, [this] { ++rests; });
    publish(certificates.policy(Mode::kStrict));
  }
  void TearDown() override {
    while (!clients.empty()) leave(clients.front());
    EXPECT_TRUE(turn_until([&] { return !reviewer->walking(); }));
    reviewer.reset();
    h2_pool.close({});
    for (int i = 0; i < 5 && !h2_pool.closed(); ++i) turn();
  }

  // A snapshot with one strict listener.
  void publish(clientauth::ClientPolicy policy) {
    snapshot::Listener listener;
    listener.name = "strict";
    listener.gateway = "gw";
    auto verifier = std::make_shared<clientauth::Verifier>(std::move(policy), known);
    listener.trust = verifier->trust();
    listener.verifier = std::move(verifier);
    auto address = std::make_unique<snapshot::Address>();
    address->local = *Endpoint::parse("127.0.0.1:443");
    address->https = true;
    address->hosts = *routing::HostTable::build({{{}, 1}});
    address->listeners.push_back(std::move(listener));
    auto made = std::make_shared<snapshot::Snapshot>();
    made->addresses.push_back(std::move(address));
    made->generation = ++generation;
    services->snapshot = made;
  }
  void republish(clientauth::ClientPolicy policy) {
    publish(std::move(policy));
    reviewer->review(Review{});
  }

  Client& accept() {
    Client& client = clients.emplace_back();
    proxy::ClientConnection& connection = client.live.connection;
    connection.id = ++ids;
    connection.snapshot = services->snapshot;
    connection.address = services->snapshot->addresses.front().get();
    client.live.control.asked();
    client.live.control.set_on_drain([&client] { client.ended = true; });
    reviewer->enter(client.live);
    return client;
  }
  void shake_hands(Client& client, const x509::Issued* who) {
    proxy::ClientConnection& connection = client.live.connection;
    connection.listener = &connection.address->listeners.front();
    const auto& verifier = connection.listener->verifier;
    std::shared_ptr<const tls::PeerState> peer;
    if (who != nullptr) {
      peer = std::const_pointer_cast<clientauth::Verifier>(verifier)->judge(who->presented(), loop->wall_now());
    }
    connection.admission = clientauth::Admission(peer, verifier);
    reviewer->handshake_done(client.live);
  }
  Client& connect(const x509::Issued* who) {
    Client& client = accept();
    shake_hands(client, who);
    return client;
  }
  void leave(Client& client) {
    reviewer->leave(client.live);
    clients.remove_if([&](const Client& one) { return &one == &client; });
  }
  // Every walk is over, and what had its turn is ended.
  void settle() {
    EXPECT_TRUE(turn_until([&] { return !reviewer->walking(); }));
    for (int i = 0; i < 20; ++i) pass(milliseconds(10));
  }
  std::size_t ended() const {
    return static_cast<std::size_t>(
        std::count_if(clients.begin(), clients.end(), [](const Client& one) { return one.ended; }));
  }

  Certificates certificates;
  telemetry::Registry registry;
  proxy::Counters proxy_counters{registry};
  ReviewCounters counters{registry};
  net::BufferPool buffers;
  upstream::ConnectionPool pool{*loop};
  upstream::H2Pool h2_pool{*loop, buffers};
  upstream::Balancer balancer;
  std::unique_ptr<telemetry::AccessLogSink> access_log;
  std::unique_ptr<proxy::Services> services;
  std::shared_ptr<clientauth::ChainCache> known = std::make_shared<clientauth::ChainCache>();
  ClosureRate rate;
  std::list<Client> clients;
  std::unique_ptr<Reviewer> reviewer;
  std::uint64_t generation = 0, ids = 0;
  int rests = 0;
};

TEST_F(ReviewerTest, TrustThatIsWithdrawnEndsWhoCameByIt) {
  Client& good = connect(&certificates.good);
  Client& stranger = connect(&certificates.stranger);
  republish(certificates.trusting({certificates.root.pem() + certificates.ca.pem(), certificates.other_root.pem()}));
  settle();
  EXPECT_EQ(ended(), 0U) << "both are trusted now";
  republish(certificates.trusting({certificates.other_root.pem()}));
  settle();
  EXPECT_TRUE(good.ended);
  EXPECT_TRUE(good.live.control.refused());
  EXPECT_FALSE(stranger.ended);
  EXPECT_EQ(counters.trust.value(), 1U);
  EXPECT_EQ(counters.expiry.value() + counters.revocation.value(), 0U);
}

TEST_F(ReviewerTest, TrustThatStaysJudgesNobody) {
  for (int i = 0; i < 50; ++i) connect(&certificates.good);
  connect(nullptr);
  republish(certificates.policy(Mode::kStrict));
  settle();
  EXPECT_EQ(counters.judged.value(), 0U);
  EXPECT_EQ(ended(), 0U) << "not even the client that is refused anyway";
  for (const Client& client : clients) EXPECT_EQ(client.live.connection.snapshot, services->snapshot);
}

TEST_F(ReviewerTest, AWalkGivesWayToOtherWork) {
  for (int i = 0; i < 1'000; ++i) connect(&certificates.good);
  republish(certificates.trusting({certificates.other_root.pem()}));
  int turns_taken = 1;
  for (std::uint64_t before = 0; reviewer->walking(); ++turns_taken) {
    EXPECT_LE(counters.judged.value() - before, 2 * Reviewer::kJudgedPerTurn);
    before = counters.judged.value();
    turn();
  }
  EXPECT_GE(turns_taken, 1'000 / 16);
  EXPECT_EQ(counters.judged.value(), 1'000U);
  for (int i = 0; i < 5; ++i) settle();
  EXPECT_EQ(ended(), 1'000U);
}

TEST_F(ReviewerTest, NoSecondEndsMoreThanConfigured) {
  rate.configure(10);
  for (int i = 0; i < 35; ++i) connect(&certificates.good);
  republish(certificates.trusting({certificates.other_root.pem()}));
  ASSERT_TRUE(turn_until([&] { return !reviewer->walking(); }));
  std::size_t before = 0;
  for (int second = 0; second < 4; ++second) {
    for (int i = 0; i < 100; ++i) pass(milliseconds(10));
    EXPECT_LE(ended() - before, 10U);
    EXPECT_GE(ended() - before, second < 3 ? 9U : 5U);
    before = ended();
  }
  EXPECT_EQ(ended(), 35U);
}

TEST_F(ReviewerTest, TrustThatComesBackInTimeSparesWhoStillWaits) {
  rate.configure(1);
  for (int i = 0; i < 5; ++i) connect(&certificates.good);
  republish(certificates.trusting({certificates.other_root.pem()}));
  settle();
  EXPECT_EQ(ended(), 1U);
  republish(certificates.policy(Mode::kStrict));
  for (int i = 0; i < 10; ++i) pass(seconds(1));
  EXPECT_EQ(ended(), 1U);
  republish(certificates.trusting({certificates.other_root.pem()}));
  for (int i = 0; i < 10; ++i) pass(seconds(1));
  EXPECT_EQ(ended(), 5U) << "and they are judged like any other later";
}

TEST_F(ReviewerTest, WhoLeavesDuringAReviewIsSteppedOver) {
  rate.configure(20);
  for (int i = 0; i < 100; ++i) connect(&certificates.good);
  republish(certificates.trusting({certificates.other_root.pem()}));
  for (int round = 0; round < 45; ++round) {
    leave(clients.front());
    leave(clients.back());
    pass(milliseconds(16));
  }
  for (int i = 0; i < 10; ++i) pass(seconds(1));
  EXPECT_EQ(ended(), 10U);
  EXPECT_EQ(clients.size(), 10U);
}

TEST_F(ReviewerTest, AHandshakeThatWasUnderWayIsNotForgotten) {
  Client& old = accept();
  const auto before = services->snapshot;
  republish(certificates.trusting({certificates.other_root.pem()}));
  settle();
  Client& fresh = accept();
  shake_hands(old, &certificates.good);
  shake_hands(fresh, &certificates.good);
  settle();
  EXPECT_TRUE(old.ended) << "admitted under rules that were not in force any more";
  EXPECT_FALSE(fresh.ended) << "refused by the gate, which tells the client why";
}

TEST_F(ReviewerTest, AnAdmissionEndsWhenTheLeafExpires) {
  Client& dying = connect(&certificates.dying);  // in an hour
  Client& good = connect(&certificates.good);
  for (int i = 0; i < 59; ++i) pass(minutes(1));
  for (int i = 0; i < 59; ++i) pass(seconds(1));
  EXPECT_FALSE(dying.ended);
  pass(milliseconds(1'000));
  pass(milliseconds(20));
  pass(milliseconds(20));
  EXPECT_TRUE(dying.ended);
  EXPECT_FALSE(good.ended);
  EXPECT_EQ(counters.expiry.value(), 1U);
}

TEST_F(ReviewerTest, AnAdmissionEndsWhenACaAboveExpires) {
  const x509::Issued ca =
      certificates.pki.intermediate("Dying CA", certificates.root, {.not_after = kNow + minutes(10)});
  const x509::Issued leaf = certificates.pki.leaf("below", ca);
  Client& client = connect(&leaf);
  for (int i = 0; i < 9; ++i) pass(minutes(1));
  EXPECT_FALSE(client.ended);
  for (int i = 0; i < 3; ++i) pass(seconds(30));
  pass(milliseconds(20));
  EXPECT_TRUE(client.ended);
}

TEST_F(ReviewerTest, AClockThatIsSetForwardIsNoticed) {
  Client& dying = connect(&certificates.dying);
  clock.set_wall(kNow + hours(2));
  for (int i = 0; i < 7; ++i) pass(seconds(10));
  settle();
  EXPECT_TRUE(dying.ended);
}

TEST_F(ReviewerTest, TheExpiryOfManyIsNoStallAndForgetsThoseWhoLeft) {
  for (int i = 0; i < 300; ++i) connect(&certificates.dying);
  pass(minutes(59));
  pass(seconds(30));
  settle();
  for (int i = 0; i < 100; ++i) leave(clients.front());
  pass(seconds(30));
  EXPECT_LE(counters.judged.value(), 2 * Reviewer::kEndedPerTurn);
  settle();
  EXPECT_EQ(ended(), 200U);
}

TEST_F(ReviewerTest, NewsJudgesWhomItConcerns) {
  Client& good = connect(&certificates.good);
  connect(&certificates.dying);
  Review news;
  news.cause = Review::Cause::kRevocation;
  news.concerns = [&](const proxy::ClientConnection& connection) { return connection.id == good.live.connection.id; };
  reviewer->review(news);
  settle();
  EXPECT_EQ(counters.judged.value(), 1U);
  EXPECT_EQ(ended(), 0U) << "the verdict decides, not the news";
}

TEST_F(ReviewerTest, TunnelsAreTold) {
  Client& client = connect(&certificates.good);
  Tunnel first(client.live.connection), second(client.live.connection);
  { const Tunnel gone(client.live.connection); }
  republish(certificates.policy(Mode::kStrict));
  settle();
  EXPECT_EQ(first.told, std::vector<std::string_view>{""}) << "its Host may have got another trust";
  republish(certificates.trusting({certificates.other_root.pem()}));
  // A request on the same connection asks first.
  client.live.connection.adopt(services->snapshot);
  EXPECT_EQ(verdict_of(client.live.connection.admission).reason_code, x509::kReasonUntrustedIssuer);
  settle();
  EXPECT_EQ(first.told, (std::vector<std::string_view>{"", x509::kReasonUntrustedIssuer}));
  EXPECT_EQ(second.told, first.told);
  EXPECT_TRUE(client.ended);
}

TEST_F(ReviewerTest, SaysWhenItIsAtRest) {
  connect(&certificates.good);
  republish(certificates.policy(Mode::kStrict));
  republish(certificates.trusting({certificates.other_root.pem()}));
  settle();
  EXPECT_GE(rests, 1);
  EXPECT_FALSE(reviewer->walking());
}

}  // namespace
}  // namespace portcullis::server
