#include "net/buffer_pool.h"

namespace portcullis::net {

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    release();
    pool_ = std::exchange(other.pool_, nullptr);
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

void Buffer::release() {
  if (data_ == nullptr) return;
  pool_->give_back(std::move(data_), size_);
  pool_ = nullptr;
  size_ = 0;
}

Buffer BufferPool::take(std::vector<std::unique_ptr<char[]>>& from, std::size_t size) {
  if (from.empty()) return {this, std::unique_ptr<char[]>(new char[Buffer::kStagger + size]), size};
  auto data = std::move(from.back());
  from.pop_back();
  return {this, std::move(data), size};
}

void BufferPool::give_back(std::unique_ptr<char[]> data, std::size_t size) {
  auto& shelf = size == kSmall ? small_ : large_;
  if (shelf.size() < kKept) shelf.push_back(std::move(data));
}

}  // namespace portcullis::net
