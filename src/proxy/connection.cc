#include "proxy/connection.h"

#include <array>

#include "base/strings.h"
#include "proxy/request_context.h"

namespace portcullis::proxy {

Admitted::Admitted(ClientConnection& connection) : connection_(connection), next_(connection.admitted) {
  if (next_ != nullptr) next_->previous_ = this;
  connection_.admitted = this;
}

Admitted::~Admitted() {
  if (next_ != nullptr) next_->previous_ = previous_;
  (previous_ == nullptr ? connection_.admitted : previous_->next_) = next_;
}

void ClientConnection::tell_admitted(const clientauth::Verdict& verdict) const {
  for (Admitted* one = admitted; one != nullptr; one = one->next_) one->judged_again(verdict);
}

bool ClientConnection::adopt(const std::shared_ptr<const snapshot::Snapshot>& current) {
  if (current == snapshot) return true;
  const snapshot::Address* new_address = current->find(address->local);
  if (new_address == nullptr || new_address->https != address->https) return false;
  if (listener != nullptr) {
    const snapshot::Listener* new_listener = new_address->find(listener->gateway, listener->name);
    if (new_listener == nullptr) return false;
    admission.set_verifier(new_listener->verifier);
    listener = new_listener;
  }
  address = new_address;
  snapshot = current;
  return true;
}

TraceIds::TraceIds() {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
  random_.seed(seed);
}

TraceId TraceIds::next() {
  TraceId id;
  std::array<std::uint64_t, 2> bytes{};
  for (std::uint64_t& half : bytes) half = random_();
  put_hex_lower({reinterpret_cast<const char*>(bytes.data()), sizeof bytes}, id.digits.data());
  return id;
}

Services::Services(event::Loop& loop_in, net::BufferPool& buffers_in, upstream::ConnectionPool& connections_in,
                   upstream::H2Pool& h2_connections_in, upstream::Balancer& balancer_in, Counters& counters_in,
                   telemetry::AccessLogSink::Producer access_log_in)
    : loop(loop_in),
      buffers(buffers_in),
      connections(connections_in),
      h2_connections(h2_connections_in),
      balancer(balancer_in),
      counters(counters_in),
      access_log(access_log_in) {}

Services::~Services() = default;

Counters::Counters(telemetry::Registry& registry)
    : requests(registry.counter("portcullis_requests_total", "Requests answered.")),
      admitted(registry.counter("portcullis_client_auth_total", "Verdicts on requests.", {{"result", "admitted"}})),
      refused(registry.counter("portcullis_client_auth_total", "Verdicts on requests.", {{"result", "refused"}})),
      no_certificate(
          registry.counter("portcullis_client_auth_total", "Verdicts on requests.", {{"result", "no_certificate"}})),
      shadow_admitted(registry.counter("portcullis_client_auth_shadow_total",
                                       "What strict would have said of requests that passthrough let pass.",
                                       {{"result", "admitted"}})),
      shadow_refused(registry.counter("portcullis_client_auth_shadow_total",
                                      "What strict would have said of requests that passthrough let pass.",
                                      {{"result", "refused"}})),
      misdirected(registry.counter("portcullis_misdirected_total", "Requests answered with 421.")),
      upstream_failures(registry.counter("portcullis_upstream_failures_total", "Requests that no backend answered.")),
      websockets(registry.counter("portcullis_websockets_total", "Requests for WebSocket by the backend's answer.",
                                  {{"result", "opened"}})),
      websockets_declined(registry.counter(
          "portcullis_websockets_total", "Requests for WebSocket by the backend's answer.", {{"result", "declined"}})),
      websocket_to_backend(registry.counter("portcullis_websocket_bytes_total", "Bytes carried by ended WebSockets.",
                                            {{"to", "backend"}})),
      websocket_to_client(registry.counter("portcullis_websocket_bytes_total", "Bytes carried by ended WebSockets.",
                                           {{"to", "client"}})),
      websockets_open(registry.gauge("portcullis_websockets_open", "WebSockets open now.")) {}

}  // namespace portcullis::proxy
