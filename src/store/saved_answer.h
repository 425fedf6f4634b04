// SavedAnswer: a signed answer of an OCSP responder as it is kept on disk, by the question that it answers. A value.
#pragma once

#include <cstddef>
#include <string>

#include "base/clock.h"
#include "base/digest.h"

namespace portcullis::store {

struct SavedAnswer {
  static constexpr std::size_t kMostBytes = 64 * 1024;  // of a response

  Digest key;            // of the question
  std::string response;  // DER, as it came
  bool revoked = false;  // what it says; otherwise good
  WallTime this_update{};
  WallTime heard_at{};
  WallTime until{};  // those whose time ends first give way first, revoked ones after all others

  // Whether this may take the place of `old`: that a certificate was revoked gives way only to a newer good answer
  // (I26), however the two came here.
  bool may_replace(bool old_revoked, WallTime old_this_update) const {
    return revoked || !old_revoked || this_update > old_this_update;
  }
};

}  // namespace portcullis::store
