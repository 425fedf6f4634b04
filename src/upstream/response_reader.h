// Reads one response head from a backend, strictly; the body is the caller's. Waits hold no buffer: it is borrowed when
// bytes are there. Worker-local. A failure means the connection cannot be used again: destroy it.
#pragma once

#include <cstddef>

#include "http/message.h"
#include "net/buffer_pool.h"
#include "upstream/connection_pool.h"

namespace portcullis::upstream {

// Where the body begins: `buffer` holds bytes [body_begin, filled) of it already, or of what is wrongly after it.
struct HeadRead {
  std::size_t body_begin = 0;
  std::size_t filled = 0;
};

// Interim answers before the final one that are put up with.
constexpr int kMaxInterimHeads = 16;

// Reads the final head into `head`. `buffer` must be empty; it gets 16 KiB from `buffers` once bytes are readable, and
// 64 KiB when a head needs more. 1xx heads are dropped (the gateway answers Expect itself). 101 is refused but where
// `may_switch`: it is final then, and what follows it is of the other protocol. Everything by reference must outlive
// the task. Errors, origin upstream:
//   upstream.closed_early, upstream.reset  the backend closed or broke the connection before a whole head. retry_safe
//                                          only when the connection was reused and not one byte came: most likely it
//                                          had closed an idle connection, and a request that may be repeated (no body,
//                                          idempotent: RFC 9110 §9.2.2) can be sent once more on a fresh connection.
//   upstream.timeout                       no whole head by `deadline`.
//   upstream.invalid_response              the head is malformed, too large, or a 101 that nobody asked for.
// And net.cancelled (origin gateway) when the stream was cancelled.
event::Task<Result<HeadRead>> read_head(Connection& connection, net::BufferPool& buffers, net::Buffer& buffer,
                                        http::ResponseHead& head, bool is_head_request, event::Deadline deadline,
                                        bool may_switch = false);

}  // namespace portcullis::upstream
