// A SHA-256 digest as a value: names trust settings, sessions, presented chains. Computed in x509/sha256.h.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/strings.h"

namespace portcullis {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  auto operator<=>(const Digest&) const = default;
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  std::string hex() const { return hex_lower(view()); }
};

// A digest is uniformly distributed already: its first word is the hash.
struct DigestHash {
  std::size_t operator()(const Digest& digest) const {
    std::size_t word;
    std::memcpy(&word, digest.bytes.data(), sizeof word);
    return word;
  }
};

}  // namespace portcullis
