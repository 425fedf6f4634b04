// Writes a gateway as the REST API returns it (arm-api.md §1.8): canonical names and order, empty collections,
// defaults, reverse references, read-only members; secrets never. Table-driven by the reader's own tables, so that
// whatever can be read is written: reading the result gives the same gateway. Pure; any thread.
#pragma once

#include <map>
#include <string>

#include "arm/document.h"
#include "base/strings.h"
#include "model/gateway.h"

namespace portcullis::arm {

// What only x509/ can compute: the caller fills it in, by the name of the sub-resource. An absent entry leaves the
// members out.
struct ClientCaFacts {
  std::string validated_cert_data;    // x509::TrustedCaFile::validated_cert_data
  std::string client_cert_issuer_dn;  // x509::TrustedCaFile::client_cert_issuer_dn
};
struct CertificateFacts {
  std::map<std::string, ClientCaFacts, LessIgnoreCase> trusted_client;  // by trustedClientCertificates name
  std::map<std::string, std::string, LessIgnoreCase> public_cert_data;  // by sslCertificates name
};

struct WriteOptions {
  CertificateFacts certificates;
  std::string etag;           // `W/"<guid>"`: of the gateway and of every sub-resource; empty: left out
  std::string resource_guid;  // empty: left out
  std::string provisioning_state = "Succeeded";
  std::string operational_state = "Running";
  // Where the resource is, up to and including ".../applicationGateways/"; for a document that does not say itself.
  std::string collection_id =
      "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/portcullis/providers/Microsoft.Network/"
      "applicationGateways/";
  // Only for what this machine saves for itself: sslCertificates with `data` and `password`.
  bool with_secrets = false;
};

// The resource body.
Node write_gateway(const model::Gateway& gateway, const WriteOptions& options);

// JSON with two spaces of indentation and a line feed at its end.
std::string to_pretty_json(const Node& node);

}  // namespace portcullis::arm
