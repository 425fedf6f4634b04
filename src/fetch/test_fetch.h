// For the tests of this room only: a server on loopback that follows a plan, DNS that follows another, and a client on
// a loop under a clock that the test moves. One thread: the test steps the servers while it turns the loop.
#pragma once

#include <algorithm>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include "event/test_loop.h"
#include "fetch/client.h"
#include "net/tcp.h"
#include "tls/test_server.h"

namespace portcullis::fetch {

constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

struct Plan {
  std::string reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  std::size_t piece = kAll;  // of the reply, sent at a step
  std::size_t cut = kAll;    // the connection ends after so many bytes of replies
  bool close = false;        // after a reply
  bool reset = false;        // instead of any other end
  int silent_from = 0;       // the request of a connection, from 1, that ends it without an answer; 0: none
  bool endless = false;      // the end of the reply, from `repeat_at` on, again and again
  std::size_t repeat_at = 0;
  bool answers = true;
  bool reads = true;
  const x509::Issued* identity = nullptr;  // TLS
  tls::TestServerOptions tls;
};

class PlannedServer {
 public:
  explicit PlannedServer(Plan what, const char* address = "127.0.0.1:0") : plan(std::move(what)) {
    auto made = net::listen_tcp(*Endpoint::parse(address));
    EXPECT_TRUE(made);
    if (made) listener_ = std::move(*made);
    endpoint = net::local_endpoint(listener_.get());
  }

  // Everything that can be done now, once.
  void step() {
    net::Accepted accepted;
    while (net::try_accept(listener_.get(), accepted) == net::AcceptState::kAccepted) {
      ++connections;
      auto session = std::make_unique<Session>();
      session->fd = std::move(accepted.fd);
      if (plan.identity != nullptr) {
        session->tls = std::make_unique<tls::TestServer>(std::move(session->fd), *plan.identity, plan.tls);
      }
      sessions_.push_back(std::move(session));
    }
    for (auto& session : sessions_) step(*session);
    std::erase_if(sessions_, [](const auto& session) { return session->over; });
  }
  std::string url(const std::string& path = "/") const {
    return (plan.identity == nullptr ? "http://" : "https://") + endpoint.to_string() + path;
  }
  std::string named_url(const std::string& host, const std::string& path = "/") const {
    return (plan.identity == nullptr ? "http://" : "https://") + host + ":" + std::to_string(endpoint.port) + path;
  }
  // To every connection, at once, whatever was asked.
  void say(std::string_view bytes) {
    for (auto& session : sessions_) put(*session, bytes);
  }
  void hang_up() { sessions_.clear(); }

  Plan plan;
  Endpoint endpoint;
  int connections = 0;
  std::vector<std::string> requests;

 private:
  struct Session {
    net::Fd fd;
    std::unique_ptr<tls::TestServer> tls;
    std::string received, out;
    std::size_t sent = 0;
    int asked = 0;
    bool over = false;
  };

  void step(Session& session) {
    if (plan.reads) read(session);
    while (!session.over && plan.answers && take_request(session)) {
      if (plan.silent_from != 0 && session.asked >= plan.silent_from) return end(session);
      session.out += plan.reply;
    }
    if (plan.endless && session.asked > 0 && session.out.size() < 256 * 1024) {
      while (session.out.size() < 512 * 1024) session.out += plan.reply.substr(plan.repeat_at);
    }
    const std::size_t most = std::min({session.out.size(), plan.piece, plan.cut - session.sent});
    const std::size_t put_now = most == 0 ? 0 : put(session, std::string_view(session.out).substr(0, most));
    session.out.erase(0, put_now);
    session.sent += put_now;
    if (session.asked > 0 && (session.sent == plan.cut || (plan.close && session.out.empty()))) end(session);
  }
  void read(Session& session) {
    if (session.tls != nullptr) {
      session.tls->step();
      session.received += std::exchange(session.tls->received(), {});
      if (!session.tls->open()) session.over = true;
      return;
    }
    char chunk[16 * 1024];
    for (;;) {
      const ssize_t got = ::recv(session.fd.get(), chunk, sizeof chunk, MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EAGAIN)) session.over = true;
      if (got <= 0) return;
      session.received.append(chunk, static_cast<std::size_t>(got));
    }
  }
  bool take_request(Session& session) {
    const std::size_t end = session.received.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    std::size_t size = end + 4;
    const std::size_t length = session.received.find("Content-Length: ");
    if (length < end) size += static_cast<std::size_t>(std::stoul(session.received.substr(length + 16)));
    if (session.received.size() < size) return false;
    requests.push_back(session.received.substr(0, size));
    session.received.erase(0, size);
    ++session.asked;
    return true;
  }
  std::size_t put(Session& session, std::string_view bytes) {
    if (session.tls != nullptr) {
      session.tls->write(bytes);
      return bytes.size();
    }
    const ssize_t put = ::send(session.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return put < 0 ? 0 : static_cast<std::size_t>(put);
  }
  void end(Session& session) {
    if (session.tls != nullptr && !plan.reset) session.tls->say_goodbye();
    if (session.tls == nullptr && plan.reset) {
      const linger now{1, 0};
      setsockopt(session.fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    session.over = true;
  }

  net::Fd listener_;
  std::vector<std::unique_ptr<Session>> sessions_;
};

inline event::Task<void> fetch_into(Client* client, Request request, event::Deadline deadline,
                                    Cancellation* cancellation, std::optional<Result<Response>>* out) {
  auto answer = co_await client->fetch(std::move(request), deadline, cancellation);
  *out = std::move(answer);
}

inline event::Task<void> shut_down_into(Client* client, bool* out) {
  co_await client->shut_down();
  *out = true;
}

struct FetchTest : event::ManualLoopTest {
  using Outcome = std::optional<Result<Response>>;

  ~FetchTest() override {
    if (client == nullptr) return;
    bool down = false;
    event::spawn(shut_down_into(client.get(), &down));
    EXPECT_TRUE(turn_until([&] { return down; }));
  }

  // Loopback is allowed, unless the test says otherwise.
  static AddressPolicy policy_of(const std::vector<std::string>& deny, const std::vector<std::string>& allow = {},
                                 std::vector<Endpoint> never = {}) {
    auto made = AddressPolicy::create(deny, allow, std::move(never));
    EXPECT_TRUE(made);
    return *made;
  }
  static ClientOptions loopback() {
    ClientOptions options;
    options.policy = policy_of({"link_local", "multicast"});
    return options;
  }
  Client& open(ClientOptions options = loopback()) {
    auto lookup = [this](std::string name, net::Resolver::Callback callback) { answer(name, std::move(callback)); };
    client = std::make_unique<Client>(*loop, std::move(lookup), std::move(options));
    return *client;
  }
  PlannedServer& serve(Plan plan = {}, const char* address = "127.0.0.1:0") {
    servers.push_back(std::make_unique<PlannedServer>(std::move(plan), address));
    return *servers.back();
  }

  static Request get(const std::string& url) {
    Request request;
    request.url = url;
    return request;
  }
  static Request post(const std::string& url, std::string body, bool repeatable = false) {
    Request request = get(url);
    request.method = Method::kPost;
    request.body = std::move(body);
    request.repeatable = repeatable;
    return request;
  }
  void start(Request request, Outcome& out, Cancellation* cancellation = nullptr) {
    event::spawn(fetch_into(client.get(), std::move(request), loop->in(std::chrono::seconds(30)), cancellation, &out));
  }
  void step() {
    for (auto& server : servers) server->step();
  }
  [[nodiscard]] bool finish(const Outcome& out) {
    return turn_until([&] {
      step();
      return out.has_value();
    });
  }
  Result<Response> fetch(Request request) {
    Outcome out;
    start(std::move(request), out);
    if (!finish(out)) return fail("test.hangs", "no outcome");
    return std::move(*out);
  }
  // "200 body" or the error's code.
  std::string outcome(Request request) { return describe(fetch(std::move(request))); }
  std::string outcome(const std::string& url) { return outcome(get(url)); }
  static std::string describe(const Result<Response>& got) {
    if (!got) return std::string(got.error().code);
    return std::to_string(got->head.status) + " " + got->body;
  }
  // Lets the loop and the servers take notice of what has happened.
  void settle() {
    for (int i = 0; i < 4; ++i) {
      step();
      turn();
    }
  }

  void answer(const std::string& name, const net::Resolver::Callback& callback) {
    lookups.push_back(name);
    if (dns_is_silent) return;
    auto& plan = dns[name];
    if (plan.empty()) return callback(fail("resolver.not_found", name + " does not exist", Origin::kUpstream));
    net::Resolved resolved;
    for (const std::string& text : plan.front()) resolved.addresses.push_back(*IpAddress::parse(text));
    if (plan.size() > 1) plan.pop_front();
    callback(std::move(resolved));
  }

  std::map<std::string, std::deque<std::vector<std::string>>> dns;  // the last answer stays
  bool dns_is_silent = false;
  std::vector<std::string> lookups;
  std::vector<std::unique_ptr<PlannedServer>> servers;
  std::unique_ptr<Client> client;
};

}  // namespace portcullis::fetch
