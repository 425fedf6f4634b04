// Resolver: names to addresses with their TTLs, by c-ares, on a thread of its own so that no loop ever waits for DNS.
// /etc/hosts is asked first, so `localhost` works without a network; then the machine's name servers (resolv.conf).
// resolve() may be called from any thread; a callback runs on the resolver's thread, exactly once, and posts to its
// loop. Destroying the resolver ends every query in flight with resolver.cancelled before it returns.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"

namespace portcullis::net {

// What a name means now.
struct Resolved {
  std::vector<IpAddress> addresses;  // 1 to kMaxAddresses, no two alike, IPv4 first, sorted
  std::chrono::seconds ttl{0};       // smallest of the answer's, CNAMEs included; 0 for /etc/hosts
};

struct ResolverOptions {
  std::chrono::milliseconds timeout{2000};  // of the first try; c-ares doubles it for each further round
  int tries = 2;                            // per name server
  std::string servers;                      // "192.0.2.1:53,192.0.2.2"; empty: those of resolv.conf
};

class Resolver {
 public:
  static constexpr std::size_t kMaxAddresses = 64;
  using Callback = std::function<void(Result<Resolved>)>;

  // Errors: resolver.open.
  static Result<std::unique_ptr<Resolver>> create(const ResolverOptions& options = {});
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // A and AAAA of `name`. Errors (origin upstream): resolver.not_found (no such name, or it has no address),
  // resolver.timeout, resolver.failed, resolver.cancelled. The callback must not destroy the resolver.
  void resolve(std::string name, Callback callback);

 private:
  struct Channel;
  explicit Resolver(std::unique_ptr<Channel> channel);
  std::unique_ptr<Channel> channel_;
};

}  // namespace portcullis::net
