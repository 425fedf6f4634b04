#include "cli/demo.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/demo_files.h"
#include "cli/demo_requests.h"
#include "cli/documents.h"
#include "cli/sample_backend.h"
#include "net/tcp.h"

namespace portcullis::cli {
namespace {

using Requests = std::array<DemoRequest, 3>;

int refuse(std::ostream& err, const Error& error) {
  err << "portcullis demo: " << error.code << ": " << error.message << "\n";
  return 1;
}

// The server would say it too, but in the host file's words.
Result<void> check_ports(const DemoPorts& ports) {
  for (const std::uint16_t port : {ports.strict, ports.passthrough}) {
    const Endpoint at{IpAddress::v4(0x7f000001), port};
    if (auto free = net::check_address_free(at); !free) {
      return fail("demo.port_taken", "cannot listen on " + at.to_string() + " (" + std::string(free.error().code) +
                                         "); end what listens there, or give another --port-base");
    }
  }
  return {};
}

void introduce(std::ostream& out, const DemoFiles& files, const DemoPorts& ports, const Requests& requests) {
  out << "Portcullis serves on this machine:\n"
      << "  strict listener       https://localhost:" << ports.strict
      << "  only clients that the demo's CA vouches for\n"
      << "  passthrough listener  https://localhost:" << ports.passthrough << "  whoever comes, judged by the backend\n"
      << "  sample backend        http://127.0.0.1:" << ports.backend << "  answers with what it was sent\n"
      << "  documents, keys, logs " << files.directory << "\n";
  for (const DemoRequest& request : requests) {
    out << "\n" << request.title << " -> " << request.promise << "\n  " << request.command << "\n";
  }
  out << std::endl;
}

// True when every request gave what was promised.
bool run_requests(std::ostream& out, const Requests& requests) {
  bool all = true;
  for (const DemoRequest& request : requests) {
    const std::string response = run_command(request.command);
    const bool kept = keeps_promise(request, response);
    out << (kept ? "ok   " : "FAIL ") << request.title << ": status " << status_of(response) << "\n";
    if (!kept) out << response << "\n";
    all = all && kept;
  }
  out << std::flush;
  return all;
}

// Runs the three requests while the gateway serves, and ends it when they are done. A child of this process does so,
// forked before anything is accepted: one forked later would hold copies of the gateway's connections for a moment, and
// epoll goes on reporting a closed descriptor that lives on in a copy.
class OnceRunner {
 public:
  Result<void> fork_child(std::ostream& out, const Requests& requests) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail("demo.fork", std::string("pipe: ") + std::strerror(errno));
    net::Fd wait_end(ends[0]);
    go_ = net::Fd(ends[1]);
    // What is still buffered would be printed by both.
    out.flush();
    child_ = ::fork();
    if (child_ < 0) return fail("demo.fork", std::string("fork: ") + std::strerror(errno));
    if (child_ > 0) return {};
    go_.reset();
    char byte;
    const bool asked = ::read(wait_end.get(), &byte, 1) == 1;
    ::_exit(asked && run_requests(out, requests) ? 0 : 1);
  }
  // On the control thread, when every listener accepts.
  void go() {
    [[maybe_unused]] const ssize_t wrote = ::write(go_.get(), "g", 1);
    thread_ = std::thread([this] {
      wait();
      if (serving_) ::kill(::getpid(), SIGTERM);
    });
  }
  // After the gateway has ended. True when the requests ran and all went well; a child that was never asked ends too.
  bool finish() {
    serving_ = false;
    go_.reset();
    if (thread_.joinable())
      thread_.join();
    else if (child_ > 0)
      wait();
    return passed_;
  }

 private:
  void wait() {
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) continue;
    passed_ = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

  net::Fd go_;
  pid_t child_ = -1;
  std::atomic<bool> serving_{true};
  std::atomic<bool> passed_{false};
  std::thread thread_;
};

}  // namespace

int run_demo(const DemoOptions& options, std::ostream& out, std::ostream& err, const Serve& serve) {
  if (options.once && !have_curl()) {
    return refuse(
        err, {"demo.no_curl", "--once runs curl, and there is none; apt-get install curl, or run it without --once"});
  }
  auto backend = SampleBackend::create();
  if (!backend) return refuse(err, backend.error());
  const DemoPorts ports{options.port_base, static_cast<std::uint16_t>(options.port_base + 1), (*backend)->port()};
  if (auto free = check_ports(ports); !free) return refuse(err, free.error());
  auto directory = prepare_demo_directory(options.directory);
  if (!directory) return refuse(err, directory.error());
  auto files = write_demo_files(*directory, ports, SystemClock().wall());
  if (!files) return refuse(err, files.error());

  const Requests requests = demo_requests(*files, ports);
  OnceRunner once;
  if (options.once) {
    if (auto forked = once.fork_child(out, requests); !forked) return refuse(err, forked.error());
  }
  server::RunOptions run;
  run.load = [&] { return load({files->gateway, files->host, ""}); };
  // Threads start here and not before: the server must have taken the signals first.
  run.on_ready = [&] {
    (*backend)->start();
    introduce(out, *files, ports, requests);
    if (options.once) {
      once.go();
    } else {
      out << "Ctrl-C ends it." << std::endl;
    }
  };
  const int code = serve(run);
  const bool passed = once.finish();
  if (code != 0 || !options.once) return code;
  if (!passed) return 1;
  // Nobody has asked for this directory, and its keys are of no more use.
  std::error_code ignored;
  if (options.directory.empty()) std::filesystem::remove_all(files->directory, ignored);
  return 0;
}

}  // namespace portcullis::cli
