#include "net/resolver.h"

#include <condition_variable>
#include <mutex>
#include <optional>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "net/fd.h"
#include "net/tcp.h"

namespace portcullis::net {
namespace {

using std::chrono::milliseconds;

// Hands one answer from the resolver's thread to the test's.
class Answer {
 public:
  Resolver::Callback callback() {
    return [this](Result<Resolved> result) {
      const std::lock_guard lock(mutex_);
      ++calls_;
      result_ = std::move(result);
      came_.notify_all();
    };
  }
  Result<Resolved> wait() {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, std::chrono::seconds(20), [this] { return result_.has_value(); })) {
      return fail("test.no_answer", "the callback was never called");
    }
    return *result_;
  }
  int calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::optional<Result<Resolved>> result_;
  int calls_ = 0;
};

// A name server on loopback that the test plays by hand.
class NameServer {
 public:
  NameServer() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_storage address;
    const auto size = Endpoint{*IpAddress::parse("127.0.0.1"), 0}.to_sockaddr(address);
    bound_ = fd_ && ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0;
    timeval patience{20, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  bool ok() const { return bound_; }
  std::string address() const { return local_endpoint(fd_.get()).to_string(); }

  // Answers one question with `rdata` records of its type (none: NODATA) or with `rcode`.
  void answer_one(const std::vector<std::string>& v4, const std::vector<std::string>& v6, std::uint32_t ttl,
                  std::uint8_t rcode = 0) {
    char query[512];
    sockaddr_storage from{};
    socklen_t from_size = sizeof from;
    const ssize_t got = recvfrom(fd_.get(), query, sizeof query, 0, reinterpret_cast<sockaddr*>(&from), &from_size);
    ASSERT_GT(got, 12);
    std::size_t end = 12;
    while (query[end] != 0) end += static_cast<std::size_t>(query[end]) + 1;
    const bool is_v6 = query[end + 2] == 28;
    const auto& records = is_v6 ? v6 : v4;
    std::string reply(query, end + 5);
    const char flags[] = {'\x81', static_cast<char>(0x80 | rcode), 0, 1, 0, static_cast<char>(records.size()), 0, 0, 0,
                          0};
    reply.replace(2, sizeof flags, flags, sizeof flags);
    for (const std::string& text : records) {
      const IpAddress address = *IpAddress::parse(text);
      reply.append("\xc0\x0c\x00", 3).push_back(is_v6 ? 28 : 1);
      reply.append("\x00\x01", 2);
      for (int shift = 24; shift >= 0; shift -= 8) reply.push_back(static_cast<char>(ttl >> shift));
      reply.push_back(0);
      reply.push_back(is_v6 ? 16 : 4);
      reply.append(address.bytes());
    }
    sendto(fd_.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), from_size);
  }

 private:
  Fd fd_;
  bool bound_ = false;
};

std::unique_ptr<Resolver> resolver_at(const std::string& servers, milliseconds timeout) {
  auto made = Resolver::create({timeout, 1, servers});
  EXPECT_TRUE(made) << made.error().message;
  return made ? std::move(*made) : nullptr;
}

std::vector<std::string> texts(const Resolved& resolved) {
  std::vector<std::string> out;
  for (const auto& address : resolved.addresses) out.push_back(address.to_string());
  return out;
}

TEST(Resolver, FindsLocalhostWithoutANetwork) {
  NameServer silent;
  ASSERT_TRUE(silent.ok());
  Answer answer;
  const auto resolver = resolver_at(silent.address(), milliseconds(50));
  resolver->resolve("localhost", answer.callback());
  const auto result = answer.wait();
  ASSERT_TRUE(result) << result.error().message;
  for (const auto& address : result->addresses) EXPECT_TRUE(address.is_loopback()) << address.to_string();
}

TEST(Resolver, GivesBothFamiliesOnceSortedWithTheSmallestTtl) {
  NameServer server;
  ASSERT_TRUE(server.ok());
  Answer answer;
  const auto resolver = resolver_at(server.address(), milliseconds(15000));
  resolver->resolve("backend.example.test", answer.callback());
  for (int question = 0; question < 2; ++question) {
    server.answer_one({"192.0.2.9", "192.0.2.1", "192.0.2.9"}, {"2001:db8::1"}, 42);
  }
  const auto result = answer.wait();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(texts(*result), (std::vector<std::string>{"192.0.2.1", "192.0.2.9", "2001:db8::1"}));
  EXPECT_EQ(result->ttl, std::chrono::seconds(42));
}

TEST(Resolver, BoundsTheNumberOfAddresses) {
  NameServer server;
  ASSERT_TRUE(server.ok());
  Answer answer;
  std::vector<std::string> many;
  for (int i = 1; i <= 70; ++i) many.push_back("192.0.2." + std::to_string(i));
  const auto resolver = resolver_at(server.address(), milliseconds(15000));
  resolver->resolve("many.example.test", answer.callback());
  for (int question = 0; question < 2; ++question) server.answer_one(many, {}, 5);
  const auto result = answer.wait();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->addresses.size(), Resolver::kMaxAddresses);
}

TEST(Resolver, SaysThatANameHasNoAddress) {
  for (const std::uint8_t rcode : {3, 0}) {  // NXDOMAIN, and a name without A or AAAA
    NameServer server;
    ASSERT_TRUE(server.ok());
    Answer answer;
    const auto resolver = resolver_at(server.address(), milliseconds(15000));
    // The trailing dot keeps the machine's search list out.
    resolver->resolve("nobody.example.test.", answer.callback());
    for (int question = 0; question < 2; ++question) server.answer_one({}, {}, 5, rcode);
    const auto result = answer.wait();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, "resolver.not_found") << int(rcode);
  }
}

TEST(Resolver, GivesUpOnASilentNameServer) {
  NameServer silent;
  ASSERT_TRUE(silent.ok());
  Answer answer;
  const auto resolver = resolver_at(silent.address(), milliseconds(40));
  resolver->resolve("unresolvable.invalid.", answer.callback());
  const auto result = answer.wait();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "resolver.timeout");
}

TEST(Resolver, RefusesWhatIsNoName) {
  NameServer silent;
  ASSERT_TRUE(silent.ok());
  const auto resolver = resolver_at(silent.address(), milliseconds(40));
  const std::vector<std::string> names{std::string("localhost\0.evil.test", 20), std::string(300, 'a'), "a..b"};
  for (const std::string& name : names) {
    Answer answer;
    resolver->resolve(name, answer.callback());
    const auto result = answer.wait();
    ASSERT_FALSE(result) << name;
    EXPECT_NE(result.error().code, "test.no_answer") << name;
  }
}

TEST(Resolver, EndsQueriesInFlightAndQueuedWhenDestroyed) {
  NameServer silent;
  ASSERT_TRUE(silent.ok());
  std::vector<std::unique_ptr<Answer>> answers;
  auto resolver = resolver_at(silent.address(), milliseconds(60000));
  for (int i = 0; i < 100; ++i) {
    answers.push_back(std::make_unique<Answer>());
    resolver->resolve("n" + std::to_string(i) + ".invalid.", answers.back()->callback());
  }
  resolver.reset();
  for (const auto& answer : answers) {
    ASSERT_EQ(answer->calls(), 1);
    EXPECT_EQ(answer->wait().error().code, "resolver.cancelled");
  }
}

TEST(Resolver, RefusesNameServersThatAreNone) {
  const auto made = Resolver::create({milliseconds(40), 1, "not an address"});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, "resolver.open");
}

}  // namespace
}  // namespace portcullis::net
