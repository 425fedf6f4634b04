// Load: one thread, one edge-triggered epoll, a fixed number of slots that each hold at most one connection. Built to
// be cheap: on a machine of two cores its own work must not be what limits the server.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/ssl.h>

#include "credentials.h"
#include "options.h"

namespace portcullis::bench {

// What happened in one phase.
struct Totals {
  std::uint64_t completed = 0;        // operations whose answer was whole and 200
  std::uint64_t failed_connects = 0;  // no connection
  std::uint64_t failed_handshakes = 0;
  std::uint64_t lost = 0;                // requests that were sent and never answered whole
  std::uint64_t closed_in_order = 0;     // connections that the server closed behind an answer that said so
  std::uint64_t opened = 0;              // connections
  std::uint64_t resumed = 0;             // handshakes that resumed a session
  std::uint64_t body_bytes = 0;          // of answers, heads included
  std::map<int, std::uint64_t> refused;  // answers other than 200, by status
  std::vector<float> latencies;          // µs from connect (full, resume) or request (keepalive) to the last byte
  double seconds = 0;
};

class Load {
 public:
  Load(const Options& options, const Credentials& credentials);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Opens every slot's connection, some at a time, one GET on each; they stay open.
  Totals open_all();
  // Runs `operations` (0: no limit) for at most `seconds` (0: no limit).
  Totals run(std::uint64_t operations, double seconds, bool warmup);
  unsigned open_connections() const;
  // Protocol, cipher suite and group of the last full handshake, for the record that all servers did the same.
  const std::string& negotiated() const { return negotiated_; }

 private:
  using Clock = std::chrono::steady_clock;
  enum class State : std::uint8_t { kClosed, kConnecting, kHandshaking, kAwaiting, kParked };
  struct Slot {
    State state = State::kClosed;
    int fd = -1;
    SSL* ssl = nullptr;
    SSL_SESSION* session = nullptr;  // of the last connection, resume only
    Clock::time_point begun;
    std::string head;           // of the answer, until it is whole
    std::uint64_t missing = 0;  // bytes of the answer's body still to come; meaningful once `head_done`
    bool head_done = false;
    bool last = false;  // the server closes after this answer
  };
  enum class Answer : std::uint8_t { kPartial, kWhole, kRefused, kBroken };

  static int new_session(SSL* ssl, SSL_SESSION* session);
  void make_context();
  void begin(Slot& slot);
  void start_tls(Slot& slot);
  void step(Slot& slot);
  bool shake_hands(Slot& slot);
  void send_request(Slot& slot);
  Answer read_answer(Slot& slot);
  Answer take(Slot& slot, std::string_view bytes);
  Answer take_head(Slot& slot, std::string_view bytes);
  void completed(Slot& slot);
  void failed(Slot& slot, std::uint64_t& counter);
  void next(Slot& slot);
  void close(Slot& slot);
  bool may_start() const;
  void loop(Clock::time_point give_up);

  const Options options_;
  const Credentials& credentials_;
  SSL_CTX* context_ = nullptr;
  int epoll_ = -1;
  std::string request_;
  std::vector<Slot> slots_;
  std::string negotiated_;

  // Of the phase that runs.
  Totals totals_;
  std::uint64_t target_ = 0, started_ = 0;
  Clock::time_point deadline_;
  std::size_t active_ = 0;   // slots with something under way
  std::size_t to_open_ = 0;  // open_all: the next slot
  bool opening_ = false;     // open_all
  bool warmup_ = false;
  bool broken_off_ = false;
  std::uint64_t failures_in_a_row_ = 0;
  std::size_t next_client_ = 0;
};

}  // namespace portcullis::bench
