// Staple: the OCSP answer about a server's certificate that its handshakes carry (RFC 6066 §8). Whoever keeps it fresh
// sets it; handshakes take what holds at that moment, and none where nothing does. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/clock.h"

namespace portcullis::tls {

class Staple {
 public:
  void set(std::shared_ptr<const std::string> response, WallTime until) {
    const std::lock_guard lock(mutex_);
    response_ = std::move(response);
    until_ = until;
  }
  // DER of the OCSPResponse; null: none holds at `now`.
  std::shared_ptr<const std::string> at(WallTime now) const {
    const std::lock_guard lock(mutex_);
    return now < until_ ? response_ : nullptr;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const std::string> response_;
  WallTime until_{};
};

}  // namespace portcullis::tls
