// The callbacks through which OpenSSL asks during a handshake. All are static functions that find their TlsStream
// through the SSL object; a Door's front context carries the session callbacks, since OpenSSL always takes those from
// the context that an SSL was created from.
#pragma once

#include <cstddef>

#include <openssl/ssl.h>

#include "base/clock.h"

namespace portcullis::tls {

class Door;
class PeerState;
class TlsStream;

struct Callbacks {
  // Ties objects together; the ex_data indexes are made at first use.
  static void attach(SSL* ssl, TlsStream* stream);
  static TlsStream* stream_of(const SSL* ssl);
  static void attach(SSL_CTX* context, const Door* door);

  static int client_hello(SSL* ssl, int* alert, void* arg);
  static int staple(SSL* ssl, void* arg);
  static int verify(X509_STORE_CTX* store_context, void* arg);
  static int new_session(SSL* ssl, SSL_SESSION* session);
  static SSL_SESSION* get_session(SSL* ssl, const unsigned char* id, int id_size, int* copy);
  static void remove_session(SSL_CTX* context, SSL_SESSION* session);

  // Stateless tickets (ticket_callbacks.cc). What of a presented chain a ticket would carry is settled in verify(),
  // while it can still be decided to issue none.
  static void prepare_ticket(SSL* ssl, TlsStream& stream, std::size_t leaf_bytes);
  static int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                        int sealing);
  static int write_ticket(SSL* ssl, void* arg);
  static SSL_TICKET_RETURN open_ticket(SSL* ssl, SSL_SESSION* session, const unsigned char* name, std::size_t name_size,
                                       SSL_TICKET_STATUS status, void* arg);

  static int select_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                         unsigned int in_size, void* arg);

  // Only the leaf is needed by OpenSSL after the handshake: the chain above it is ours already, in the peer's record.
  // Not for a session that others may see by now.
  static void drop_chain(SSL* ssl);
  // After a handshake whose session nobody keeps here: what only a ticket needed.
  static void forget_session(SSL* ssl);
  // Whether the verifier and the clock still allow a session made at `original` with this peer (I3, I4).
  static bool may_resume(const TlsStream& stream, const PeerState* peer, WallTime original);

  // The BIO between an SSL and its stream's socket.
  static BIO* new_bio(TlsStream* stream);
  // Sends what OpenSSL produced since the last call; false when the connection is broken.
  static bool flush(TlsStream& stream);
  // Keeps it for the next flush() instead.
  static void stow(TlsStream& stream);

 private:
  static BIO_METHOD* bio_method();
  static int bio_read(BIO* bio, char* into, int size);
  static int bio_write(BIO* bio, const char* bytes, int size);
  static long bio_ctrl(BIO* bio, int command, long number, void* pointer);
};

}  // namespace portcullis::tls
