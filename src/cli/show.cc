#include "cli/show.h"

#include "arm/writer.h"
#include "x509/key_pair.h"
#include "x509/sha256.h"
#include "x509/trusted_ca_file.h"

namespace portcullis::cli {
namespace {

// Sixteen bytes of the text's digest in the form of a GUID.
std::string guid_of(std::string_view text) {
  const std::string hex = x509::sha256(text).hex();
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20, 12);
}

arm::CertificateFacts facts_of(const model::Gateway& gateway, model::Findings& findings) {
  arm::CertificateFacts facts;
  for (const auto& ca : gateway.trusted_client_certificates) {
    const auto file = x509::parse_trusted_ca_file(ca.data.bytes);
    if (file)
      facts.trusted_client[ca.name] = {file->validated_cert_data, file->client_cert_issuer_dn};
    else
      findings.warning(file.error().code, ca.data_pointer.empty() ? ca.pointer : ca.data_pointer,
                       "Trusted client certificate '" + ca.name + "': " + file.error().message);
  }
  for (const auto& certificate : gateway.ssl_certificates) {
    if (!certificate.data) continue;
    const auto pair = x509::load_key_pair(certificate.data->bytes, certificate.password);
    if (pair)
      facts.public_cert_data[certificate.name] = pair->public_cert_data();
    else
      findings.warning(pair.error().code, certificate.pointer,
                       "Data or Password for certificate " + certificate.name + " is invalid: " + pair.error().message);
  }
  return facts;
}

void conceal(arm::Node& node, const std::vector<std::string>& secrets) {  // recursion is bounded by the tables
  model::conceal(node.key, secrets);
  model::conceal(node.text, secrets);
  for (arm::Node& item : node.items) conceal(item, secrets);
}

}  // namespace

std::string show(const model::Gateway& gateway, model::Findings& findings,
                 const std::vector<std::string>& secure_values) {
  arm::WriteOptions options;
  options.certificates = facts_of(gateway, findings);
  const auto written = [&] {
    arm::Node node = arm::write_gateway(gateway, options);
    if (!secure_values.empty()) conceal(node, secure_values);
    return node;
  };
  const arm::Node bare = written();
  options.etag = "W/\"" + guid_of(arm::to_json(bare)) + "\"";
  const arm::Node* id = bare.find("id");
  options.resource_guid = guid_of(id != nullptr ? id->text : gateway.name);
  return arm::to_pretty_json(written());
}

}  // namespace portcullis::cli
