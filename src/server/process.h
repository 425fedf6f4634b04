// What the gateway asks of the operating system about itself: limits, user, signals.
#pragma once

#include <string>

#include "base/result.h"
#include "net/fd.h"

namespace portcullis::server {

// Raises the soft limit of open files to the hard one; turns core dumps off, since memory holds private keys.
void set_process_limits();

struct UserIds {
  unsigned user = 0, group = 0;
};
// Those of `user`; of this process for "". Errors: process.user.
Result<UserIds> ids_of(const std::string& user);

// Becomes `user` with its groups; nothing for "". Errors: process.user (unknown, or this process may not).
Result<void> drop_privileges(const std::string& user);

// Blocks SIGTERM, SIGINT, SIGHUP and SIGUSR1 for this thread and those it starts, ignores SIGPIPE, and returns a
// descriptor that delivers them. Call before any thread is started. Errors: process.signals.
Result<net::Fd> take_signals();

// The next signal waiting in that descriptor, or 0.
int next_signal(const net::Fd& signals);

}  // namespace portcullis::server
