#include "net/resolver.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include <ares.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "base/strings.h"
#include "base/thread.h"
#include "net/fd.h"

namespace portcullis::net {

namespace {

constexpr std::size_t kMaxInFlight = 64;  // a configuration of thousands of names must not flood the name server

tl::unexpected<Error> query_failed(const std::string& name, int status) {
  const std::string shown = printable(name);
  switch (status) {
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_EBADNAME:
      return fail("resolver.not_found", "the name " + shown + " has no address; check its spelling and its DNS records",
                  Origin::kUpstream, true);
    case ARES_ETIMEOUT:
      return fail("resolver.timeout", "no name server answered for " + shown + " in time", Origin::kUpstream, true);
    case ARES_ECANCELLED:
    case ARES_EDESTRUCTION:
      return fail("resolver.cancelled", "the query for " + shown + " was ended by the gateway", Origin::kGateway, true);
    default:
      return fail("resolver.failed", "cannot resolve " + shown + ": " + ares_strerror(status), Origin::kUpstream, true);
  }
}

std::optional<IpAddress> address_of(const ares_addrinfo_node& node) {
  if (node.ai_addr == nullptr || (node.ai_family != AF_INET && node.ai_family != AF_INET6)) return std::nullopt;
  sockaddr_storage storage{};
  std::memcpy(&storage, node.ai_addr, std::min<std::size_t>(node.ai_addrlen, sizeof storage));
  return Endpoint::from_sockaddr(storage).address;
}

Resolved resolved_from(const ares_addrinfo& info) {
  Resolved resolved;
  int ttl = std::numeric_limits<int>::max();
  for (const auto* node = info.nodes; node != nullptr; node = node->ai_next) {
    const auto address = address_of(*node);
    if (!address) continue;
    resolved.addresses.push_back(*address);
    ttl = std::min(ttl, node->ai_ttl);
  }
  for (const auto* cname = info.cnames; cname != nullptr; cname = cname->next) ttl = std::min(ttl, cname->ttl);
  // Name servers rotate their answers: sorted, the same set is the same value. IPv4 compares below IPv6.
  std::sort(resolved.addresses.begin(), resolved.addresses.end());
  resolved.addresses.erase(std::unique(resolved.addresses.begin(), resolved.addresses.end()), resolved.addresses.end());
  if (resolved.addresses.size() > Resolver::kMaxAddresses) resolved.addresses.resize(Resolver::kMaxAddresses);
  resolved.ttl = std::chrono::seconds(std::max(ttl, 0));
  return resolved;
}

}  // namespace

struct Resolver::Channel {
  struct Query {
    Channel* channel;
    std::string name;
    Callback callback;
  };

  ~Channel();
  Result<void> open(const ResolverOptions& options);
  void wake() const;
  void run();
  bool start_queued();
  void wait_and_process();
  void cancel_all();
  static void on_socket_state(void* self, ares_socket_t socket, int readable, int writable);
  static void on_answer(void* query, int status, int timeouts, ares_addrinfo* info);

  Fd wake_fd;
  ares_channel ares = nullptr;
  std::map<ares_socket_t, short> sockets;  // what poll() waits for; resolver's thread only
  std::size_t in_flight = 0;               // resolver's thread only
  std::mutex mutex;
  std::deque<Query> queued;  // guarded by mutex
  bool stopping = false;     // guarded by mutex
  std::thread thread;
};

Resolver::Channel::~Channel() {
  if (thread.joinable()) {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    wake();
    thread.join();
  }
  if (ares != nullptr) ares_destroy(ares);
}

Result<void> Resolver::Channel::open(const ResolverOptions& options) {
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  wake_fd = Fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (library != ARES_SUCCESS || !wake_fd) return fail("resolver.open", "cannot start the DNS resolver");
  char lookups[] = "fb";  // /etc/hosts, then DNS, whatever nsswitch.conf says
  ares_options settings{};
  settings.timeout = static_cast<int>(options.timeout.count());
  settings.tries = options.tries;
  settings.lookups = lookups;
  settings.flags = ARES_FLAG_EDNS;
  settings.ednspsz = 1232;  // fits every path unfragmented; without EDNS a pool of thirty would need TCP
  settings.sock_state_cb = on_socket_state;
  settings.sock_state_cb_data = this;
  int status = ares_init_options(&ares, &settings,
                                 ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_FLAGS |
                                     ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB);
  if (status == ARES_SUCCESS && !options.servers.empty()) {
    status = ares_set_servers_ports_csv(ares, options.servers.c_str());
  }
  if (status != ARES_SUCCESS) {
    return fail("resolver.open",
                std::string("cannot start the DNS resolver: ") + ares_strerror(status) + "; check /etc/resolv.conf");
  }
  try {
    thread = start_without_signals([this] { run(); });
  } catch (const std::system_error& error) {
    return fail("resolver.open", std::string("cannot start the DNS resolver's thread: ") + error.what());
  }
  return {};
}

void Resolver::Channel::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_fd.get(), &one, sizeof one);
}

void Resolver::Channel::run() {
  while (start_queued()) wait_and_process();
  cancel_all();
}

// False when the resolver is being destroyed.
bool Resolver::Channel::start_queued() {
  for (;;) {
    std::unique_ptr<Query> query;
    {
      const std::lock_guard lock(mutex);
      if (stopping) return false;
      if (queued.empty() || in_flight >= kMaxInFlight) return true;
      query = std::make_unique<Query>(std::move(queued.front()));
      queued.pop_front();
    }
    // c-ares would resolve the part before the NUL: another name.
    if (query->name.find('\0') != std::string::npos) {
      query->callback(query_failed(query->name, ARES_EBADNAME));
      continue;
    }
    ++in_flight;
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_flags = ARES_AI_NOSORT;
    const char* name = query->name.c_str();  // on_answer(), which may run before the call returns, frees it
    ares_getaddrinfo(ares, name, nullptr, &hints, on_answer, query.release());
  }
}

void Resolver::Channel::wait_and_process() {
  std::vector<pollfd> waiting{{wake_fd.get(), POLLIN, 0}};
  for (const auto& [socket, events] : sockets) waiting.push_back({socket, events, 0});
  timeval span{};
  int patience = -1;
  if (const timeval* next = ares_timeout(ares, nullptr, &span); next != nullptr) {
    patience = static_cast<int>(next->tv_sec * 1000 + next->tv_usec / 1000 + 1);
  }
  if (::poll(waiting.data(), waiting.size(), patience) < 0) return;
  if (waiting[0].revents != 0) {
    std::uint64_t count;
    [[maybe_unused]] const auto got = ::read(wake_fd.get(), &count, sizeof count);
  }
  for (std::size_t i = 1; i < waiting.size(); ++i) {
    if (waiting[i].revents == 0) continue;
    const bool readable = (waiting[i].revents & ~POLLOUT) != 0;
    const bool writable = (waiting[i].revents & POLLOUT) != 0;
    ares_process_fd(ares, readable ? waiting[i].fd : ARES_SOCKET_BAD, writable ? waiting[i].fd : ARES_SOCKET_BAD);
  }
  ares_process_fd(ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // tries that have timed out
}

void Resolver::Channel::cancel_all() {
  ares_cancel(ares);
  std::deque<Query> left;
  {
    const std::lock_guard lock(mutex);
    left.swap(queued);
  }
  for (const Query& query : left) query.callback(query_failed(query.name, ARES_ECANCELLED));
}

void Resolver::Channel::on_socket_state(void* self, ares_socket_t socket, int readable, int writable) {
  auto& sockets = static_cast<Channel*>(self)->sockets;
  const short events = static_cast<short>((readable != 0 ? POLLIN : 0) | (writable != 0 ? POLLOUT : 0));
  if (events == 0) {
    sockets.erase(socket);
  } else {
    sockets[socket] = events;
  }
}

void Resolver::Channel::on_answer(void* context, int status, int, ares_addrinfo* info) {
  const std::unique_ptr<Query> query(static_cast<Query*>(context));
  const std::unique_ptr<ares_addrinfo, void (*)(ares_addrinfo*)> owned(info, ares_freeaddrinfo);
  --query->channel->in_flight;
  if (status != ARES_SUCCESS) return query->callback(query_failed(query->name, status));
  Resolved resolved;
  if (info != nullptr) resolved = resolved_from(*info);
  if (resolved.addresses.empty()) return query->callback(query_failed(query->name, ARES_ENODATA));
  query->callback(std::move(resolved));
}

Resolver::Resolver(std::unique_ptr<Channel> channel) : channel_(std::move(channel)) {}
Resolver::~Resolver() = default;

Result<std::unique_ptr<Resolver>> Resolver::create(const ResolverOptions& options) {
  auto channel = std::make_unique<Channel>();
  if (auto opened = channel->open(options); !opened) return forward_error(opened);
  return std::unique_ptr<Resolver>(new Resolver(std::move(channel)));
}

void Resolver::resolve(std::string name, Callback callback) {
  {
    const std::lock_guard lock(channel_->mutex);
    channel_->queued.push_back({channel_.get(), std::move(name), std::move(callback)});
  }
  channel_->wake();
}

}  // namespace portcullis::net
