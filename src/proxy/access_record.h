// One line of the access log in Azure's schema (azure-semantics §8.1), plus the `portcullis` object.
#pragma once

#include "proxy/request_context.h"

namespace portcullis::proxy {

// Hands the finished line to the worker's producer; nothing where the log is off.
void write_access_record(RequestContext& context);

}  // namespace portcullis::proxy
