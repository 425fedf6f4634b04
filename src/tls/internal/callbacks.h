// The callbacks through which OpenSSL asks during a handshake. All are static functions that find their TlsStream
// through the SSL object; a Door's front context carries the session callbacks, since OpenSSL always takes those from
// the context that an SSL was created from.
#pragma once

#include <openssl/ssl.h>

namespace portcullis::tls {

class Door;
class TlsStream;

struct Callbacks {
  // Ties objects together; the ex_data indexes are made at first use.
  static void attach(SSL* ssl, TlsStream* stream);
  static TlsStream* stream_of(const SSL* ssl);
  static void attach(SSL_CTX* context, const Door* door);

  static int client_hello(SSL* ssl, int* alert, void* arg);
  static int verify(X509_STORE_CTX* store_context, void* arg);
  static int new_session(SSL* ssl, SSL_SESSION* session);
  static SSL_SESSION* get_session(SSL* ssl, const unsigned char* id, int id_size, int* copy);
  static void remove_session(SSL_CTX* context, SSL_SESSION* session);
  static int select_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                         unsigned int in_size, void* arg);

  // The BIO between an SSL and its stream's socket.
  static BIO* new_bio(TlsStream* stream);
  // Sends what OpenSSL produced since the last call; false when the connection is broken.
  static bool flush(TlsStream& stream);

 private:
  static BIO_METHOD* bio_method();
  static int bio_read(BIO* bio, char* into, int size);
  static int bio_write(BIO* bio, const char* bytes, int size);
  static long bio_ctrl(BIO* bio, int command, long number, void* pointer);
};

}  // namespace portcullis::tls
