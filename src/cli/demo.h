// The demonstration: a throw-away PKI, a sample backend and a gateway with a strict and a passthrough listener, all on
// loopback, and three curl lines that show an admitted, a refused and a passed-through client. Runs in the foreground
// until SIGTERM or SIGINT; failures are one line on `err` each.
#pragma once

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

#include "server/server.h"

namespace portcullis::cli {

struct DemoOptions {
  std::string directory;           // empty: a new temporary one
  std::uint16_t port_base = 8443;  // strict listener; passthrough is the next one. 1–65534
  bool once = false;               // run the three requests, say how they went, end
};

using Serve = std::function<int(const server::RunOptions&)>;

// The exit code: 0; 1 when it could not start, or with `once` when a request did not give what was promised.
int run_demo(const DemoOptions& options, std::ostream& out, std::ostream& err, const Serve& serve);

}  // namespace portcullis::cli
