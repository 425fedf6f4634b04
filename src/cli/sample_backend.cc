#include "cli/sample_backend.h"

#include <map>
#include <set>
#include <string>

#include "base/check.h"
#include "base/strings.h"
#include "conn/h1.h"
#include "net/tcp.h"
#include "telemetry/json_line.h"

namespace portcullis::cli {

using event::Deadline;
using event::Task;
using event::Wake;

namespace {

// What is left of a body that a demonstration has no use for is cut off.
constexpr std::uint64_t kMaxBody = 64U << 20U;
constexpr std::chrono::milliseconds kAcceptPause{100};

// Names are joined without regard to case, so that no key of the object comes twice.
std::string headers_json(const http::Fields& fields) {
  std::map<std::string, std::string, LessIgnoreCase> joined;
  fields.for_each([&joined](const http::Field& field) {
    const auto [place, fresh] = joined.emplace(field.name, field.value);
    if (!fresh) place->second.append(", ").append(field.value);
  });
  std::string json;
  telemetry::JsonLine line(json);
  for (const auto& [name, value] : joined) line.add(name, value);
  line.close();
  return json;
}

Task<void> answer(conn::Exchange& exchange) {
  http::ResponseHead head;
  std::string body;
  if (const http::Refusal* refusal = exchange.refusal()) {
    head.status = refusal->status;
  } else {
    std::uint64_t received = 0;
    while (!exchange.body_done()) {
      const Result<std::string_view> piece = co_await exchange.read_body();
      if (!piece) co_return;
      received += piece->size();
      if (received > kMaxBody) {
        exchange.close_after();
        break;
      }
    }
    telemetry::JsonLine line(body);
    line.add("method", exchange.request().method).add("path", exchange.request().target);
    line.add_raw("headers", headers_json(exchange.request().fields)).add("body_bytes", received);
    line.close();
    body += '\n';
    head.fields.add("Content-Type", "application/json");
  }
  const bool asked_for_head = exchange.request().method == "HEAD";
  head.body = asked_for_head ? http::BodyKind::kNone : http::BodyKind::kLength;
  head.announces_length = asked_for_head;
  head.content_length = body.size();
  if (asked_for_head) body.clear();
  // A client that has gone needs no answer.
  [[maybe_unused]] const Result<void> sent = co_await exchange.respond(head, body, true);
}

}  // namespace

struct SampleBackend::Service {
  std::unique_ptr<event::Loop> loop;
  net::Fd listener;
  net::BufferPool buffers;
  conn::Handler handler = answer;
  std::unique_ptr<event::Watch> accepting;
  std::set<net::TcpStream*> open;
  bool ending = false;

  static Task<void> accept_all(Service* self);
  static Task<void> serve_connection(Service* self, net::Fd fd);
  void end();
  // The loop goes on until every coroutine has unwound, so that none is left holding memory.
  void stop_when_empty() {
    if (ending && open.empty() && accepting == nullptr) loop->stop();
  }
};

void SampleBackend::Service::end() {
  ending = true;
  if (accepting != nullptr) accepting->cancel();
  for (net::TcpStream* stream : open) stream->watch().cancel();
  stop_when_empty();
}

Task<void> SampleBackend::Service::serve_connection(Service* self, net::Fd fd) {
  {
    net::TcpStream stream(*self->loop, std::move(fd));
    self->open.insert(&stream);
    conn::Control control;
    const conn::Patience patience;
    conn::H1Connection connection(stream, self->buffers, control, self->handler, patience);
    std::string early;
    co_await connection.serve(std::move(early));
    self->open.erase(&stream);
  }
  self->stop_when_empty();
}

Task<void> SampleBackend::Service::accept_all(Service* self) {
  while (!self->ending) {
    const Wake wake = co_await self->accepting->readable(event::kNoDeadline);
    if (wake != Wake::kReady) break;
    net::Accepted accepted;
    const net::AcceptState state = net::try_accept(self->listener.get(), accepted);
    if (state == net::AcceptState::kNothing) self->accepting->not_readable();
    if (state == net::AcceptState::kAccepted) event::spawn(serve_connection(self, std::move(accepted.fd)));
    if (state == net::AcceptState::kNoDescriptors) {
      const Deadline later = self->loop->in(kAcceptPause);
      co_await event::sleep_until(*self->loop, later);
    }
  }
  self->accepting.reset();
  self->stop_when_empty();
}

SampleBackend::SampleBackend() : service_(std::make_unique<Service>()) {}

Result<std::unique_ptr<SampleBackend>> SampleBackend::create() {
  std::unique_ptr<SampleBackend> backend(new SampleBackend());
  auto loop = event::Loop::create(backend->clock_);
  if (!loop) return forward_error(loop);
  auto listener = net::listen_tcp({IpAddress::v4(0x7f000001), 0});
  if (!listener) return forward_error(listener);
  Service& service = *backend->service_;
  service.loop = std::move(*loop);
  service.listener = std::move(*listener);
  backend->port_ = net::local_endpoint(service.listener.get()).port;
  return backend;
}

void SampleBackend::start() {
  CHECK(!thread_.joinable());
  thread_ = std::thread([service = service_.get()] {
    service->accepting = std::make_unique<event::Watch>(*service->loop, service->listener.get());
    event::spawn(Service::accept_all(service));
    service->loop->run();
  });
}

SampleBackend::~SampleBackend() {
  if (!thread_.joinable()) return;
  service_->loop->post([service = service_.get()] { service->end(); });
  thread_.join();
}

}  // namespace portcullis::cli
