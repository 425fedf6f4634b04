#include "proxy/websocket_handshake.h"

#include "base/base64.h"
#include "http/websocket.h"
#include "proxy/stages.h"
#include "x509/sha1.h"

namespace portcullis::proxy {

namespace {

constexpr std::string_view kKey = "Sec-WebSocket-Key";
constexpr std::string_view kVersion = "Sec-WebSocket-Version";
constexpr std::string_view kAccept = "Sec-WebSocket-Accept";

bool over_http2(const RequestContext& context) { return context.exchange.request().version == http::Version::kHttp2; }

std::string accept_for(std::string_view key) {
  std::string text(key);
  text += http::kWebSocketGuid;
  return base64_encode(x509::sha1(text));
}

}  // namespace

bool note_websocket_key(RequestContext& context) {
  const http::Fields& fields = context.exchange.request().fields;
  if (!over_http2(context)) {
    context.websocket_key = fields.get(kKey).value_or("");
    return true;  // the parser has looked at the rest
  }
  // The key keeps caches and careless servers from answering by accident; it is no secret.
  const TraceId nonce = context.services.trace_ids.next();
  context.websocket_key = base64_encode(std::string_view(nonce).substr(0, 16));
  return fields.get(kVersion).value_or(http::kWebSocketVersion) == http::kWebSocketVersion;
}

void ask_for_websocket(RequestContext& context) {
  http::Fields& fields = context.exchange.request().fields;
  fields.set("Upgrade", "websocket");  // the writer puts it into Connection
  fields.set(kKey, context.websocket_key);
  fields.set(kVersion, http::kWebSocketVersion);
}

bool backend_agrees(const RequestContext& context) {
  return http::agrees_to_websocket(context.response, accept_for(context.websocket_key));
}

void rewrite_agreement(RequestContext& context) {
  rewrite_response(context);
  if (over_http2(context)) {
    context.response.fields.remove(kAccept);
  } else {
    context.response.fields.set(kAccept, accept_for(context.websocket_key));
  }
}

}  // namespace portcullis::proxy
