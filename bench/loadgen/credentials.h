// Client certificates, issued in memory when a run begins: a chain that no server has ever seen costs no file, and a
// second run's chains are new again. Owned by main, read by the one thread there is. Failures end the process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openssl/ssl.h>

namespace portcullis::bench {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using X509Ptr = std::unique_ptr<X509, Freed<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Freed<BIO_free>>;

[[noreturn]] void die(const std::string& what);

class Credentials {
 public:
  // `count` leaves for TLS clients, valid for a day, signed by PREFIX.key as PREFIX.crt. `keys`: a PEM file of private
  // keys used in turn (RSA keys take too long to make for each run); empty: a fresh P-256 key each.
  static Credentials issue(const std::string& prefix, const std::string& keys, unsigned count);

  bool empty() const { return leaves_.empty(); }
  std::size_t size() const { return leaves_.size(); }
  // Gives `ssl` the leaf at `index`, its key and the issuer's certificate.
  void use(SSL* ssl, std::size_t index) const;

 private:
  struct Leaf {
    X509Ptr certificate;
    EVP_PKEY* key;  // one of keys_
  };

  X509Ptr issuer_;
  std::vector<KeyPtr> keys_;
  std::vector<Leaf> leaves_;
};

}  // namespace portcullis::bench
