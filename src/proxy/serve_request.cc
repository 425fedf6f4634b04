#include "proxy/serve_request.h"

#include "http/error_page.h"
#include "proxy/access_record.h"
#include "proxy/forward.h"
#include "proxy/journal_record.h"
#include "proxy/plain_on_tls.h"
#include "proxy/stages.h"

namespace portcullis::proxy {

using event::Task;

namespace {

// Sends the page of a refusal.
Task<void> answer_refusal(RequestContext& context) {
  http::ResponseHead& head = context.response;
  head.clear();
  head.status = context.refused.status;
  head.fields.add("Server", "Portcullis");
  head.fields.add("Content-Type", "text/html");
  if (head.status == 405) head.fields.add("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  const bool head_request = context.exchange.request().method == "HEAD";
  const std::string_view page = head_request ? std::string_view() : std::string_view(context.refused.body);
  head.body = head_request ? http::BodyKind::kNone : http::BodyKind::kLength;
  head.announces_length = head_request;
  head.content_length = context.refused.body.size();
  const Result<void> sent = co_await context.exchange.respond(head, page, true);
  if (!sent) context.error_info = "ERRORINFO_CLIENT_CLOSED_REQUEST";
}

}  // namespace

Task<void> serve_request(conn::Exchange& exchange, ClientConnection& connection, Services& services) {
  const bool in_force = connection.adopt(services.snapshot);
  ++connection.requests;
  services.counters.requests.add();
  RequestContext context(exchange, connection, services);

  const WallTime now = services.loop.wall_now();
  const bool normal = normalise(context);
  // The connection's own profile is judged before anything that the client says is looked at (I12), a malformed request
  // included: a stranger learns nothing but that it is one.
  context.verdict = co_await connection.admission.verdict(now);
  bool go_on = admit(context);
  if (go_on) journal_verdict(context);
  if (go_on) go_on = still_served(context, in_force);
  if (go_on) go_on = normal;
  if (go_on) go_on = select_listener(context);
  if (go_on) {
    rewrite_request(context);
    co_await forward(context);
  }
  const bool answer = context.refused.status != 0;
  if (answer && !exchange.responded() && !context.client_gone) co_await answer_refusal(context);
  write_access_record(context);
  journal_request(context);
}

Task<void> serve_plain_on_tls(conn::Exchange& exchange, ClientConnection& connection, Services& services) {
  exchange.close_after();
  ++connection.requests;
  services.counters.requests.add();
  RequestContext context(exchange, connection, services);
  context.refuse(400, "http.plain_on_tls_port", "ERRORINFO_HTTP_TO_HTTPS_PORT");
  context.refused.body = http::error_page(http::BadRequestPage::kPlainHttpToHttpsPort);
  co_await answer_refusal(context);
  write_access_record(context);
}

}  // namespace portcullis::proxy
