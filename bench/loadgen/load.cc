#include "load.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/strings.h"

namespace portcullis::bench {
namespace {

constexpr unsigned kOpenedAtOnce = 64;     // open_all: fewer than any server's backlog
constexpr std::size_t kMostHead = 16'384;  // of an answer
constexpr std::chrono::seconds kGrace{5};  // for what is under way when a phase's time is up

// The value of a field in an answer's head, or empty. `name` in lower case, without the colon.
std::string_view field(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
    at += 2;
    const std::string_view line = head.substr(at, head.find("\r\n", at) - at);
    if (line.size() > name.size() && line[name.size()] == ':' && starts_with_ignore_case(line, name)) {
      return trim(line.substr(name.size() + 1));
    }
  }
  return {};
}

}  // namespace

Load::Load(const Options& options, const Credentials& credentials)
    : options_(options), credentials_(credentials), epoll_(epoll_create1(EPOLL_CLOEXEC)), slots_(options.connections) {
  if (epoll_ < 0) die("epoll_create1");
  request_ = fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench-loadgen\r\nAccept: */*\r\n\r\n",
                         options_.path);
  if (!options_.plain) make_context();
}

Load::~Load() {
  for (Slot& slot : slots_) {
    close(slot);
    SSL_SESSION_free(slot.session);
  }
  SSL_CTX_free(context_);
  ::close(epoll_);
}

void Load::make_context() {
  context_ = SSL_CTX_new(TLS_client_method());
  const int version = options_.tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
  SSL_CTX_set_min_proto_version(context_, version);
  SSL_CTX_set_max_proto_version(context_, version);
  // The same suite and group from every server.
  SSL_CTX_set_ciphersuites(context_, "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set_cipher_list(context_, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256");
  // The client's own checks are no part of what is measured.
  SSL_CTX_set_verify(context_, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS);
  if (options_.mode == Mode::kResume) {
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context_, &Load::new_session);
  } else {
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  }
}

int Load::new_session(SSL* ssl, SSL_SESSION* session) {
  Slot& slot = *static_cast<Slot*>(SSL_get_app_data(ssl));
  SSL_SESSION_free(slot.session);
  slot.session = session;
  return 1;
}

bool Load::may_start() const {
  if (broken_off_ || (target_ > 0 && started_ >= target_)) return false;
  return deadline_ == Clock::time_point() || Clock::now() < deadline_;
}

Totals Load::open_all() {
  totals_ = {};
  opening_ = true;
  target_ = started_ = 0;
  deadline_ = {};
  to_open_ = 0;
  const Clock::time_point begun = Clock::now();
  while (active_ < kOpenedAtOnce && to_open_ < slots_.size()) begin(slots_[to_open_++]);
  loop(begun + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.patience)));
  opening_ = false;
  totals_.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  return std::move(totals_);
}

Totals Load::run(std::uint64_t operations, double seconds, bool warmup) {
  totals_ = {};
  totals_.latencies.reserve(operations > 0 ? operations : 1U << 17U);
  warmup_ = warmup;
  target_ = operations;
  started_ = 0;
  next_client_ = 0;
  const Clock::time_point begun = Clock::now();
  const auto span = [](double s) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
  };
  deadline_ = seconds > 0 ? begun + span(seconds) : Clock::time_point();
  for (Slot& slot : slots_) {
    if (!may_start()) break;
    ++started_;
    if (slot.state == State::kParked) {
      ++active_;
      send_request(slot);
    } else {
      begin(slot);
    }
  }
  loop(seconds > 0 ? deadline_ + kGrace : begun + span(options_.patience));
  totals_.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  return std::move(totals_);
}

void Load::loop(Clock::time_point give_up) {
  broken_off_ = false;
  failures_in_a_row_ = 0;
  epoll_event events[256];
  while (active_ > 0) {
    const int count = epoll_wait(epoll_, events, std::size(events), 200);
    for (int i = 0; i < count; ++i) step(*static_cast<Slot*>(events[i].data.ptr));
    if (Clock::now() < give_up && failures_in_a_row_ < 10'000) continue;
    broken_off_ = true;
    for (Slot& slot : slots_) {
      if (slot.state == State::kAwaiting) ++totals_.lost;
      if (slot.state != State::kParked) close(slot);
    }
    active_ = 0;
  }
}

// The slot becomes active.
void Load::begin(Slot& slot) {
  ++active_;
  ++totals_.opened;
  slot.begun = Clock::now();
  slot.state = State::kConnecting;
  slot.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (slot.fd < 0) die(fmt::format("socket: {}", std::strerror(errno)));
  const int on = 1;
  setsockopt(slot.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // Registered once, for both directions; a connect that failed at once is reported as an event, too.
  ::connect(slot.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.ptr = &slot;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, slot.fd, &event);
}

void Load::start_tls(Slot& slot) {
  slot.ssl = SSL_new(context_);
  if (slot.ssl == nullptr) die("SSL_new");
  SSL_set_fd(slot.ssl, slot.fd);
  SSL_set_connect_state(slot.ssl);
  SSL_set_app_data(slot.ssl, &slot);
  SSL_set_tlsext_host_name(slot.ssl, "localhost");
  if (!credentials_.empty()) {
    // The first leaf is the warm-up's where there are more.
    const std::size_t measured = credentials_.size() > 1 ? credentials_.size() - 1 : 0;
    credentials_.use(slot.ssl, warmup_ || measured == 0 ? 0 : 1 + next_client_++ % measured);
  }
  if (slot.session != nullptr) SSL_set_session(slot.ssl, slot.session);
}

void Load::step(Slot& slot) {
  if (slot.state == State::kConnecting) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(slot.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return failed(slot, totals_.failed_connects);
    if (options_.plain) {
      send_request(slot);
      return;
    }
    start_tls(slot);
    slot.state = State::kHandshaking;
  }
  if (slot.state == State::kHandshaking && !shake_hands(slot)) return;
  if (slot.state != State::kAwaiting && slot.state != State::kParked) return;
  switch (read_answer(slot)) {
    case Answer::kPartial:
      return;
    case Answer::kWhole:
      return completed(slot);
    case Answer::kRefused:
      // Counted by status already.
      failures_in_a_row_ += 1;
      close(slot);
      --active_;
      return next(slot);
    case Answer::kBroken:
      if (slot.state != State::kParked) return failed(slot, totals_.lost);
      return close(slot);
  }
}

// False: not done, or failed and dealt with.
bool Load::shake_hands(Slot& slot) {
  ERR_clear_error();
  const int result = SSL_do_handshake(slot.ssl);
  if (result != 1) {
    const int error = SSL_get_error(slot.ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return false;
    SSL_SESSION_free(std::exchange(slot.session, nullptr));
    failed(slot, totals_.failed_handshakes);
    return false;
  }
  if (SSL_session_reused(slot.ssl) == 1) {
    ++totals_.resumed;
  } else if (negotiated_.empty()) {
    const char* group = OBJ_nid2sn(static_cast<int>(SSL_get_negotiated_group(slot.ssl)));
    negotiated_ = fmt::format("{} {} {}", SSL_get_version(slot.ssl), SSL_get_cipher_name(slot.ssl),
                              group == nullptr ? "?" : group);
  }
  const Clock::time_point connected = slot.begun;
  send_request(slot);
  slot.begun = connected;
  return slot.state == State::kAwaiting;
}

void Load::send_request(Slot& slot) {
  if (slot.state == State::kParked) slot.begun = Clock::now();
  slot.state = State::kAwaiting;
  slot.head.clear();
  slot.head_done = slot.last = false;
  const int size = static_cast<int>(request_.size());
  ERR_clear_error();
  // It always fits an empty socket buffer.
  const auto sent = slot.ssl == nullptr ? ::send(slot.fd, request_.data(), request_.size(), MSG_NOSIGNAL)
                                        : SSL_write(slot.ssl, request_.data(), size);
  if (sent != size) failed(slot, totals_.lost);
}

Load::Answer Load::read_answer(Slot& slot) {
  static char buffer[65'536];
  for (;;) {
    ssize_t got = 0;
    if (slot.ssl == nullptr) {
      got = ::recv(slot.fd, buffer, sizeof buffer, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Answer::kPartial;
    } else {
      ERR_clear_error();
      got = SSL_read(slot.ssl, buffer, sizeof buffer);
      if (got <= 0 && SSL_get_error(slot.ssl, static_cast<int>(got)) == SSL_ERROR_WANT_READ) return Answer::kPartial;
    }
    if (got <= 0) return Answer::kBroken;
    totals_.body_bytes += static_cast<std::uint64_t>(got);
    if (slot.state == State::kParked) return Answer::kBroken;  // nobody asked
    const Answer answer = take(slot, {buffer, static_cast<std::size_t>(got)});
    if (answer != Answer::kPartial) return answer;
    // Less than was asked for means drained; the next edge says when there is more.
    if (slot.ssl == nullptr && got < static_cast<ssize_t>(sizeof buffer)) return Answer::kPartial;
  }
}

Load::Answer Load::take(Slot& slot, std::string_view bytes) {
  if (!slot.head_done) return take_head(slot, bytes);
  if (bytes.size() > slot.missing) return Answer::kBroken;
  slot.missing -= bytes.size();
  return slot.missing == 0 ? Answer::kWhole : Answer::kPartial;
}

Load::Answer Load::take_head(Slot& slot, std::string_view bytes) {
  // Nearly always the head comes whole, and is not copied.
  if (!slot.head.empty()) {
    slot.head.append(bytes);
    bytes = slot.head;
  }
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (slot.head.empty()) slot.head.assign(bytes);
    return slot.head.size() > kMostHead ? Answer::kBroken : Answer::kPartial;
  }
  const std::string_view head = bytes.substr(0, end + 2);
  int status = 0;
  if (head.size() > 12) std::from_chars(head.data() + 9, head.data() + 12, status);
  if (status != 200) {
    ++totals_.refused[status];
    return Answer::kRefused;
  }
  const auto length = parse_uint(field(head, "content-length"));
  if (!length) return Answer::kBroken;
  slot.last = equals_ignore_case(field(head, "connection"), "close");
  slot.head_done = true;
  slot.missing = *length;
  return take(slot, bytes.substr(end + 4));
}

void Load::completed(Slot& slot) {
  failures_in_a_row_ = 0;
  ++totals_.completed;
  const auto taken = Clock::now() - slot.begun;
  if (!warmup_ && !opening_) totals_.latencies.push_back(std::chrono::duration<float, std::micro>(taken).count());
  --active_;
  const bool stays = options_.mode == Mode::kKeepAlive || options_.mode == Mode::kIdle;
  if (stays && !slot.last) {
    slot.state = State::kParked;
  } else {
    if (stays) ++totals_.closed_in_order;
    if (slot.ssl != nullptr) SSL_shutdown(slot.ssl);
    close(slot);
  }
  next(slot);
}

// What the slot does when an operation has ended, one way or the other.
void Load::next(Slot& slot) {
  if (opening_) {
    if (to_open_ < slots_.size()) begin(slots_[to_open_++]);
    return;
  }
  if (!may_start()) return;
  ++started_;
  if (slot.state == State::kParked) {
    ++active_;
    send_request(slot);
  } else {
    begin(slot);
  }
}

void Load::failed(Slot& slot, std::uint64_t& counter) {
  ++counter;
  ++failures_in_a_row_;
  close(slot);
  --active_;
  next(slot);
}

void Load::close(Slot& slot) {
  if (slot.ssl != nullptr) {
    // A session of a connection that was not shut down would be marked as not resumable.
    SSL_set_quiet_shutdown(slot.ssl, 1);
    SSL_shutdown(slot.ssl);
    SSL_free(std::exchange(slot.ssl, nullptr));
  }
  if (slot.fd >= 0) ::close(std::exchange(slot.fd, -1));
  slot.state = State::kClosed;
}

unsigned Load::open_connections() const {
  return static_cast<unsigned>(
      std::count_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.state == State::kParked; }));
}

}  // namespace portcullis::bench
