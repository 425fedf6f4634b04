// Any bytes as an OCSP responder's answer, and a sound answer with bytes changed in it: checked or refused, never a
// crash, and nobody but the issuer can make it say "good". The first byte says which of the two; of a sound answer the
// next ones say what is changed.
#include "base/check.h"
#include "revocation/decision.h"
#include "revocation/ocsp_response.h"
#include "revocation/test_ocsp.h"

namespace {

using namespace portcullis;
using revocation::Outcome;

constexpr WallTime kNow{std::chrono::seconds(1'800'000'000)};

struct Fixture {
  x509::TestPki pki;
  x509::Issued root = pki.root("Root");
  x509::Issued client = pki.leaf("client", root);
  x509::Issued delegate = pki.leaf("delegate", root, {.eku = "OCSPSigning"});
  revocation::CertId id{client.certificate, root.certificate};
  std::string unknown;

  Fixture() {
    revocation::TestSingle single;
    single.about = &client;
    single.status = V_OCSP_CERTSTATUS_UNKNOWN;
    revocation::TestResponse spec;
    spec.singles = {single};
    spec.signer = &delegate;
    spec.certificates = {&delegate};
    unknown = revocation::ocsp_response(spec);
  }
};

void check(const Fixture& fixture, std::string_view der, std::string_view nonce) {
  const auto status = revocation::check_ocsp_response(der, fixture.id, fixture.root.certificate, kNow, nonce);
  // Nothing here was ever signed as good or revoked.
  CHECK(status.outcome != Outcome::kGood && status.outcome != Outcome::kRevoked);
  CHECK(!status.answer || status.answer->status == revocation::CertStatus::kUnknown);
  CHECK(!revocation::decide(status, {}).admitted);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const Fixture fixture;
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
  if ((data[0] & 1) == 0) {
    check(fixture, rest, (data[0] & 2) == 0 ? "" : "nonce");
    return 0;
  }
  std::string changed = fixture.unknown;
  for (std::size_t at = 0; at + 3 <= rest.size(); at += 3) {
    const auto high = static_cast<unsigned char>(rest[at]);
    const auto low = static_cast<unsigned char>(rest[at + 1]);
    changed[(high * 256U + low) % changed.size()] = rest[at + 2];
  }
  check(fixture, changed, "");
  return 0;
}
