// Distinguished names as Azure shows them in clientCertIssuerDN: the text form of .NET's X500DistinguishedName.
#pragma once

#include <string>

#include <openssl/types.h>

namespace portcullis::x509::internal {

// Most specific RDN first, ", " between them, `S=` for stateOrProvince; values quoted where they hold a separator.
// Control bytes become \xNN. `CN=User1, OU=Eng, O=Company Ltd, L=D4, S=Arizona, C=US`.
std::string dotnet_name(const X509_NAME* name);

}  // namespace portcullis::x509::internal
