// The running gateway: worker threads that serve, and the control thread (the caller's) that loads configurations,
// handles signals and ends it all. SIGHUP loads again and swaps the snapshot, where a failure keeps the old one;
// SIGTERM and SIGINT drain; SIGUSR1 reopens the logs. A hot reload touches no connection of an unchanged listener.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/finding.h"
#include "model/gateway.h"
#include "model/host_config.h"

namespace portcullis::server {

struct Configuration {
  std::vector<model::Gateway> gateways;  // validated
  model::HostConfig host;
};

// What loading gave: a configuration exactly when no finding is an error.
struct Loaded {
  std::optional<Configuration> configuration;
  model::Findings findings;
  std::vector<std::string> secure_values;  // what no message about this configuration may show
};

struct RunOptions {
  // Reads and validates the documents anew: called at start and at every SIGHUP, on the control thread.
  std::function<Loaded()> load;
  // Called once, on the control thread, when every listener accepts.
  std::function<void()> on_ready;
  // How long SIGTERM waits for requests in flight before it cuts them off.
  std::chrono::seconds drain_limit{30};
};

// Serves until SIGTERM or SIGINT. Returns the process's exit code: 0, or 1 when it could not start (the reasons are
// printed to stderr, one line each, and logged). Call it once a process, before any other thread was started.
int run(const RunOptions& options);

}  // namespace portcullis::server
