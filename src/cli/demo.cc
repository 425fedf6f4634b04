#include "cli/demo.h"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>

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

// The three requests on a thread of their own, while the gateway serves; ends the gateway when they are done.
class OnceRunner {
 public:
  void start(std::ostream& out, const Requests& requests) {
    thread_ = std::thread([this, &out, &requests] {
      passed_ = run_requests(out, requests);
      if (serving_) ::kill(::getpid(), SIGTERM);
    });
  }
  // After the gateway has ended. True when they ran and all went well.
  bool finish() {
    serving_ = false;
    if (thread_.joinable()) thread_.join();
    return passed_;
  }

 private:
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
  server::RunOptions run;
  run.load = [&] { return load({files->gateway, files->host, ""}); };
  // Threads are started here and not before: the server must have taken the signals first.
  run.on_ready = [&] {
    (*backend)->start();
    introduce(out, *files, ports, requests);
    if (options.once) {
      once.start(out, requests);
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
