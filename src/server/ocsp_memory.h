// What an OcspService remembers over a restart: the store's file of answers as its Memory.
#pragma once

#include "clientauth/ocsp_service.h"
#include "snapshot/snapshot.h"
#include "store/store.h"

namespace portcullis::server {

// `store` must outlive the service, which is its only user. Off while the store keeps no answers.
clientauth::OcspService::Memory memory_in(store::Store& store);

// Whether any listener's clients are asked about at OCSP responders, so that there is something to remember.
bool asks_responders(const snapshot::Snapshot& snapshot);

}  // namespace portcullis::server
