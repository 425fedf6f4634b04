// The life of a request, top to bottom: normalise → require identity under the connection's own profile → select
// listener and rule by Host → misdirected? → rewrite → forward → rewrite response → log. The same for every protocol.
#pragma once

#include "conn/exchange.h"
#include "event/task.h"
#include "proxy/connection.h"

namespace portcullis::proxy {

// Both arguments outlive the task.
event::Task<void> serve_request(conn::Exchange& exchange, ClientConnection& connection, Services& services);

}  // namespace portcullis::proxy
