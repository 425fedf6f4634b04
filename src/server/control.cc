#include "server/control.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "crypto/tls_library.h"
#include "event/signal.h"
#include "proxy/journal_record.h"
#include "server/notify.h"
#include "server/process.h"
#include "server/revocation_memory.h"
#include "store/state_dir.h"

namespace portcullis::server {

using event::Deadline;
using event::Task;
using event::Wake;
using telemetry::log_error;
using telemetry::log_info;
using telemetry::log_warn;

namespace {

// How long the first start waits for the names of backend pools.
constexpr std::chrono::seconds kFirstResolution{3};
constexpr std::chrono::milliseconds kDrainPoll{20};
// How soon a revocation list that was replaced is in force.
constexpr std::chrono::milliseconds kListPoll{500};
// After that connections are cut off, and after this the process ends whatever is left. Longer than connecting to a
// backend takes at most, which nothing interrupts.
constexpr std::chrono::seconds kCutOffLimit{7};

telemetry::Level level_of(model::LogLevel level) {
  switch (level) {
    case model::LogLevel::kError:
      return telemetry::Level::kError;
    case model::LogLevel::kWarn:
      return telemetry::Level::kWarn;
    case model::LogLevel::kDebug:
      return telemetry::Level::kDebug;
    default:
      return telemetry::Level::kInfo;
  }
}

void log_findings(const model::Findings& findings) {
  for (const model::Finding& finding : findings) {
    if (finding.severity == model::Severity::kError) {
      log_error("document.error", {{"code", finding.code}, {"pointer", finding.pointer}, {"message", finding.message}});
    } else {
      log_warn("document.warning",
               {{"code", finding.code}, {"pointer", finding.pointer}, {"message", finding.message}});
    }
  }
}

std::vector<const model::Gateway*> pointers_to(const std::vector<model::Gateway>& gateways) {
  std::vector<const model::Gateway*> out;
  out.reserve(gateways.size());
  for (const model::Gateway& gateway : gateways) out.push_back(&gateway);
  return out;
}

}  // namespace

Control::Control(const RunOptions& options) : options_(options) {}

Control::~Control() {
  // Its answers are posted to the workers.
  if (ocsp_ != nullptr) ocsp_->stop();
  workers_.clear();
  snapshot_.reset();
  carryover_.reset();
  keeper_.reset();
  // The resolver's callbacks post to the loops.
  resolver_.reset();
  ocsp_.reset();
  names_settled_.reset();
  lists_wanted_.reset();
  signal_watch_.reset();
  loop_.reset();
  store_.reset();
  access_log_.reset();
  telemetry::set_process_log(nullptr);
}

Result<void> Control::open_logs(const model::HostConfig& host) {
  telemetry::Log::Options log;
  log.path = host.log_path;
  log.level = level_of(host.log_level);
  auto opened = telemetry::Log::open(log);
  if (!opened) return forward_error(opened);
  log_ = std::move(*opened);
  telemetry::set_process_log(log_.get());
  telemetry::AccessLogSink::Options access;
  access.path = host.access_log_path;
  access.metrics = &metrics_;
  auto sink = telemetry::AccessLogSink::open(access);
  if (!sink) return forward_error(sink);
  access_log_ = std::move(*sink);
  return {};
}

void Control::make_store(const model::HostConfig& host) {
  store::Store::Options options;
  options.state_dir = host.state_dir;
  options.journal_entries = host.client_auth.journal;
  options.describe = proxy::describe_peer;
  options.clock = &clock_;
  options.metrics = &metrics_;
  store_ = std::make_unique<store::Store>(std::move(options));
}

Result<void> Control::make_state_dir(const model::HostConfig& host, const snapshot::Snapshot& snapshot) {
  keeps_answers_ = asks_responders(snapshot);
  keeps_lists_ = fetches_lists(snapshot);
  if (!needs_state_dir(host)) return {};
  const auto ids = ids_of(started_with_.user);
  if (!ids) return tl::unexpected<Error>(ids.error());
  return judge_state_dir(host, store::make_state_dir(started_with_.state_dir, ids->user, ids->group));
}

bool Control::needs_state_dir(const model::HostConfig& host) const {
  return host.client_auth.journal != 0 || keeps_answers_ || keeps_lists_;
}

Result<void> Control::check_state_dir(const model::HostConfig& host) {
  if (!needs_state_dir(host)) return {};
  return judge_state_dir(host, store::check_state_dir(started_with_.state_dir));
}

Result<void> Control::judge_state_dir(const model::HostConfig& host, Result<void> usable) {
  if (usable || host.client_auth.journal != 0) return usable;
  if (std::exchange(keeps_answers_, false)) {
    log_warn(
        "ocsp_memory.off", usable.error(),
        {{"do", "until then OCSP responders are asked anew after each restart, and what they revoked is forgotten"}});
  }
  if (std::exchange(keeps_lists_, false)) {
    log_warn("crl_memory.off", usable.error(),
             {{"do", "until then revocation lists are fetched anew after each restart, and clients wait for them"}});
  }
  return {};
}

Result<void> Control::make_workers(const model::HostConfig& host) {
  shared_ = std::make_unique<Shared>(metrics_);
  shared_->access_log = access_log_.get();
  shared_->ocsp = &ocsp_->service();
  shared_->lists = &ocsp_->lists();
  shared_->store = store_.get();
  shared_->limits.configure(host.limits);
  shared_->closures.configure(host.limits.closures_per_s);
  const std::size_t count = host.workers != 0 ? host.workers : std::max(1U, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < count; ++i) {
    auto worker = Worker::create(i, clock_, *shared_);
    if (!worker) return forward_error(worker);
    workers_.push_back(std::move(*worker));
  }
  return {};
}

Result<void> Control::start(Loaded loaded, const net::Fd& signals) {
  const Configuration& configuration = *loaded.configuration;
  started_with_ = configuration.host;
  if (auto opened = open_logs(configuration.host); !opened) return opened;
  auto loop = event::Loop::create(clock_);
  if (!loop) return forward_error(loop);
  loop_ = std::move(*loop);
  names_settled_ = std::make_unique<event::Signal>(*loop_);
  lists_wanted_ = std::make_unique<event::Signal>(*loop_);
  auto resolver = net::Resolver::create();
  if (!resolver) return forward_error(resolver);
  resolver_ = std::move(*resolver);
  keeper_ = std::make_unique<upstream::MembershipKeeper>(*loop_, *resolver_);
  carryover_ = std::make_unique<snapshot::Carryover>(*keeper_);
  auto ocsp = OcspThread::create(clock_, *resolver_, configuration.host, metrics_, carryover_->ocsp_answers());
  if (!ocsp) return forward_error(ocsp);
  ocsp_ = std::move(*ocsp);
  ocsp_->on_revoked([this](const Digest& question) { review_by_answer(question); });
  ocsp_->deliver_lists_by([this](clientauth::CrlDelivery delivery, std::function<void(clientauth::CrlTaken)> done) {
    loop_->post([this, delivery = std::move(delivery), done = std::move(done)] { take_lists(delivery, done); });
  });
  make_store(configuration.host);
  if (auto made = make_workers(configuration.host); !made) return made;
  model::Findings findings = std::move(loaded.findings);
  auto snapshot = compile(configuration, findings);
  model::conceal(findings, loaded.secure_values);
  log_findings(findings);
  if (snapshot == nullptr) {
    std::string all = "the document cannot be served:";
    for (const model::Finding& finding : findings) all += "\n" + model::to_line(finding);
    return fail("document.refused", all);
  }
  auto sockets = bind_new(*snapshot);
  if (!sockets) return forward_error(sockets);
  outline_ = validate::outline(configuration.gateways, configuration.host);
  if (auto made = make_state_dir(configuration.host, *snapshot); !made) return made;
  if (auto dropped = drop_privileges(configuration.host.user); !dropped) return dropped;
  if (auto checked = check_state_dir(configuration.host); !checked) return checked;
  store_->keep_answers(keeps_answers_);
  store_->keep_lists(keeps_lists_);
  store_->start();
  ocsp_->remember_by(memory_in(*store_), lists_memory_in(*store_));
  ocsp_->start();
  for (auto& worker : workers_) worker->start();
  signal_watch_ = std::make_unique<event::Watch>(*loop_, signals.get());
  event::spawn(serve_signals(&signals));
  event::spawn(follow_lists());
  event::spawn(first_publication(std::move(snapshot), std::move(*sockets)));
  return {};
}

void Control::run() {
  loop_->run();
  for (auto& worker : workers_) worker->join();
  ocsp_->stop();
  if (store_->stop()) return;
  // Its thread hangs in a write: what it holds dies with the process.
  log_error("stopped.by_force", {{"waiting_for", store_->state_dir()}});
  access_log_->flush();
  log_->flush();
  std::_Exit(1);
}

std::shared_ptr<const snapshot::Snapshot> Control::compile(const Configuration& configuration,
                                                           model::Findings& findings) {
  const auto gateways = pointers_to(configuration.gateways);
  auto compiled = snapshot::compile(gateways, configuration.host, carryover_.get(), findings);
  if (compiled != nullptr && compiled->addresses.empty()) {
    findings.error("NoListeners", "/properties/httpListeners",
                   "the gateway has no listener, so it would serve nothing");
    return nullptr;
  }
  return compiled;
}

Result<Control::Sockets> Control::bind_new(const snapshot::Snapshot& snapshot) {
  Sockets sockets;
  for (const auto& address : snapshot.addresses) {
    if (open_.contains(address->local)) continue;
    if (auto taken = net::check_address_free(address->local); !taken) return forward_error(taken);
    std::vector<net::Fd>& fds = sockets[address->local];
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      auto fd = net::listen_tcp(address->local);
      if (!fd) return forward_error(fd);
      fds.push_back(std::move(*fd));
    }
  }
  return sockets;
}

void Control::publish(const std::shared_ptr<const snapshot::Snapshot>& snapshot, Sockets&& sockets,
                      const std::function<void()>& done) {
  snapshot_ = snapshot;
  ocsp_->stapler().keep(certificates_to_staple(*snapshot));
  open_.clear();
  for (const auto& address : snapshot->addresses) open_.insert(address->local);
  auto left = std::make_shared<std::atomic<std::size_t>>(workers_.size());
  event::Loop* loop = loop_.get();
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    std::map<Endpoint, net::Fd> mine;
    for (auto& [endpoint, fds] : sockets) mine[endpoint] = std::move(fds[i]);
    workers_[i]->publish(snapshot, std::move(mine), [left, loop, done] {
      if (left->fetch_sub(1) == 1) loop->post(done);
    });
  }
}

Task<void> Control::first_publication(std::shared_ptr<const snapshot::Snapshot> snapshot, Sockets sockets) {
  // A first request must not fail because DNS has not answered yet.
  keeper_->on_settled([this] { names_settled_->notify(); });
  if (!keeper_->settled()) {
    const Deadline deadline = loop_->in(kFirstResolution);
    co_await names_settled_->wait(deadline);
  }
  if (ending_) co_return;
  publish(snapshot, std::move(sockets), [this] { on_ready(); });
}

Task<void> Control::follow_lists() {
  while (!ending_) {
    const Deadline next = loop_->in(kListPoll);
    co_await lists_wanted_->wait(next);
    if (ending_) continue;
    carryover_->lists().look();
    review_by_lists();
  }
}

void Control::take_lists(const clientauth::CrlDelivery& delivery,
                         const std::function<void(clientauth::CrlTaken)>& done) {
  clientauth::CrlTaken taken = carryover_->lists().take(delivery);
  review_by_lists();
  done(std::move(taken));
}

void Control::review_by_lists() {
  if (!carryover_->lists().take_news()) return;
  Review news;
  news.cause = Review::Cause::kRevocation;
  news.concerns = [](const proxy::ClientConnection& connection) {
    const clientauth::Verifier* verifier = connection.admission.verifier();
    return verifier != nullptr && verifier->policy().crl;
  };
  for (auto& worker : workers_) worker->review(news);
}

void Control::review_by_answer(const Digest& question) {
  Review news;
  news.cause = Review::Cause::kRevocation;
  news.concerns = [question](const proxy::ClientConnection& connection) {
    const clientauth::PeerRecord* peer = connection.admission.peer();
    return peer != nullptr && std::any_of(peer->ocsp.begin(), peer->ocsp.end(),
                                          [&question](const auto& query) { return query->key == question; });
  };
  for (auto& worker : workers_) worker->review(news);
}

void Control::on_ready() {
  for (const auto& address : snapshot_->addresses) {
    log_info("listener.up", {{"address", address->local.to_string()},
                             {"port", address->document_port},
                             {"protocol", address->https ? "https" : "http"},
                             {"listeners", address->listeners.size()}});
  }
  log_info("ready", {{"workers", workers_.size()},
                     {"generation", snapshot_->generation},
                     {"lean_keys", crypto::tls_library_state()}});
  notify_service_manager("READY=1");
  if (options_.on_ready) options_.on_ready();
}

Task<void> Control::serve_signals(const net::Fd* signals) {
  for (;;) {
    const Wake wake = co_await signal_watch_->readable(event::kNoDeadline);
    if (wake != Wake::kReady) co_return;
    const int signal = next_signal(*signals);
    if (signal == 0) {
      signal_watch_->not_readable();
      continue;
    }
    if (signal == SIGUSR1) {
      log_->reopen();
      access_log_->reopen();
      log_info("logs.reopened");
    } else if (signal == SIGHUP) {
      if (!ending_) reload();
    } else if (!ending_) {
      ending_ = true;
      event::spawn(drain());
    } else {
      // Asked a second time: no more patience.
      for (auto& worker : workers_) worker->cut_off();
    }
  }
}

void Control::reload() {
  notify_service_manager("RELOADING=1");
  Loaded loaded = options_.load();
  if (!loaded.configuration) return reload_failed(loaded.findings);
  auto snapshot = compile(*loaded.configuration, loaded.findings);
  model::conceal(loaded.findings, loaded.secure_values);
  if (snapshot == nullptr) return reload_failed(loaded.findings);
  auto egress = egress_policy(loaded.configuration->host);
  if (!egress) {
    loaded.findings.error(egress.error().code, "/egress", egress.error().message);
    return reload_failed(loaded.findings);
  }
  auto sockets = bind_new(*snapshot);
  if (!sockets) {
    loaded.findings.error(sockets.error().code, "", sockets.error().message);
    return reload_failed(loaded.findings);
  }
  auto usable = make_state_dir(loaded.configuration->host, *snapshot);
  if (usable) usable = check_state_dir(loaded.configuration->host);
  if (!usable) {
    loaded.findings.error(usable.error().code, "", usable.error().message);
    return reload_failed(loaded.findings);
  }
  log_findings(loaded.findings);
  warn_about_fixed_settings(loaded.configuration->host);
  ocsp_->configure(std::move(*egress));
  note_weakening(*loaded.configuration);
  shared_->limits.configure(loaded.configuration->host.limits);
  store_->set_journal_entries(loaded.configuration->host.client_auth.journal);
  store_->keep_answers(keeps_answers_);
  store_->keep_lists(keeps_lists_);
  shared_->closures.configure(loaded.configuration->host.limits.closures_per_s);
  log_->set_level(level_of(loaded.configuration->host.log_level));
  carryover_->keep_only(*snapshot);
  carryover_->lists().forget_vanished();
  const std::uint64_t generation = snapshot->generation;
  publish(snapshot, std::move(*sockets), [this, generation] {
    // compile() has looked at the lists of the profiles that were served before as well.
    review_by_lists();
    log_info("reload.done", {{"generation", generation}});
    notify_service_manager("READY=1");
  });
}

void Control::reload_failed(const model::Findings& findings) {
  // compile() may have put new revocation lists in force before it failed.
  review_by_lists();
  log_findings(findings);
  log_error("reload.failed", {{"errors", findings.size()}, {"do", "mend the document; the old one goes on serving"}});
  notify_service_manager("READY=1");
}

void Control::note_weakening(const Configuration& configuration) {
  auto now = validate::outline(configuration.gateways, configuration.host);
  for (const validate::Weakening& one : validate::weakenings(outline_, now)) {
    log_warn("auth.weakened", {{"what", one.what},
                               {"gateway", one.gateway},
                               {"listener", one.listener},
                               {"before", one.before},
                               {"after", one.after}});
  }
  outline_ = std::move(now);
}

// What only a restart can change.
void Control::warn_about_fixed_settings(const model::HostConfig& host) {
  const auto warn = [](std::string_view key) {
    log_warn("reload.needs_restart", {{"key", key}, {"do", "restart the process to change this host-file key"}});
  };
  if (host.workers != started_with_.workers) warn("workers");
  if (host.user != started_with_.user) warn("user");
  if (host.state_dir != started_with_.state_dir) warn("state_dir");
  if (host.log_path != started_with_.log_path) warn("log.path");
  if (host.access_log_path != started_with_.access_log_path) warn("access_log.path");
}

Task<void> Control::await_last_connection(Deadline limit) {
  while (shared_->limits.connections() > 0 && loop_->now() < limit) {
    const Deadline next = loop_->in(kDrainPoll);
    co_await event::sleep_until(*loop_, next);
  }
}

Task<void> Control::drain() {
  log_info("draining", {{"connections", shared_->limits.connections()}});
  notify_service_manager("STOPPING=1");
  for (auto& worker : workers_) worker->drain();
  for (auto& worker : workers_) worker->finish();
  const Deadline limit = loop_->in(options_.drain_limit);
  co_await await_last_connection(limit);
  if (shared_->limits.connections() > 0) {
    log_warn("drain.cut_off", {{"connections", shared_->limits.connections()}});
    for (auto& worker : workers_) worker->cut_off();
    const Deadline last = loop_->in(kCutOffLimit);
    co_await await_last_connection(last);
  }
  if (shared_->limits.connections() > 0) {
    // A worker that does not let go must not keep the process: what it holds dies with it.
    log_error("stopped.by_force", {{"connections", shared_->limits.connections()}});
    store_->flush();
    access_log_->flush();
    log_->flush();
    std::_Exit(1);
  }
  log_info("stopped");
  signal_watch_->cancel();
  names_settled_->notify();
  lists_wanted_->notify();
  co_await event::yield(*loop_);
  co_await event::yield(*loop_);
  loop_->stop();
}

}  // namespace portcullis::server
