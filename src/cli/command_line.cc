#include "cli/command_line.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>

#include <CLI/CLI.hpp>

#include "base/strings.h"
#include "cli/documents.h"
#include "cli/explain.h"
#include "cli/trust.h"

namespace portcullis::cli {
namespace {

constexpr const char* kLater = "Not in this build yet (given: exit 64)";

// An option that product.md promises and this build cannot honour, with the reason.
struct LaterOption {
  const CLI::Option* option;
  std::string why;
};

// The commands and where their options are written to.
struct Commands {
  CLI::App app{"Portcullis, the application gateway that authenticates its clients.", "portcullis"};
  CLI::App* run = nullptr;
  CLI::App* check = nullptr;
  CLI::App* show = nullptr;
  CLI::App* explain = nullptr;
  CLI::App* trust = nullptr;
  CLI::App* extract = nullptr;
  CLI::App* inspect = nullptr;
  CLI::App* demo = nullptr;
  CLI::App* help = nullptr;
  DocumentPaths paths;
  ExplainOptions explain_options;
  std::string ocsp = "off";
  TrustOptions trust_options;
  DemoOptions demo_options;
  std::int64_t drain_seconds = server::RunOptions{}.drain_limit.count();
  bool ignored_flag = false;
  bool allow_retired = false;
  std::string help_about;
  std::vector<LaterOption> later;

  explicit Commands(const std::string& version) {
    app.footer(
        "Exit codes: 0 done, 1 refused input, 2 negative verdict, 64 usage. `portcullis COMMAND --help` says more.\n"
        "Example:\n  portcullis check gateway.json --host portcullis.yaml");
    app.set_help_flag("-h,--help", "Print this and exit");
    app.set_version_flag("--version", "portcullis " + version, "Print the version and exit");
    app.require_subcommand(0, 1);
    add_run();
    add_check();
    add_show();
    add_explain();
    add_trust();
    add_demo();
    help = app.add_subcommand("help", "Say what a command does");
    help->add_option("COMMAND", help_about, "The command");
  }

 private:
  void add_documents(CLI::App* command) {
    command
        ->add_option("GATEWAY", paths.gateway, "The gateway document: an ARM resource body or template, JSON or YAML")
        ->required();
    command->add_option("--host", paths.host, "The host file (portcullis.yaml); absent: its defaults");
    command->add_option("--name", paths.name, "The name of the gateway; needed where a template holds several");
    command->add_option("--parameters", paths.parameters, "The parameter file of a template (JSON or YAML)");
  }
  void add_later(CLI::Option* option, const std::string& why) {
    option->group(kLater);
    later.push_back({option, why});
  }

  void add_run() {
    run = app.add_subcommand("run", "Serve a gateway document in the foreground");
    run->footer(
        "SIGTERM drains and ends, SIGHUP reads the files again (on any error the old ones go on), SIGUSR1 reopens the "
        "logs.\nExample:\n  portcullis run gateway.json --host portcullis.yaml");
    add_documents(run);
    run->add_option("--drain-seconds", drain_seconds, "How long SIGTERM waits for requests in flight")
        ->check(CLI::Range(0, 3600))
        ->capture_default_str();
    add_later(run->add_flag("--resume", ignored_flag, "Serve the last document saved by the API instead"),
              "this build has no API that saves documents yet; leave it out");
  }
  void add_check() {
    check = app.add_subcommand("check", "Print everything that is wrong with a document, and what will surprise");
    check->footer(
        "One line a finding on stdout: severity, code, JSON pointer, what to do; then a summary. Exit 0 without "
        "errors, else 1. What this build does not serve yet is a warning here, and `run` refuses it.\n"
        "Example:\n  portcullis check gateway.json --host portcullis.yaml\n"
        "  portcullis check azuredeploy.json --parameters azuredeploy.parameters.json");
    add_documents(check);
    check->add_flag("--allow-retired", allow_retired, "Take TLS policies that Azure retired as warnings");
  }
  void add_show() {
    show = app.add_subcommand("show", "Print the resource as the REST API would return it");
    show->footer(
        "JSON on stdout: expressions evaluated, defaults and read-only members filled in, secrets left out; what is "
        "wrong on stderr. Exit 0 when there is something to show, else 1; whether it is good, `check` says.\n"
        "Example:\n  portcullis show azuredeploy.json --parameters azuredeploy.parameters.json");
    add_documents(show);
  }
  void add_explain() {
    explain = app.add_subcommand("explain", "Say why a client would or would not pass a listener");
    explain->footer(
        "Judges the chain as the listener would: every path tried, each check with its evidence, then the status, the "
        "access log's sslClientVerify and the reason. Exit 0 admitted, 2 refused, 1 when the input is refused.\n"
        "Example:\n  portcullis explain gateway.json --host portcullis.yaml --listener strict --chain client.pem\n"
        "  portcullis explain gateway.json --listener strict --chain client.pem --at 2027-01-01T00:00:00Z --json\n"
        "  portcullis explain gateway.json --host portcullis.yaml --listener strict --chain client.pem --ocsp live");
    add_documents(explain);
    explain->add_option("--listener", explain_options.listener, "The name of the listener")->required();
    explain->add_option("--chain", explain_options.chain, "PEM: what the client presents, leaf first")->required();
    explain->add_option("--at", explain_options.at, "Judge at this time, in UTC: 2027-01-01T00:00:00Z, 2027-01-01")
        ->check([](const std::string& text) {
          return parse_instant(text) ? std::string() : "not a time like 2027-01-01T00:00:00Z: " + printable(text, 80);
        });
    explain
        ->add_option("--ocsp", ocsp,
                     "live: ask about revocation now, as the gateway would (responders, lists); cache: by the answers "
                     "saved in state_dir, and lists; off: ask nobody")
        ->check(CLI::IsMember({"live", "cache", "off"}))
        ->capture_default_str();
    explain->add_flag("--json", explain_options.json, "One JSON object on one line");
  }
  void add_trust() {
    trust = app.add_subcommand("trust", "Make and look at trusted client CA files");
    trust->footer("Example:\n  portcullis trust extract client.pfx --password-file pfx.password -o ca.pem");
    trust->require_subcommand(1);
    extract = trust->add_subcommand("extract", "Make a trusted client CA file: intermediates and root, in order");
    extract->footer(
        "Certificates that are no CA and keys are left behind. What the file would be refused for is refused here.\n"
        "The password of a PFX comes from --password-file or from the environment (PORTCULLIS_PFX_PASSWORD).\n"
        "Example:\n  portcullis trust extract client.pfx --password-file pfx.password -o ca.pem\n"
        "  portcullis trust extract issuing-ca.p7b root.cer -o ca.pem");
    extract->add_option("INPUT", trust_options.inputs, "PEM, DER, PFX or P7B files that together hold the chain")
        ->required();
    extract->add_option("-o,--output", trust_options.output, "Where to write it; standard output if absent");
    extract->add_option("--password-file", trust_options.password_file, "A file or pipe: its first line opens the PFX");
    inspect = trust->add_subcommand("inspect", "Say what uploading a trusted client CA file would say");
    inspect->footer(
        "Its certificates, its size of 25 KB, the clientCertIssuerDN, warnings, or Azure's code. Exit 1 when refused.\n"
        "Example:\n  portcullis trust inspect ca.pem");
    inspect->add_option("FILE", trust_options.file, "The trusted client CA file")->required();
  }
  void add_demo() {
    demo = app.add_subcommand("demo", "Start a sample backend and a gateway before it, and print what to try");
    demo->footer(
        "Makes a throw-away PKI; everything listens on 127.0.0.1 only. Ctrl-C ends it.\n"
        "Example:\n  portcullis demo --dir /tmp/portcullis-demo --once");
    demo->add_option("--dir", demo_options.directory, "Where keys, documents and logs go; used again when given again");
    demo->add_option("--port-base", demo_options.port_base, "Port of the strict listener; passthrough is the next")
        ->check(CLI::Range(1, 65534))
        ->capture_default_str();
    demo->add_flag("--once", demo_options.once, "Run the three requests, print how they went, and end: 0 or 1");
  }
};

// CLI11 shows the help of the command that the arguments have named so far.
int usage(const Program& program, const Commands& commands, const std::string& what) {
  program.err << "portcullis: " << what << "\n\n" << commands.app.help();
  return kUsage;
}

bool is_command(const Commands& commands, const std::string& name) {
  const auto named = [&name](const CLI::App* command) { return command->get_name() == name; };
  return !commands.app.get_subcommands(named).empty();
}

int say_help(const Commands& commands, const Program& program) {
  if (commands.help_about.empty()) {
    program.out << commands.app.help();
    return kDone;
  }
  for (const CLI::App* command :
       {commands.run, commands.check, commands.show, commands.explain, commands.trust, commands.demo}) {
    if (command->get_name() != commands.help_about) continue;
    program.out << command->help(commands.app.get_name());
    return kDone;
  }
  return usage(program, commands, "there is no command '" + printable(commands.help_about, 80) + "'");
}

void print(const model::Findings& findings, std::ostream& out) {
  for (const model::Finding& finding : findings) out << model::to_line(finding) << "\n";
}

int run_check(const Commands& commands, const Program& program) {
  const Judgement judgement = check(commands.paths, commands.allow_retired);
  print(judgement.findings, program.out);
  const auto counted = [&](model::Severity severity, const char* what) {
    const auto count = std::count_if(judgement.findings.begin(), judgement.findings.end(),
                                     [&](const model::Finding& finding) { return finding.severity == severity; });
    return ", " + std::to_string(count) + " " + what + (count == 1 ? "" : "s");
  };
  const bool good = !judgement.findings.has_errors();
  program.out << printable(commands.paths.gateway, 400) << ": " << (good ? "good" : "refused")
              << counted(model::Severity::kError, "error") << counted(model::Severity::kWarning, "warning")
              << counted(model::Severity::kInfo, "info") << std::endl;
  if (good && !judgement.served)
    program.out << "`run` refuses it as yet: see the lines with NotServedYet." << std::endl;
  return good ? kDone : kRefusedInput;
}

int run_show(const Commands& commands, const Program& program) {
  const Shown shown = show(commands.paths);
  print(shown.findings, program.err);
  program.out << shown.resource << std::flush;
  return shown.findings.has_errors() ? kRefusedInput : kDone;
}

int dispatch(const Commands& commands, const Program& program) {
  for (const LaterOption& later : commands.later) {
    if (later.option->count() > 0) return usage(program, commands, later.option->get_name() + ": " + later.why);
  }
  if (commands.help->parsed()) return say_help(commands, program);
  if (commands.check->parsed()) return run_check(commands, program);
  if (commands.show->parsed()) return run_show(commands, program);
  if (commands.explain->parsed()) {
    ExplainOptions options = commands.explain_options;
    options.paths = commands.paths;
    if (commands.ocsp == "live") options.ask = AskAbout::kResponders;
    if (commands.ocsp == "cache") options.ask = AskAbout::kSaved;
    if (options.ask != AskAbout::kNobody && !options.at.empty()) {
      return usage(program, commands, "--ocsp " + commands.ocsp + " asks now: leave out --at");
    }
    return run_explain(options, program.out, program.err);
  }
  if (commands.extract->parsed()) return run_trust_extract(commands.trust_options, program.out, program.err);
  if (commands.inspect->parsed()) return run_trust_inspect(commands.trust_options, program.out, program.err);
  if (commands.demo->parsed()) return run_demo(commands.demo_options, program.out, program.err, program.serve);
  server::RunOptions options;
  const DocumentPaths paths = commands.paths;
  options.load = [paths] { return load(paths); };
  options.drain_limit = std::chrono::seconds(commands.drain_seconds);
  return program.serve(options);
}

}  // namespace

int refuse_input(std::ostream& out, const Error& error) {
  model::Finding finding;
  finding.code = error.code;
  finding.message = error.message;
  out << model::to_line(finding) << "\n";
  return kRefusedInput;
}

int run_command_line(const std::vector<std::string>& arguments, const Program& program) {
  Commands commands(program.version);
  if (arguments.empty()) return usage(program, commands, "no command given");
  if (!arguments[0].starts_with('-') && !is_command(commands, arguments[0]))
    return usage(program, commands, "there is no command '" + printable(arguments[0], 80) + "'");
  try {
    // CLI11 takes them from the back.
    commands.app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    program.out << commands.app.help();
    return kDone;
  } catch (const CLI::CallForVersion& version) {
    program.out << version.what() << std::endl;
    return kDone;
  } catch (const CLI::Error& error) {
    return usage(program, commands, printable(error.what(), 400));
  }
  if (commands.app.get_subcommands().empty()) return usage(program, commands, "no command given");
  return dispatch(commands, program);
}

}  // namespace portcullis::cli
