// The tunnel that a WebSocket becomes once both handshakes are done: bytes both ways, each way only as fast as its
// receiver takes them and with one buffer, which is given back while nothing moves. Worker-local.
//
// It ends when both sides have ended; when either breaks (the other is told so); when no byte has moved either way for
// `idle` (ARM requestTimeout, which governs WebSocket sessions too), or for a few seconds after one side has ended;
// when the server drains, at the first moment of quiet or after kDrainPatience; when the connection is cut off; when
// its connection's client is judged again and refused (server/reviewer.h); and with the first byte that comes, from
// either side, once its client would not be admitted any more, so that nothing passes even before that review comes to
// it: the verdict is asked for again after every reload and every kJudgedAgain.
#pragma once

#include "event/task.h"
#include "net/buffer_pool.h"
#include "proxy/request_context.h"
#include "upstream/response_reader.h"

namespace portcullis::proxy {

// How long a tunnel goes on when the other side has ended, or when the server drains and bytes still move.
constexpr std::chrono::milliseconds kHalfEndedPatience{10'000};
constexpr std::chrono::milliseconds kDrainPatience{10'000};
// A pause that ends a tunnel while the server drains.
constexpr std::chrono::milliseconds kDrainQuiet{1'000};
constexpr std::chrono::milliseconds kJudgedAgain{1'000};

// `context.response` is the backend's agreement, already as the client is to get it; `buffer` and `read` hold what came
// behind it. Answers the client and carries the tunnel to its end; context.tunnel says how it went. The backend's
// connection is of no use afterwards.
event::Task<void> run_tunnel(RequestContext& context, net::ByteStream& backend, net::Buffer buffer,
                             upstream::HeadRead read);

// Counts a request for WebSocket that has ended, tunnel or not, and says in the log's words how the tunnel ended.
void record_websocket(RequestContext& context);

}  // namespace portcullis::proxy
