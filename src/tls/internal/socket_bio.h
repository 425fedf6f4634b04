// SocketBio: the BIO between an SSL and its TCP connection. Reads take what the kernel has; writes are kept until
// flush(), so that whatever one call of OpenSSL produces leaves in one send. Owned by the stream that owns the SSL, and
// must outlive it. Worker-local.
#pragma once

#include <cstddef>
#include <string>

#include <openssl/bio.h>

#include "net/tcp.h"

namespace portcullis::tls {

class SocketBio {
 public:
  explicit SocketBio(net::TcpStream& tcp) : tcp_(tcp) {}
  SocketBio(const SocketBio&) = delete;
  SocketBio& operator=(const SocketBio&) = delete;

  // A new BIO for SSL_set_bio, which takes it over.
  BIO* make();

  // The bytes that OpenSSL may take in from here on, until this is called again: at the start, and whenever content
  // came. A peer that sends more than that without one byte of content (session tickets, key updates) breaks the
  // connection, instead of keeping the loop for itself.
  void allow(std::size_t bytes) { allowance_ = bytes; }

  // Sends what there is to send; false when the connection is broken.
  bool flush();
  bool has_pending() const { return !pending_.empty(); }
  bool at_eof() const { return eof_; }
  bool broken() const { return broken_; }

 private:
  static BIO_METHOD* method();
  static int read(BIO* bio, char* into, int size);
  static int write(BIO* bio, const char* bytes, int size);
  static long control(BIO* bio, int command, long number, void* pointer);

  net::TcpStream& tcp_;
  std::string pending_;  // encrypted bytes that the kernel has not taken
  std::size_t allowance_ = 0;
  bool eof_ = false;
  bool broken_ = false;
};

}  // namespace portcullis::tls
