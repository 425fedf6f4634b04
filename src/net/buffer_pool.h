// Buffers that connections borrow while bytes are in motion and give back before they wait idle, so that an idle
// connection holds none. Worker-local: one pool a worker; a buffer returns to the pool that lent it.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace portcullis::net {

class BufferPool;

// A borrowed block of memory; empty after being moved from or released.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)),
        data_(std::move(other.data_)),
        size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer() { release(); }

  char* data() { return data_.get() + kStagger; }
  const char* data() const { return data_.get() + kStagger; }
  std::size_t size() const { return size_; }
  explicit operator bool() const { return data_ != nullptr; }
  void release();

 private:
  friend class BufferPool;
  // Allocators align blocks of this size to pages, OpenSSL's buffers too; and a copy between places that differ by
  // little modulo 4096 takes some processors several times as long (docs/performance.md).
  static constexpr std::size_t kStagger = 1'088;
  Buffer(BufferPool* pool, std::unique_ptr<char[]> data, std::size_t size)
      : pool_(pool), data_(std::move(data)), size_(size) {}

  BufferPool* pool_ = nullptr;
  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
};

class BufferPool {
 public:
  static constexpr std::size_t kSmall = 16 * 1024;
  static constexpr std::size_t kLarge = 65 * 1024;  // four TLS records, or the longest request head

  Buffer small() { return take(small_, kSmall); }
  Buffer large() { return take(large_, kLarge); }

 private:
  friend class Buffer;
  static constexpr std::size_t kKept = 64;  // idle buffers of each size that the pool holds on to
  Buffer take(std::vector<std::unique_ptr<char[]>>& from, std::size_t size);
  void give_back(std::unique_ptr<char[]> data, std::size_t size);

  std::vector<std::unique_ptr<char[]>> small_;
  std::vector<std::unique_ptr<char[]>> large_;
};

}  // namespace portcullis::net
