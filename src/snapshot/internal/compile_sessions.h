// How TLS sessions are kept, out of the host file.
#pragma once

#include <memory>

#include "model/finding.h"
#include "model/host_config.h"
#include "tls/ticket_keys.h"

namespace portcullis::snapshot::internal {

// The keys of stateless tickets: those of `client_auth.ticket_key_file`, read anew each time, else `own` (may be null:
// then new ones). Null where sessions are not kept in tickets, or after an error: the file cannot be read, others than
// its owner may read or write it, it holds no keys, or a client's certificate might not fit a ticket.
std::shared_ptr<tls::TicketKeys> compile_ticket_keys(const model::HostConfig& host,
                                                     const std::shared_ptr<tls::TicketKeys>& own,
                                                     model::Findings& findings);

}  // namespace portcullis::snapshot::internal
