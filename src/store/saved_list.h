// SavedList: a revocation list that was fetched, as it is kept on disk, and the file that it is kept in. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/digest.h"

namespace portcullis::store {

// What one URL served. A value.
struct SavedList {
  static constexpr std::size_t kMostBytes = 16U << 20U;  // of `bytes`: as much as is fetched (clientauth/crl_fetcher)
  static constexpr std::size_t kMostUrl = 4096;

  Digest key;  // of the URL
  std::string url;
  std::string bytes;  // DER or PEM, as they came
  WallTime fetched_at{};
};

// What a file begins with; the list follows.
struct SavedListHead {
  static constexpr std::size_t kMostBytes = 64 + SavedList::kMostUrl;

  std::string url;  // of one line
  WallTime fetched_at{};
  std::size_t size = 0;  // where it was read: how long it is
};

std::string to_text(const SavedListHead& head);
// Nothing where the file does not begin with exactly what to_text() makes.
std::optional<SavedListHead> read_head(std::string_view file);

}  // namespace portcullis::store
