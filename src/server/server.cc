#include "server/server.h"

#include <cstdio>

#include "server/control.h"
#include "server/process.h"

namespace portcullis::server {
namespace {

int refuse(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return 1;
}

}  // namespace

int run(const RunOptions& options) {
  set_process_limits();
  auto signals = take_signals();
  if (!signals) return refuse(signals.error().message);
  Loaded loaded = options.load();
  for (const model::Finding& finding : loaded.findings) std::fprintf(stderr, "%s\n", model::to_line(finding).c_str());
  if (!loaded.configuration) return 1;
  Control control(options);
  if (auto started = control.start(std::move(loaded), *signals); !started) {
    return refuse(std::string(started.error().code) + ": " + started.error().message);
  }
  control.run();
  return 0;
}

}  // namespace portcullis::server
