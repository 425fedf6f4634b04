// The answer to a request in clear text on a TLS port (azure-semantics §6.1): 400 with a page of its own, logged like
// any request, never forwarded.
#pragma once

#include "conn/exchange.h"
#include "event/task.h"
#include "proxy/connection.h"

namespace portcullis::proxy {

event::Task<void> serve_plain_on_tls(conn::Exchange& exchange, ClientConnection& connection, Services& services);

}  // namespace portcullis::proxy
