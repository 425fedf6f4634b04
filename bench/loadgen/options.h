// What one run of the load generator shall do, read from the command line. `bench-loadgen --help` prints kUsage.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace portcullis::bench {

enum class Mode : std::uint8_t {
  kFull,       // connect, full handshake, one GET, close: an operation
  kResume,     // the same, but every operation resumes the last session of its slot
  kKeepAlive,  // connections stay open, one GET at a time on each: a GET is an operation
  kHttp2,      // as kKeepAlive, over HTTP/2 with several streams a connection
  kIdle,       // open, one GET each, then hold: what is measured is the servers' memory
};

struct Options {
  Mode mode = Mode::kFull;
  std::uint16_t port = 0;
  std::string path = "/";
  bool plain = false;              // no TLS
  bool tls12 = false;              // TLS 1.2; else 1.3
  unsigned connections = 16;       // at once
  unsigned streams = 32;           // busy at once on each, HTTP/2 only
  std::uint64_t operations = 0;    // measured ones at most; 0: `seconds` decides
  double seconds = 0;              // of the measured phase at most; 0: `operations` decides
  std::uint64_t warmup = 64;       // operations before the measured phase, full and resume only
  unsigned clients = 1;            // distinct client certificates in the measured phase
  std::string issuer;              // PREFIX.crt and PREFIX.key issue them; empty: no client certificate
  std::string keys;                // PEM file of private keys for them, used in turn; empty: fresh P-256 keys
  std::vector<pid_t> server_pids;  // whose CPU time and memory are read
  double patience = 60;            // seconds after which a phase is broken off
  bool hold = false;               // stop ourselves (SIGSTOP) before the measured phase, until SIGCONT
};

// Ends the process with status 64 and kUsage where the command line is wrong.
Options parse_options(int argc, char** argv);

}  // namespace portcullis::bench
