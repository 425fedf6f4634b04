#include "cli/demo_files.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "net/fd.h"
#include "x509/throwaway_pki.h"

namespace portcullis::cli {
namespace {

namespace fs = std::filesystem;

// Says that a directory is a demonstration's own.
constexpr const char* kMarker = ".portcullis-demo";
constexpr const char* kPkiFiles[] = {"root.pem",   "clients-ca.pem", "server.pem",    "client.pem",
                                     "client.key", "old-client.pem", "old-client.key"};

// Written beside and renamed, so that a reader never sees half a file; a symbolic link is replaced, not followed.
Result<void> write_file(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  const auto failed = [&]() {
    return fail("demo.write", "cannot write " + path + ": " + std::strerror(errno) + "; give another --dir");
  };
  ::unlink(beside.c_str());
  const net::Fd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return failed();
  if (!write_all(file.get(), text)) return failed();
  if (::rename(beside.c_str(), path.c_str()) != 0) return failed();
  return {};
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool pki_is_good(const std::string& directory, WallTime now) {
  std::error_code ignored;
  for (const char* name : kPkiFiles) {
    if (!fs::is_regular_file(fs::path(directory) / name, ignored)) return false;
  }
  const WallTime least = now + std::chrono::days(1);
  return x509::first_not_after(read_file(directory + "/server.pem")) > least &&
         x509::first_not_after(read_file(directory + "/client.pem")) > least;
}

Result<void> write_pki(const std::string& directory, WallTime now) {
  auto pki = x509::make_throwaway_pki(now);
  if (!pki) return forward_error(pki);
  const std::string texts[] = {pki->root_pem,          pki->client_ca_pem,  pki->server.chain_pem + pki->server.key_pem,
                               pki->client.chain_pem,  pki->client.key_pem, pki->old_client.chain_pem,
                               pki->old_client.key_pem};
  static_assert(std::size(texts) == std::size(kPkiFiles));
  for (std::size_t i = 0; i < std::size(texts); ++i) {
    if (auto wrote = write_file(directory + "/" + kPkiFiles[i], texts[i]); !wrote) return wrote;
  }
  return {};
}

constexpr std::string_view kGateway = R"json({
  "name": "demo",
  "location": "here",
  "properties": {
    "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1},
    "frontendIPConfigurations": [{"name": "public", "properties": {"publicIPAddress": {"id": "/here"}}}],
    "frontendPorts": [
      {"name": "strict", "properties": {"port": @STRICT@}},
      {"name": "passthrough", "properties": {"port": @PASSTHROUGH@}}
    ],
    "sslCertificates": [{"name": "server", "properties": {"data": "@server.pem"}}],
    "trustedClientCertificates": [{"name": "clients", "properties": {"data": "@clients-ca.pem"}}],
    "sslProfiles": [
      {
        "name": "strict",
        "properties": {
          "trustedClientCertificates": [{"id": "@ID@/trustedClientCertificates/clients"}],
          "clientAuthConfiguration": {"verifyClientAuthMode": "Strict", "verifyClientCertIssuerDN": true}
        }
      },
      {
        "name": "passthrough",
        "properties": {"clientAuthConfiguration": {"verifyClientAuthMode": "Passthrough"}}
      }
    ],
    "httpListeners": [
      {
        "name": "strict",
        "properties": {
          "frontendIPConfiguration": {"id": "@ID@/frontendIPConfigurations/public"},
          "frontendPort": {"id": "@ID@/frontendPorts/strict"},
          "protocol": "Https",
          "sslCertificate": {"id": "@ID@/sslCertificates/server"},
          "sslProfile": {"id": "@ID@/sslProfiles/strict"}
        }
      },
      {
        "name": "passthrough",
        "properties": {
          "frontendIPConfiguration": {"id": "@ID@/frontendIPConfigurations/public"},
          "frontendPort": {"id": "@ID@/frontendPorts/passthrough"},
          "protocol": "Https",
          "sslCertificate": {"id": "@ID@/sslCertificates/server"},
          "sslProfile": {"id": "@ID@/sslProfiles/passthrough"}
        }
      }
    ],
    "backendAddressPools": [
      {"name": "sample", "properties": {"backendAddresses": [{"ipAddress": "127.0.0.1"}]}}
    ],
    "backendHttpSettingsCollection": [
      {"name": "sample", "properties": {"port": @BACKEND@, "protocol": "Http", "requestTimeout": 30}}
    ],
    "rewriteRuleSets": [
      {
        "name": "identity",
        "properties": {
          "rewriteRules": [
            {
              "name": "identity",
              "ruleSequence": 100,
              "actionSet": {
                "requestHeaderConfigurations": [
                  {"headerName": "X-Client-Verify", "headerValue": "{var_client_certificate_verification}"},
                  {"headerName": "X-Client-Subject", "headerValue": "{var_client_certificate_subject}"},
                  {"headerName": "X-Client-Fingerprint", "headerValue": "{var_client_certificate_fingerprint}"}
                ]
              }
            }
          ]
        }
      }
    ],
    "requestRoutingRules": [
      {
        "name": "strict",
        "properties": {
          "ruleType": "Basic",
          "priority": 100,
          "httpListener": {"id": "@ID@/httpListeners/strict"},
          "backendAddressPool": {"id": "@ID@/backendAddressPools/sample"},
          "backendHttpSettings": {"id": "@ID@/backendHttpSettingsCollection/sample"},
          "rewriteRuleSet": {"id": "@ID@/rewriteRuleSets/identity"}
        }
      },
      {
        "name": "passthrough",
        "properties": {
          "ruleType": "Basic",
          "priority": 110,
          "httpListener": {"id": "@ID@/httpListeners/passthrough"},
          "backendAddressPool": {"id": "@ID@/backendAddressPools/sample"},
          "backendHttpSettings": {"id": "@ID@/backendHttpSettingsCollection/sample"},
          "rewriteRuleSet": {"id": "@ID@/rewriteRuleSets/identity"}
        }
      }
    ]
  }
}
)json";

constexpr std::string_view kHost = R"yaml(# This machine's side of the demonstration.
bind: {public: 127.0.0.1}
state_dir: state
access_log: {path: access.log}
log: {level: info, path: program.log}
admin: {listen: "off"}
)yaml";

void replace_all(std::string& text, std::string_view what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

Result<std::string> make_temporary() {
  const char* base = std::getenv("TMPDIR");
  std::string path = std::string(base == nullptr || *base == '\0' ? "/tmp" : base) + "/portcullis-demo-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return fail("demo.directory", "cannot make " + path + ": " + std::strerror(errno) + "; give a --dir");
  }
  return path;
}

}  // namespace

std::string demo_gateway_json(const DemoPorts& ports) {
  std::string text(kGateway);
  replace_all(text, "@ID@",
              "/subscriptions/0/resourceGroups/demo/providers/Microsoft.Network/applicationGateways/demo");
  replace_all(text, "@STRICT@", std::to_string(ports.strict));
  replace_all(text, "@PASSTHROUGH@", std::to_string(ports.passthrough));
  replace_all(text, "@BACKEND@", std::to_string(ports.backend));
  return text;
}

Result<std::string> prepare_demo_directory(const std::string& directory) {
  std::error_code failed;
  std::string path = directory;
  if (directory.empty()) {
    auto made = make_temporary();
    if (!made) return made;
    path = std::move(*made);
  }
  path = fs::absolute(path, failed).lexically_normal().string();
  if (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail("demo.directory", "cannot make " + path + ": " + std::strerror(errno) + "; give another --dir");
  }
  const fs::path marker = fs::path(path) / kMarker;
  if (fs::exists(marker, failed)) return path;
  const bool empty = fs::is_directory(path, failed) && fs::is_empty(path, failed);
  if (failed || !empty) {
    return fail("demo.directory", path + " is not an empty directory, nor one that an earlier demonstration made; " +
                                      "nothing was touched: give another --dir");
  }
  if (auto wrote = write_file(marker.string(), "portcullis demo\n"); !wrote) return forward_error(wrote);
  return path;
}

Result<DemoFiles> write_demo_files(const std::string& directory, const DemoPorts& ports, WallTime now) {
  if (!pki_is_good(directory, now)) {
    if (auto wrote = write_pki(directory, now); !wrote) return forward_error(wrote);
  }
  DemoFiles files;
  files.directory = directory;
  files.root = directory + "/root.pem";
  files.client_chain = directory + "/client.pem";
  files.client_key = directory + "/client.key";
  files.old_client_chain = directory + "/old-client.pem";
  files.old_client_key = directory + "/old-client.key";
  files.gateway = directory + "/gateway.json";
  files.host = directory + "/portcullis.yaml";
  if (auto wrote = write_file(files.gateway, demo_gateway_json(ports)); !wrote) return forward_error(wrote);
  if (auto wrote = write_file(files.host, kHost); !wrote) return forward_error(wrote);
  return files;
}

}  // namespace portcullis::cli
