// ByteWriter and ByteReader: small binary records, big endian, for bytes that leave the process and come back. The
// reader never reads past the end: the first thing that does not fit makes it bad, and all it says after that is empty
// or zero. Values; a reader's views live as long as the bytes that it was given.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/digest.h"

namespace portcullis {

class ByteWriter {
 public:
  // The low `size` bytes of `number`, the highest first; `size` is 1–8.
  ByteWriter& number(std::uint64_t number, int size) {
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) bytes_ += static_cast<char>(number >> shift & 0xff);
    return *this;
  }
  ByteWriter& digest(const Digest& digest) { return raw(digest.view()); }
  // Milliseconds since 1970 in 8 bytes, two's complement.
  ByteWriter& time(WallTime time) { return number(static_cast<std::uint64_t>(time.time_since_epoch().count()), 8); }
  // Its length in `length_size` bytes, then the bytes. The caller sees to it that the length fits.
  ByteWriter& field(std::string_view bytes, int length_size) { return number(bytes.size(), length_size).raw(bytes); }
  ByteWriter& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  std::size_t size() const { return bytes_.size(); }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : left_(bytes) {}

  std::uint64_t number(int size) {
    std::uint64_t read = 0;
    for (const char byte : raw(static_cast<std::size_t>(size))) read = read << 8U | static_cast<unsigned char>(byte);
    return read;
  }
  Digest digest() {
    Digest read;
    const std::string_view bytes = raw(read.bytes.size());
    if (bytes.size() == read.bytes.size()) std::copy(bytes.begin(), bytes.end(), read.bytes.begin());
    return read;
  }
  WallTime time() { return WallTime{std::chrono::milliseconds(static_cast<std::int64_t>(number(8)))}; }
  std::string_view field(int length_size) { return raw(static_cast<std::size_t>(number(length_size))); }
  std::string_view raw(std::size_t size) {
    if (bad_ || size > left_.size()) {
      bad_ = true;
      return {};
    }
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }

  // Nothing was missing so far.
  bool good() const { return !bad_; }
  // Nothing was missing, and nothing is left over.
  bool finished() const { return !bad_ && left_.empty(); }

 private:
  std::string_view left_;
  bool bad_ = false;
};

}  // namespace portcullis
