// RequestContext: one request on its way through the stages, and the source of every server variable and log value
// about it. Lives in serve_request's frame; worker-local.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "clientauth/verdict.h"
#include "conn/exchange.h"
#include "http/uri.h"
#include "proxy/connection.h"
#include "routing/variables.h"

namespace portcullis::proxy {

// How the request ended where the gateway, not a backend, decided; static strings.
struct Refused {
  int status = 0;           // 0: it was not refused
  std::string_view reason;  // stable: "client_cert.expired", "upstream.timeout"
  std::string body;         // the page
};

// What is known of the backend's side, for the log.
struct UpstreamRecord {
  Endpoint routed;  // meaningful once there was an attempt
  int status = 0;
  std::uint16_t source_port = 0;
  MonoTime sent{}, answered{};
  unsigned attempts = 0;
};

// How a request that became a tunnel went.
struct TunnelRecord {
  // Which side ended or broke first, or why the gateway ended it.
  enum class Ended : std::uint8_t {
    kNot,
    kClient,
    kBackend,
    kClientBroke,
    kBackendBroke,
    kIdle,
    kDrained,
    kRefused,
    kCutOff
  };
  Ended ended = Ended::kNot;                    // kNot: it was no tunnel
  std::uint64_t to_backend = 0, to_client = 0;  // bytes that were handed over
  std::string_view refusal;                     // kRefused: why, static
};
// "client", "backend", "client_broke", …; empty for kNot.
std::string_view to_string(TunnelRecord::Ended ended);

// What a request needs memory for. Pooled by the worker, so that a request in the steady state allocates nothing here.
struct RequestScratch {
  std::string original_host, original_target, user_agent, host;
  http::Target target;
  http::ResponseHead response;
};

class RequestContext final : public routing::VariableSource {
 public:
  RequestContext(conn::Exchange& exchange, ClientConnection& connection, Services& services);
  ~RequestContext() override;
  RequestContext(const RequestContext&) = delete;
  RequestContext& operator=(const RequestContext&) = delete;

  void append(const routing::VariableRef& variable, std::string& out) const override;

  conn::Exchange& exchange;
  ClientConnection& connection;
  Services& services;
  const std::shared_ptr<const snapshot::Snapshot> snapshot;  // pinned for the whole of this request
  const snapshot::Address& address;  // within it: on HTTP/2 another request may take the connection further meanwhile
  const std::uint64_t number;        // of this request on its connection, from 1
  std::unique_ptr<RequestScratch> scratch;

  // As received, before anything is rewritten.
  std::string& original_host = scratch->original_host;  // the Host field
  std::string& original_target = scratch->original_target;
  std::string& user_agent = scratch->user_agent;
  const TraceId trace_id;

  http::Target& target = scratch->target;
  std::string& host = scratch->host;  // canonical, without port; empty: none given
  clientauth::Verdict verdict;
  const snapshot::Listener* listener = nullptr;  // by Host
  Refused refused;
  static constexpr std::string_view kNoError = "ERRORINFO_NO_ERROR";
  std::string_view error_info = kNoError;
  UpstreamRecord upstream;
  TunnelRecord tunnel;
  std::string websocket_key;  // of a request for WebSocket: the client's, or our own where it has none
  http::ResponseHead& response = scratch->response;  // the one that goes, or went, to the client
  bool client_gone = false;

  void refuse(int status, std::string_view reason, std::string_view error_info);
  // Another backend is tried: the refusal that the one before made necessary is no longer what ends the request.
  void take_back_refusal();
  const snapshot::Rule* rule() const { return listener != nullptr && listener->rule ? &*listener->rule : nullptr; }
  std::string_view scheme() const { return connection.tls != nullptr ? "https" : "http"; }

 private:
  void append_certificate(routing::Variable variable, std::string& out) const;
  void append_connection(routing::Variable variable, std::string& out) const;
  void append_request(const routing::VariableRef& variable, std::string& out) const;
};

}  // namespace portcullis::proxy
