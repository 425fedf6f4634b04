// CrlDelivery: the bytes that a CrlFetcher got from one URL, on their way to the CrlKeeper, and CrlTaken: what that
// made of them. Values that go from thread to thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "clientauth/crl_slot.h"
#include "revocation/crl_index.h"
#include "x509/certificate.h"

namespace portcullis::clientauth {

struct CrlDelivery {
  std::shared_ptr<const revocation::CrlOrigin> origin;  // never null
  std::shared_ptr<const std::string> bytes;             // never null
  // Of the certificates that name the URL: what comes from there speaks for these CAs and for no others, so that
  // nobody's server decides how old another CA's list may be.
  x509::CertificateList issuers;
  std::vector<std::shared_ptr<const CrlSlot>> slots;  // of those who asked; who has lists from there gets them too
};

struct CrlTaken {
  struct Result {
    std::shared_ptr<const CrlSlot> slot;
    std::optional<Error> error;  // why its lists are what they were
  };
  std::vector<Result> results;          // one for each slot of the delivery, and for each that had lists from there
  bool changed = false;                 // some slot says something new
  std::optional<WallTime> next_update;  // the earliest of the lists that came and are in force
};

}  // namespace portcullis::clientauth
