#include "options.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <fmt/core.h>
#include <getopt.h>

namespace portcullis::bench {
namespace {

constexpr std::string_view kUsage =
    R"(usage: bench-loadgen --mode full|resume|keepalive|http2|idle --port PORT [OPTIONS]

  --path PATH          what is asked for (/)
  --plain              no TLS
  --tls12              TLS 1.2 instead of 1.3
  --connections N      at once (16)
  --streams N          busy at once on each connection, HTTP/2 (32)
  --operations N       measured operations at most
  --seconds S          length of the measured phase at most; one of the two is needed (not by idle)
  --warmup N           operations before it, full and resume (64)
  --clients N          distinct client certificates of the measured phase (1); the warm-up has one of its own if N > 1
  --issuer PREFIX      PREFIX.crt and PREFIX.key issue them; without it no client certificate is sent
  --keys FILE          PEM private keys for them, used in turn; without it fresh P-256 keys
  --server-pids A,B    processes whose CPU time and memory are read
  --patience S         a phase that lasts longer is broken off (60)
  --hold               stop (SIGSTOP) before the measured phase, until somebody sends SIGCONT

Prints one JSON object: operations, losses, latencies in µs, the servers' CPU time in µs an operation.
)";

[[noreturn]] void refuse(std::string_view why) {
  fmt::print(stderr, "bench-loadgen: {}\n\n{}", why, kUsage);
  std::exit(64);
}

template <typename Number>
Number number(const char* name, std::string_view text, Number least, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    refuse(fmt::format("--{} takes a number from {} to {}, not '{}'", name, least, most, text));
  }
  return value;
}

Mode mode_of(std::string_view text) {
  if (text == "full") return Mode::kFull;
  if (text == "resume") return Mode::kResume;
  if (text == "keepalive") return Mode::kKeepAlive;
  if (text == "http2") return Mode::kHttp2;
  if (text == "idle") return Mode::kIdle;
  refuse(fmt::format("no mode '{}'", text));
}

std::vector<pid_t> pids_of(std::string_view list) {
  std::vector<pid_t> pids;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    pids.push_back(number<pid_t>("server-pids", list.substr(0, comma), 1, 1 << 30));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return pids;
}

void apply(Options& options, const char* name, const char* value) {
  const std::string_view key = name;
  if (key == "mode") options.mode = mode_of(value);
  if (key == "port") options.port = number<std::uint16_t>(name, value, 1, 65535);
  if (key == "path") options.path = value;
  if (key == "plain") options.plain = true;
  if (key == "tls12") options.tls12 = true;
  if (key == "connections") options.connections = number<unsigned>(name, value, 1, 100'000);
  if (key == "streams") options.streams = number<unsigned>(name, value, 1, 1'000);
  if (key == "operations") options.operations = number<std::uint64_t>(name, value, 1, 1'000'000'000);
  if (key == "seconds") options.seconds = number<double>(name, value, 0.001, 3600);
  if (key == "warmup") options.warmup = number<std::uint64_t>(name, value, 0, 1'000'000);
  if (key == "clients") options.clients = number<unsigned>(name, value, 1, 100'000);
  if (key == "issuer") options.issuer = value;
  if (key == "keys") options.keys = value;
  if (key == "server-pids") options.server_pids = pids_of(value);
  if (key == "hold") options.hold = true;
  if (key == "patience") options.patience = number<double>(name, value, 0.001, 3600);
}

}  // namespace

Options parse_options(int argc, char** argv) {
  static const option kOptions[] = {
      {"mode", required_argument, nullptr, 'x'},     {"port", required_argument, nullptr, 'x'},
      {"path", required_argument, nullptr, 'x'},     {"plain", no_argument, nullptr, 'x'},
      {"tls12", no_argument, nullptr, 'x'},          {"connections", required_argument, nullptr, 'x'},
      {"streams", required_argument, nullptr, 'x'},  {"operations", required_argument, nullptr, 'x'},
      {"seconds", required_argument, nullptr, 'x'},  {"warmup", required_argument, nullptr, 'x'},
      {"clients", required_argument, nullptr, 'x'},  {"issuer", required_argument, nullptr, 'x'},
      {"keys", required_argument, nullptr, 'x'},     {"server-pids", required_argument, nullptr, 'x'},
      {"patience", required_argument, nullptr, 'x'}, {"hold", no_argument, nullptr, 'x'},
      {"help", no_argument, nullptr, 'h'},           {nullptr, 0, nullptr, 0}};
  Options options;
  int index = 0;
  for (int found = 0; (found = getopt_long(argc, argv, "", kOptions, &index)) != -1;) {
    if (found == 'h') {
      fmt::print("{}", kUsage);
      std::exit(0);
    }
    if (found != 'x') refuse("see above");
    apply(options, kOptions[index].name, optarg);
  }
  if (optind != argc) refuse(fmt::format("'{}' is no option", argv[optind]));
  if (options.port == 0) refuse("--port is needed");
  const bool bounded = options.operations > 0 || options.seconds > 0;
  if (options.mode == Mode::kHttp2 && (options.plain || options.tls12)) refuse("http2 is over TLS 1.3");
  if (!bounded && options.mode != Mode::kIdle) refuse("--operations or --seconds is needed");
  return options;
}

}  // namespace portcullis::bench
