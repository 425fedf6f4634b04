// Threads that leave signals alone: those belong to the control thread.
#pragma once

#include <functional>
#include <thread>

namespace portcullis {

// A thread on which every signal is blocked, from its first instruction on. What a write would raise (SIGPIPE, SIGXFSZ)
// comes back as its error (EPIPE, EFBIG). Throws as std::thread does.
std::thread start_without_signals(std::function<void()> work);

}  // namespace portcullis
