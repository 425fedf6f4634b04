#include "http2_load.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace portcullis::bench {
namespace {

constexpr std::chrono::seconds kGrace{5};  // for what is under way when a phase's time is up
constexpr unsigned kMostFailures = 1'000;  // in a row
constexpr std::int32_t kStreamWindow = 1 << 20;
constexpr std::int32_t kConnectionWindow = 1 << 24;

nghttp2_nv field(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

}  // namespace

Http2Load::Http2Load(const Options& options, const Credentials& credentials)
    : options_(options),
      credentials_(credentials),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      connections_(options.connections) {
  if (epoll_ < 0) die("epoll_create1");
  make_context();
  nghttp2_session_callbacks_new(&callbacks_);
  nghttp2_session_callbacks_set_on_header_callback(callbacks_, &Http2Load::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks_, &Http2Load::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks_, &Http2Load::on_stream_close);
  for (Connection& connection : connections_) {
    connection.load = this;
    connection.streams.resize(options_.streams);
    for (Stream& stream : connection.streams) stream.connection = &connection;
  }
}

Http2Load::~Http2Load() {
  for (Connection& connection : connections_) close(connection);
  nghttp2_session_callbacks_del(callbacks_);
  SSL_CTX_free(context_);
  ::close(epoll_);
}

void Http2Load::make_context() {
  context_ = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(context_, "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set_verify(context_, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  static constexpr unsigned char kH2[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(context_, kH2, sizeof kH2);
}

bool Http2Load::may_start() const {
  if (target_ > 0 && started_ >= target_) return false;
  return deadline_ == Clock::time_point() || Clock::now() < deadline_;
}

Totals Http2Load::open_all() { return run(connections_.size(), 0, true); }

Totals Http2Load::run(std::uint64_t operations, double seconds, bool warmup) {
  const auto span = [](double s) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
  };
  totals_ = {};
  totals_.latencies.reserve(operations > 0 ? operations : 1U << 17U);
  warmup_ = warmup;
  target_ = operations;
  started_ = 0;
  const Clock::time_point begun = Clock::now();
  deadline_ = seconds > 0 ? begun + span(seconds) : Clock::time_point();
  for (Connection& connection : connections_) {
    if (connection.state == State::kClosed) begin(connection);
    if (connection.state == State::kOpen) step(connection);
  }
  loop(seconds > 0 ? deadline_ + kGrace : begun + span(options_.patience));
  totals_.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  return std::move(totals_);
}

void Http2Load::loop(Clock::time_point give_up) {
  failures_in_a_row_ = 0;
  std::array<epoll_event, 64> events;
  while (active_ > 0 || may_start()) {
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 200);
    for (int i = 0; i < count; ++i) step(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
    if (Clock::now() < give_up && failures_in_a_row_ < kMostFailures) continue;
    totals_.lost += active_;
    for (Connection& connection : connections_) close(connection);
    return;
  }
}

void Http2Load::begin(Connection& connection) {
  ++totals_.opened;
  connection.state = State::kConnecting;
  connection.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (connection.fd < 0) die(fmt::format("socket: {}", std::strerror(errno)));
  const int on = 1;
  setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::connect(connection.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.ptr = &connection;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
}

void Http2Load::start_tls(Connection& connection) {
  connection.ssl = SSL_new(context_);
  if (connection.ssl == nullptr) die("SSL_new");
  SSL_set_fd(connection.ssl, connection.fd);
  SSL_set_connect_state(connection.ssl);
  SSL_set_tlsext_host_name(connection.ssl, "localhost");
  if (!credentials_.empty()) credentials_.use(connection.ssl, 0);
}

void Http2Load::start_http2(Connection& connection) {
  nghttp2_session_client_new(&connection.session, callbacks_, &connection);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow}};
  nghttp2_submit_settings(connection.session, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(connection.session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

void Http2Load::step(Connection& connection) {
  if (connection.state == State::kConnecting) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(connection.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      ++totals_.failed_connects;
      ++failures_in_a_row_;
      return reopen(connection);
    }
    start_tls(connection);
    connection.state = State::kHandshaking;
  }
  if (connection.state == State::kHandshaking && !shake_hands(connection)) return;
  if (connection.state != State::kOpen) return;
  if (!exchange(connection)) reopen(connection);
}

// False: not done, or failed and dealt with.
bool Http2Load::shake_hands(Connection& connection) {
  ERR_clear_error();
  const int result = SSL_do_handshake(connection.ssl);
  if (result != 1) {
    const int error = SSL_get_error(connection.ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return false;
  }
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  if (result == 1) SSL_get0_alpn_selected(connection.ssl, &chosen, &size);
  if (size != 2 || std::memcmp(chosen, "h2", 2) != 0) {
    ++totals_.failed_handshakes;
    ++failures_in_a_row_;
    reopen(connection);
    return false;
  }
  if (negotiated_.empty()) {
    const char* group = OBJ_nid2sn(static_cast<int>(SSL_get_negotiated_group(connection.ssl)));
    negotiated_ = fmt::format("{} {} {} h2", SSL_get_version(connection.ssl), SSL_get_cipher_name(connection.ssl),
                              group == nullptr ? "?" : group);
  }
  start_http2(connection);
  connection.state = State::kOpen;
  return true;
}

// Reads what is there, puts requests on idle streams, sends. False: the connection is over.
bool Http2Load::exchange(Connection& connection) {
  const bool alive = receive(connection);
  if (alive) fill(connection);
  if (!alive || !send(connection)) return false;
  return nghttp2_session_want_read(connection.session) != 0 || nghttp2_session_want_write(connection.session) != 0;
}

bool Http2Load::receive(Connection& connection) {
  static std::array<std::uint8_t, 65'536> buffer;
  for (;;) {
    ERR_clear_error();
    const int got = SSL_read(connection.ssl, buffer.data(), static_cast<int>(buffer.size()));
    if (got <= 0) return SSL_get_error(connection.ssl, got) == SSL_ERROR_WANT_READ;
    const auto taken = nghttp2_session_mem_recv(connection.session, buffer.data(), static_cast<std::size_t>(got));
    if (taken != got) return false;
  }
}

bool Http2Load::send(Connection& connection) {
  for (;;) {
    while (connection.unsent.size() < 16'384) {
      const std::uint8_t* bytes = nullptr;
      const auto size = nghttp2_session_mem_send(connection.session, &bytes);
      if (size < 0) return false;
      if (size == 0) break;
      connection.unsent.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    }
    if (connection.unsent.empty()) return true;
    ERR_clear_error();
    const int put = SSL_write(connection.ssl, connection.unsent.data(), static_cast<int>(connection.unsent.size()));
    if (put <= 0) return SSL_get_error(connection.ssl, put) == SSL_ERROR_WANT_WRITE;
    connection.unsent.erase(0, static_cast<std::size_t>(put));
  }
}

void Http2Load::fill(Connection& connection) {
  for (Stream& stream : connection.streams) {
    if (stream.busy) continue;
    if (nghttp2_session_check_request_allowed(connection.session) == 0 || !may_start()) return;
    ++started_;
    submit(stream);
    // The first phase shall open every connection, not use one for all.
    if (warmup_) return;
  }
}

void Http2Load::submit(Stream& stream) {
  const nghttp2_nv fields[] = {field(":method", "GET"), field(":scheme", "https"), field(":authority", "localhost"),
                               field(":path", options_.path), field("user-agent", "bench-loadgen")};
  stream.begun = Clock::now();
  stream.status = 0;
  stream.busy = true;
  ++active_;
  ++stream.connection->busy;
  if (nghttp2_submit_request(stream.connection->session, nullptr, fields, std::size(fields), nullptr, &stream) < 0) {
    ended(stream, NGHTTP2_REFUSED_STREAM);
  }
}

int Http2Load::on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                         void*) {
  if (name_size != 7 || std::memcmp(name, ":status", 7) != 0) return 0;
  auto* stream = static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, frame->hd.stream_id));
  const auto* text = reinterpret_cast<const char*>(value);
  if (stream != nullptr) std::from_chars(text, text + value_size, stream->status);
  return 0;
}

int Http2Load::on_data(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t*, std::size_t size,
                       void* user) {
  static_cast<Connection*>(user)->load->totals_.body_bytes += size;
  return 0;
}

int Http2Load::on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t error, void* user) {
  auto* stream = static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id));
  if (stream != nullptr) static_cast<Connection*>(user)->load->ended(*stream, error);
  return 0;
}

void Http2Load::ended(Stream& stream, std::uint32_t error) {
  stream.busy = false;
  --active_;
  --stream.connection->busy;
  if (error == NGHTTP2_REFUSED_STREAM) {
    --started_;
    return;
  }
  if (error != NGHTTP2_NO_ERROR || stream.status == 0) {
    ++totals_.lost;
    ++failures_in_a_row_;
  } else if (stream.status != 200) {
    ++totals_.refused[stream.status];
    ++failures_in_a_row_;
  } else {
    failures_in_a_row_ = 0;
    ++totals_.completed;
    const auto taken = Clock::now() - stream.begun;
    if (!warmup_) totals_.latencies.push_back(std::chrono::duration<float, std::micro>(taken).count());
  }
}

void Http2Load::reopen(Connection& connection) {
  if (connection.state == State::kOpen && connection.busy == 0) ++totals_.closed_in_order;
  totals_.lost += connection.busy;
  close(connection);
  if (may_start()) begin(connection);
}

void Http2Load::close(Connection& connection) {
  active_ -= std::exchange(connection.busy, 0U);
  for (Stream& stream : connection.streams) stream.busy = false;
  nghttp2_session_del(std::exchange(connection.session, nullptr));
  if (connection.ssl != nullptr) {
    SSL_shutdown(connection.ssl);
    SSL_free(std::exchange(connection.ssl, nullptr));
  }
  if (connection.fd >= 0) ::close(std::exchange(connection.fd, -1));
  connection.unsent.clear();
  connection.state = State::kClosed;
}

}  // namespace portcullis::bench
