// Control: the control thread's own work. Loads and compiles configurations, binds, publishes to the workers, handles
// signals, drains. Everything here runs on the thread that called run().
#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "event/loop.h"
#include "event/signal.h"
#include "net/fd.h"
#include "net/resolver.h"
#include "server/ocsp_thread.h"
#include "server/server.h"
#include "server/worker.h"
#include "snapshot/compile.h"
#include "store/store.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"
#include "upstream/membership_keeper.h"
#include "validate/weakening.h"

namespace portcullis::server {

class Control {
 public:
  explicit Control(const RunOptions& options);
  ~Control();

  // Everything up to the point where the loop can run. Errors are for stderr: nothing serves then.
  Result<void> start(Loaded loaded, const net::Fd& signals);
  // Serves until told to end.
  void run();

 private:
  using Sockets = std::map<Endpoint, std::vector<net::Fd>>;  // one for each worker

  Result<void> open_logs(const model::HostConfig& host);
  void make_store(const model::HostConfig& host);
  // Makes the state directory, for whom this process will run as, where the configuration needs it: for the journal or
  // for OCSP's answers. Where it is unusable no journal can be kept, and that is an error; without answers it is served
  // all the same, and a restart asks anew.
  Result<void> make_state_dir(const model::HostConfig& host, const snapshot::Snapshot& snapshot);
  Result<void> check_state_dir(const model::HostConfig& host);
  bool needs_state_dir(const model::HostConfig& host) const;  // once the snapshot has been looked at
  Result<void> judge_state_dir(const model::HostConfig& host, Result<void> usable);
  Result<void> make_workers(const model::HostConfig& host);
  // Listening sockets for the addresses that are not open yet. All or none.
  Result<Sockets> bind_new(const snapshot::Snapshot& snapshot);
  std::shared_ptr<const snapshot::Snapshot> compile(const Configuration& configuration, model::Findings& findings);
  void publish(const std::shared_ptr<const snapshot::Snapshot>& snapshot, Sockets&& sockets,
               const std::function<void()>& done);
  event::Task<void> serve_signals(const net::Fd* signals);
  event::Task<void> first_publication(std::shared_ptr<const snapshot::Snapshot> snapshot, Sockets sockets);
  // Keeps the revocation lists true to their files, until drain().
  event::Task<void> follow_lists();
  // What was fetched from a URL that certificates name: in force before `done` is told.
  void take_lists(const clientauth::CrlDelivery& delivery, const std::function<void(clientauth::CrlTaken)>& done);
  // Where revocation lists have changed since the last call: live connections that are judged by some are judged again.
  void review_by_lists();
  // A responder says that a certificate is revoked: so are those of whom this question was asked. Any thread, so that
  // it does not wait for a document that is being compiled.
  void review_by_answer(const Digest& question);
  event::Task<void> drain();
  // Until no connection is left, but not past `limit`.
  event::Task<void> await_last_connection(event::Deadline limit);
  void on_ready();
  void reload();
  void reload_failed(const model::Findings& findings);
  // Names what `configuration` lets pass that the one before did not (I22), and remembers it for the next.
  void note_weakening(const Configuration& configuration);
  void warn_about_fixed_settings(const model::HostConfig& host);

  const RunOptions& options_;
  SystemClock clock_;
  telemetry::Registry metrics_;
  std::unique_ptr<telemetry::Log> log_;
  std::unique_ptr<telemetry::AccessLogSink> access_log_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Shared> shared_;
  std::unique_ptr<event::Loop> loop_;
  std::unique_ptr<net::Resolver> resolver_;
  std::unique_ptr<OcspThread> ocsp_;
  std::unique_ptr<upstream::MembershipKeeper> keeper_;
  std::unique_ptr<snapshot::Carryover> carryover_;
  std::unique_ptr<event::Signal> names_settled_;
  std::unique_ptr<event::Signal> lists_wanted_;  // no more: drain() has begun
  std::unique_ptr<event::Watch> signal_watch_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::set<Endpoint> open_;
  std::shared_ptr<const snapshot::Snapshot> snapshot_;
  model::HostConfig started_with_;
  validate::AuthenticationOutline outline_;  // of what is published
  bool keeps_answers_ = false;               // of OCSP; decided by what is published and the state directory
  bool keeps_lists_ = false;                 // that were fetched; likewise
  bool ending_ = false;
};

}  // namespace portcullis::server
