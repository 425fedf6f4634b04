#include "cli/documents.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arm/gateway_reader.h"
#include "arm/host_reader.h"
#include "base/strings.h"
#include "net/fd.h"
#include "snapshot/compile.h"
#include "validate/validate.h"

namespace portcullis::cli {
namespace {

using model::Findings;

std::string absolute(const std::string& path) {
  std::error_code failed;
  const std::filesystem::path full = std::filesystem::absolute(path, failed);
  return failed ? path : full.lexically_normal().string();
}

std::string directory_of(const std::string& path) {
  return std::filesystem::path(absolute(path)).parent_path().string();
}

// The text of a document; a finding and nothing when it cannot be had.
std::optional<std::string> read_text(const std::string& path, const char* what, Findings& findings) {
  const auto refuse = [&](const std::string& why) {
    findings.error("FileNotReadable", "",
                   "Cannot read the " + std::string(what) + " " + printable(absolute(path), 400) + ": " + why + ".");
    return std::nullopt;
  };
  // Non-blocking, because the path may name a FIFO.
  const net::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) {
    return refuse(std::string(std::strerror(errno)) + "; check the path and its permissions");
  }
  if (!S_ISREG(status.st_mode)) return refuse("it is not a regular file; name one, since a reload reads it again");
  std::string text(arm::kMaxDocumentBytes + 1, '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refuse(std::strerror(errno));
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  if (have > arm::kMaxDocumentBytes) return refuse("it is over 8 MiB; a gateway's document is never that large");
  text.resize(have);
  return text;
}

// False, with a finding, when the parameter file is there and cannot be used.
bool read_parameters(const DocumentPaths& paths, const std::string& document, arm::TemplateOptions& deployment,
                     Findings& findings) {
  if (paths.parameters.empty()) return true;
  const auto text = read_text(paths.parameters, "parameter file", findings);
  if (!text) return false;
  arm::ParsedDocument parsed = arm::parse_document(*text, arm::guess_format(paths.parameters, *text));
  for (model::Finding& finding : parsed.findings)
    finding.message = printable(paths.parameters, 400) + ": " + finding.message;
  const bool good = !parsed.findings.has_errors();
  findings.append(std::move(parsed.findings));
  if (!good) return false;
  deployment.parameters = std::make_shared<const arm::Node>(std::move(parsed.root));
  const arm::ParsedDocument gateway = arm::parse_document(document, arm::guess_format(paths.gateway, document));
  if (gateway.findings.empty() && !arm::is_template(gateway.root)) {
    findings.error("ParametersWithoutTemplate", "",
                   "The gateway document is a resource body, not a template, and takes no parameters; leave "
                   "--parameters out.");
    return false;
  }
  return true;
}

// `findings` must outlive what is returned.
arm::TemplateOptions deployment_of(const DocumentPaths& paths, const model::HostConfig& host, Findings& findings) {
  arm::TemplateOptions deployment;
  deployment.gateway = paths.name;
  deployment.references = host.references;
  deployment.secret = [secrets = host.secrets, &findings](std::string_view key) -> std::optional<std::string> {
    const auto path = secrets.find(key);
    if (path == secrets.end()) return std::nullopt;
    return read_text(path->second, "secret", findings);
  };
  return deployment;
}

std::optional<model::Gateway> read_gateway(const DocumentPaths& paths, const model::HostConfig& host,
                                           Findings& findings) {
  const auto text = read_text(paths.gateway, "gateway document", findings);
  if (!text) return std::nullopt;
  arm::ReadOptions options;
  options.base_dir = directory_of(paths.gateway);
  options.files = arm::FileAccess::kAllowed;
  options.deployment = deployment_of(paths, host, findings);
  if (!read_parameters(paths, *text, options.deployment, findings)) return std::nullopt;
  if (!paths.name.empty()) options.name_if_absent = paths.name;
  arm::GatewayReading reading = arm::read_gateway(*text, arm::guess_format(paths.gateway, *text), options);
  findings.append(std::move(reading.findings));
  if (reading.gateway && !paths.name.empty() && !equals_ignore_case(reading.gateway->name, paths.name)) {
    findings.error("GatewayNotFound", reading.gateway->pointer + "/name",
                   "The document's gateway is '" + printable(reading.gateway->name, 100) + "', not '" +
                       printable(paths.name, 100) + "'; give that as --name, or leave --name out.");
  }
  return std::move(reading.gateway);
}

std::optional<model::HostConfig> read_host(const DocumentPaths& paths, Findings& findings) {
  if (paths.host.empty()) return model::HostConfig{};
  const auto text = read_text(paths.host, "host file", findings);
  if (!text) return std::nullopt;
  const std::string place = printable(paths.host, 400) + ": ";
  arm::HostReading reading = arm::read_host_config(*text, directory_of(paths.host));
  for (model::Finding& finding : reading.findings) finding.message = place + finding.message;
  findings.append(std::move(reading.findings));
  if (reading.config) {
    for (const model::UnsupportedYet& later : reading.config->unsupported_yet) {
      findings.warning(
          "NotInThisBuild", later.pointer,
          place + "'" + later.key + "' is read, but this build has no " + later.feature + " yet: it changes nothing.");
    }
  }
  return std::move(reading.config);
}

}  // namespace

server::Loaded load(const DocumentPaths& paths) {
  server::Loaded loaded;
  // The host file first, since a template may ask for its references; what is wrong with it is said last.
  Findings of_host;
  std::optional<model::HostConfig> host = read_host(paths, of_host);
  std::optional<model::Gateway> gateway = read_gateway(paths, host ? *host : model::HostConfig{}, loaded.findings);
  loaded.findings.append(std::move(of_host));
  if (gateway && host) loaded.findings.append(validate::validate(*gateway, *host));
  if (loaded.findings.has_errors()) return loaded;
  server::Configuration configuration;
  configuration.gateways.push_back(std::move(*gateway));
  configuration.host = std::move(*host);
  loaded.configuration = std::move(configuration);
  return loaded;
}

Findings check(const DocumentPaths& paths) {
  server::Loaded loaded = load(paths);
  if (!loaded.configuration) return std::move(loaded.findings);
  const model::Gateway* gateway = loaded.configuration->gateways.data();
  snapshot::compile({&gateway, 1}, loaded.configuration->host, nullptr, loaded.findings);
  return std::move(loaded.findings);
}

}  // namespace portcullis::cli
