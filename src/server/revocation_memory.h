// What is remembered of revocation over a restart: the store's file of answers as an OcspService's Memory, and its
// folder of lists as a CrlFetcher's.
#pragma once

#include <string>

#include "clientauth/crl_fetcher.h"
#include "clientauth/ocsp_service.h"
#include "snapshot/snapshot.h"
#include "store/store.h"

namespace portcullis::server {

// `store` must outlive the service, which is its only user. Off while the store keeps no answers.
clientauth::OcspService::Memory memory_in(store::Store& store);

// `store` must outlive the fetcher. Off while the store keeps no lists.
clientauth::CrlFetcher::Memory lists_memory_in(store::Store& store);

// What a gateway with this state_dir has saved, for those who only look; whether it runs or not. What was saved is
// checked like any answer.
clientauth::OcspService::Memory saved_in(const std::string& state_dir);
clientauth::CrlFetcher::Memory saved_lists_in(const std::string& state_dir);

// Whether any listener's clients are asked about at OCSP responders, so that there is something to remember.
bool asks_responders(const snapshot::Snapshot& snapshot);
// Whether any listener's clients are looked for on lists that are fetched, so that there is something to remember.
bool fetches_lists(const snapshot::Snapshot& snapshot);

}  // namespace portcullis::server
