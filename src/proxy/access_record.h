// One line of the access log in Azure's schema (azure-semantics §8.1), plus the `portcullis` object.
#pragma once

#include "proxy/request_context.h"
#include "telemetry/json_line.h"

namespace portcullis::proxy {

// Hands the finished line to the worker's producer; nothing where the log is off.
void write_access_record(RequestContext& context);

// What is said of revocation, as the object `revocation` of the record; nothing where nobody was asked.
void add_revocation(telemetry::JsonLine& line, const clientauth::Verdict& verdict, WallTime now);

}  // namespace portcullis::proxy
