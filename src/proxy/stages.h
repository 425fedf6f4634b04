// The stages of a request before it is forwarded, in the order in which serve_request runs them. Each is a plain
// function over the context; one that decides against the request calls context.refuse() and returns false.
#pragma once

#include "proxy/request_context.h"

namespace portcullis::proxy {

// The driver's own refusal, TRACE and CONNECT, and the one normal form of the target.
bool normalise(RequestContext& context);

// A connection whose listener is not in the configuration any more was judged by rules that are withdrawn: 421 and
// close, so that the client comes back on a new connection.
bool still_served(RequestContext& context, bool in_force);

// The verdict as an answer: 400 with one of two pages (azure-semantics §6.4).
bool admit(RequestContext& context);

// Listener and rule by Host among the listeners of this address; 404 when none takes it (§4.2). A listener with another
// trust digest than the one that this connection was judged under: 421 (I16).
bool select_listener(RequestContext& context);

// The request as it goes to the backend: hop-by-hop and identity headers gone, x-* headers set, rewritten.
void rewrite_request(RequestContext& context);

// The response as it goes to the client.
void rewrite_response(RequestContext& context);

}  // namespace portcullis::proxy
