#include "cli/documents.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include "arm/gateway_reader.h"
#include "arm/host_reader.h"
#include "base/strings.h"
#include "cli/files.h"
#include "cli/show.h"
#include "server/ocsp_thread.h"
#include "snapshot/compile.h"
#include "validate/public_roots.h"
#include "validate/validate.h"

namespace portcullis::cli {
namespace {

using model::Findings;

std::string directory_of(const std::string& path) {
  return std::filesystem::path(absolute_path(path)).parent_path().string();
}

// The text of a document; a finding and nothing when it cannot be had.
std::optional<std::string> read_text(const std::string& path, const char* what, Findings& findings,
                                     const std::string& pointer = {}) {
  auto text = read_file(path, what, arm::kMaxDocumentBytes);
  if (text) return std::move(*text);
  findings.error(std::string(text.error().code), pointer, text.error().message);
  return std::nullopt;
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

arm::GatewayReading read_gateway(const DocumentPaths& paths, const model::HostConfig& host, Findings& findings) {
  const auto text = read_text(paths.gateway, "gateway document", findings);
  if (!text) return {};
  arm::ReadOptions options;
  options.base_dir = directory_of(paths.gateway);
  options.files = arm::FileAccess::kAllowed;
  options.deployment = deployment_of(paths, host, findings);
  if (!read_parameters(paths, *text, options.deployment, findings)) return {};
  if (!paths.name.empty()) options.name_if_absent = paths.name;
  arm::GatewayReading reading = arm::read_gateway(*text, arm::guess_format(paths.gateway, *text), options);
  findings.append(std::move(reading.findings));
  if (reading.gateway && !paths.name.empty() && !equals_ignore_case(reading.gateway->name, paths.name)) {
    findings.error("GatewayNotFound", reading.gateway->pointer + "/name",
                   "The document's gateway is '" + printable(reading.gateway->name, 100) + "', not '" +
                       printable(paths.name, 100) + "'; give that as --name, or leave --name out.");
  }
  return reading;
}

std::optional<model::HostConfig> read_host(const DocumentPaths& paths, Findings& findings) {
  if (paths.host.empty()) return model::HostConfig{};
  const auto text = read_text(paths.host, "host file", findings);
  if (!text) return std::nullopt;
  const std::string place = printable(paths.host, 400) + ": ";
  arm::HostReading reading = arm::read_host_config(*text, directory_of(paths.host));
  if (reading.config) server::check_own_requests(*reading.config, reading.findings);
  for (model::Finding& finding : reading.findings) finding.message = place + finding.message;
  findings.append(std::move(reading.findings));
  if (reading.config) {
    for (const model::UnsupportedYet& later : reading.config->unsupported_yet) {
      findings.warning("NotInThisBuild", later.pointer,
                       place + "'" + later.key + "' is read, but this build does not have " + later.feature +
                           " yet: it changes nothing.");
    }
  }
  return std::move(reading.config);
}

struct Documents {
  std::optional<model::Gateway> gateway;
  std::optional<model::HostConfig> host;
  Findings findings;
  std::vector<std::string> secure_values;
};

Documents read_documents(const DocumentPaths& paths) {
  Documents documents;
  // The host file first, since a template may ask for its references; what is wrong with it is said last.
  Findings of_host;
  documents.host = read_host(paths, of_host);
  arm::GatewayReading reading =
      read_gateway(paths, documents.host ? *documents.host : model::HostConfig{}, documents.findings);
  documents.gateway = std::move(reading.gateway);
  documents.secure_values = std::move(reading.secure_values);
  documents.findings.append(std::move(of_host));
  return documents;
}

// Reads the files that the host file's `secrets` name for certificates, as serving would.
Findings open_secrets(Documents& documents) {
  Findings findings;
  for (model::SslCertificate& certificate : documents.gateway->ssl_certificates) {
    if (certificate.data) continue;
    const std::string* path = documents.host->secret_path(certificate.name, certificate.key_vault_secret_id);
    if (path == nullptr) continue;
    auto bytes = read_text(*path, "secret", findings, certificate.pointer);
    if (bytes) certificate.data = model::Blob{std::move(*bytes), *path};
  }
  return findings;
}

validate::Options rules() {
  // The bundle is read once a process: a warning does not need the latest.
  static const auto is_public_root = validate::public_roots();
  validate::Options options;
  options.is_public_root = is_public_root;
  return options;
}

// Adds everything that is wrong with the documents, whether or not this build serves what they ask for.
void judge(Documents& documents, bool allow_retired) {
  if (!documents.gateway || !documents.host) return;
  documents.findings.append(open_secrets(documents));
  validate::Options options = rules();
  options.serving = false;
  options.allow_retired = allow_retired;
  documents.findings.append(validate::validate(*documents.gateway, *documents.host, options));
}

// Whether `run` would take a document without errors: a warning of this code is an error there, or stays a warning.
bool is_served(const Documents& documents) {
  const auto& found = documents.findings;
  return std::none_of(found.begin(), found.end(),
                      [](const auto& finding) { return finding.code == validate::kNotServedYet; }) ||
         !validate::validate(*documents.gateway, *documents.host).has_errors();
}

void compile(const model::Gateway& gateway, const model::HostConfig& host, Findings& findings) {
  const model::Gateway* one = &gateway;
  Findings compiling;
  snapshot::compile({&one, 1}, host, nullptr, compiling);
  // What validation has said already is not said twice.
  for (model::Finding& finding : compiling)
    if (std::none_of(findings.begin(), findings.end(), [&](const model::Finding& said) {
          return said.code == finding.code && said.pointer == finding.pointer;
        }))
      findings.push_back(std::move(finding));
}

}  // namespace

server::Loaded load(const DocumentPaths& paths) {
  server::Loaded loaded;
  Documents documents = read_documents(paths);
  loaded.findings = std::move(documents.findings);
  if (documents.gateway && documents.host)
    loaded.findings.append(validate::validate(*documents.gateway, *documents.host, rules()));
  model::conceal(loaded.findings, documents.secure_values);
  if (loaded.findings.has_errors()) return loaded;
  loaded.secure_values = std::move(documents.secure_values);
  server::Configuration configuration;
  configuration.gateways.push_back(std::move(*documents.gateway));
  configuration.host = std::move(*documents.host);
  loaded.configuration = std::move(configuration);
  return loaded;
}

Judgement check(const DocumentPaths& paths, bool allow_retired) {
  Judgement judgement;
  Documents documents = read_documents(paths);
  judge(documents, allow_retired);
  if (documents.gateway && documents.host && !documents.findings.has_errors()) {
    judgement.served = is_served(documents);
    // Only what is served can be compiled.
    if (judgement.served) compile(*documents.gateway, *documents.host, documents.findings);
  }
  std::stable_sort(documents.findings.begin(), documents.findings.end(),
                   [](const auto& a, const auto& b) { return a.severity < b.severity; });
  model::conceal(documents.findings, documents.secure_values);
  judgement.findings = std::move(documents.findings);
  return judgement;
}

Opened open_documents(const DocumentPaths& paths) {
  Opened opened;
  Documents documents = read_documents(paths);
  judge(documents, false);
  model::conceal(documents.findings, documents.secure_values);
  if (!documents.findings.has_errors()) {
    opened.gateway = std::move(documents.gateway);
    opened.host = std::move(*documents.host);
  }
  opened.findings = std::move(documents.findings);
  return opened;
}

Shown show(const DocumentPaths& paths) {
  Shown shown;
  Documents documents = read_documents(paths);
  if (documents.gateway && documents.host && !documents.findings.has_errors()) {
    Findings of_secrets = open_secrets(documents);
    // Without its key a resource still can be shown.
    for (model::Finding& finding : of_secrets) finding.severity = model::Severity::kWarning;
    documents.findings.append(std::move(of_secrets));
    shown.resource = show(*documents.gateway, documents.findings, documents.secure_values);
  }
  model::conceal(documents.findings, documents.secure_values);
  shown.findings = std::move(documents.findings);
  return shown;
}

}  // namespace portcullis::cli
