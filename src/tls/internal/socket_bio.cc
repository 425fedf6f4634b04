#include "tls/internal/socket_bio.h"

#include <algorithm>

#include "base/check.h"

namespace portcullis::tls {
namespace {

// More than one write's worth and a few answers of the protocol's own is held for nobody.
constexpr std::size_t kMostPending = 256 * 1024;

SocketBio& self(BIO* bio) { return *static_cast<SocketBio*>(BIO_get_data(bio)); }

}  // namespace

BIO_METHOD* SocketBio::method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "portcullis client socket");
    CHECK(made != nullptr);
    BIO_meth_set_read(made, &SocketBio::read);
    BIO_meth_set_write(made, &SocketBio::write);
    BIO_meth_set_ctrl(made, &SocketBio::control);
    return made;
  }();
  return method;
}

BIO* SocketBio::make() {
  BIO* bio = BIO_new(method());
  CHECK(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  return bio;
}

int SocketBio::read(BIO* bio, char* into, int size) {
  SocketBio& own = self(bio);
  BIO_clear_retry_flags(bio);
  if (own.allowance_ == 0) {
    own.broken_ = true;
    return -1;
  }
  const net::IoResult result = own.tcp_.try_read(into, std::min(static_cast<std::size_t>(size), own.allowance_));
  own.allowance_ -= result.bytes;
  if (result.bytes > 0) return static_cast<int>(result.bytes);
  if (result.state == net::IoState::kEof) {
    own.eof_ = true;
    return 0;
  }
  if (result.state == net::IoState::kFailed) {
    own.broken_ = true;
    return -1;
  }
  BIO_set_retry_read(bio);
  return -1;
}

int SocketBio::write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  self(bio).pending_.append(bytes, static_cast<std::size_t>(size));
  return size;
}

long SocketBio::control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return self(bio).eof_ ? 1 : 0;
  return 0;
}

bool SocketBio::flush() {
  if (broken_ || pending_.size() > kMostPending) {
    broken_ = true;
    std::string().swap(pending_);
    return false;
  }
  if (pending_.empty()) return true;
  const net::IoResult result = tcp_.try_write(pending_);
  if (result.state == net::IoState::kFailed) broken_ = true;
  if (broken_ || result.bytes == pending_.size()) {
    std::string().swap(pending_);  // an idle connection holds no buffer
  } else {
    pending_.erase(0, result.bytes);
  }
  return !broken_;
}

}  // namespace portcullis::tls
