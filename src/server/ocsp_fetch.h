// Fetching from OCSP responders over HTTP (RFC 6960 App. A): the fetch that OcspService and Stapler are given.
#pragma once

#include "clientauth/ocsp_service.h"
#include "fetch/client.h"

namespace portcullis::server {

// `client` must outlive the task. A failure has the outcome that the client's error means to revocation.
event::Task<clientauth::OcspFetched> fetch_ocsp(fetch::Client* client, revocation::OcspRequest request,
                                                event::Deadline deadline);

}  // namespace portcullis::server
