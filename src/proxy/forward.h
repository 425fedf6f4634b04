// The one forward loop: picks a backend, sends the request, relays the response, both bodies at once, each only as fast
// as its receiver takes it. Worker-local.
#pragma once

#include "event/task.h"
#include "proxy/request_context.h"

namespace portcullis::proxy {

// Forwards the request and answers the client with what the backend says. Where no backend's answer could begin,
// context.refuse() has been called and the client has been sent nothing: the caller answers. One other address is tried
// when a connection cannot be made; one fresh connection, when a reused one proves closed and the request may be
// repeated.
event::Task<void> forward(RequestContext& context);

}  // namespace portcullis::proxy
