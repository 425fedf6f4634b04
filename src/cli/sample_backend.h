// The demonstration's backend: a plain HTTP/1.1 server on 127.0.0.1 that answers every request with what it was sent,
// as JSON: method, path, headers (repeated ones joined by commas), bytes of body. It has a thread of its own, started
// by start() and ended by the destructor, which frees every connection. Owned by the demo command; never part of a
// gateway.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "event/loop.h"
#include "net/fd.h"

namespace portcullis::cli {

class SampleBackend {
 public:
  // Binds, so that port() is known and clients can queue, but serves nobody yet. Errors: net.listen,
  // net.address_in_use, event.*.
  static Result<std::unique_ptr<SampleBackend>> create();
  ~SampleBackend();
  SampleBackend(const SampleBackend&) = delete;
  SampleBackend& operator=(const SampleBackend&) = delete;

  std::uint16_t port() const { return port_; }
  // Once. The thread inherits the caller's signal mask: call it when the process's signals have a taker.
  void start();

 private:
  struct Service;
  SampleBackend();

  SystemClock clock_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Service> service_;  // the thread's own once it runs
  std::thread thread_;
};

}  // namespace portcullis::cli
