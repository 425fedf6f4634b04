// Fetching revocation lists over HTTP (RFC 5280 §4.2.1.13): the fetch that CrlFetcher is given.
#pragma once

#include <string>

#include "clientauth/crl_fetcher.h"
#include "fetch/client.h"

namespace portcullis::server {

// `client` must outlive the task. What is not a 200 of at most kMaxFetchedCrl bytes has the reason that the client's
// error means to revocation: crl.unreachable, crl.timeout, crl.address_denied, crl.http_status, crl.too_large,
// crl.malformed; crl.missing where the URL is none that can be fetched.
event::Task<clientauth::CrlFetched> fetch_crl(fetch::Client* client, std::string url, event::Deadline deadline);

}  // namespace portcullis::server
