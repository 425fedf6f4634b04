// RFC 9440 §2.1–2.3: what backends are told of a client that was verified.
#include "base/base64.h"
#include "base/strings.h"
#include "clientauth/test_policies.h"

namespace portcullis::clientauth {
namespace {

struct ClientCertFieldsTest : PolicyTest {
  std::shared_ptr<const PeerRecord> record(const x509::CertificateList& presented) {
    const auto judged = verifier(policy(Mode::kStrict))->judge(presented, kNow);
    auto found = std::static_pointer_cast<const PeerRecord>(judged);
    EXPECT_TRUE(found->path.ok);
    return found;
  }
  // A byte sequence is its base64 between colons (RFC 8941 §3.3.5).
  static std::string sequence(const x509::Certificate& certificate) {
    return ":" + base64_encode(certificate.der()) + ":";
  }
};

TEST_F(ClientCertFieldsTest, LeafAndTheRestOfTheVerifiedPathInItsOrder) {
  const auto known = record(good.presented());
  const ClientCertFields& fields = known->client_cert_fields();
  EXPECT_EQ(fields.leaf, sequence(good.certificate));
  EXPECT_EQ(fields.chain, sequence(ca.certificate) + ", " + sequence(root.certificate));
  EXPECT_FALSE(fields.leaf_omitted || fields.chain_omitted);
  EXPECT_EQ(&known->client_cert_fields(), &fields) << "made once";
}

TEST_F(ClientCertFieldsTest, WhatWasPresentedBesideThePathIsNotPassedOn) {
  x509::CertificateList presented = good.presented();
  presented.push_back(stranger.certificate);
  presented.push_back(other_root.certificate);
  EXPECT_EQ(record(presented)->client_cert_fields().chain, record(good.presented())->client_cert_fields().chain);
  // What the client left out and the upload supplied is.
  EXPECT_EQ(record({good.certificate})->client_cert_fields().chain,
            sequence(ca.certificate) + ", " + sequence(root.certificate));
}

TEST_F(ClientCertFieldsTest, TooMuchIsLeftOut) {
  const auto with_comment = [&](std::size_t bytes) {
    return pki.leaf("big", ca, {.eku = "clientAuth", .extensions = {{"nsComment", std::string(bytes, 'x')}}});
  };
  const x509::Issued large = with_comment(11'500), huge = with_comment(14'000);
  const auto known = record(large.presented());
  EXPECT_EQ(known->client_cert_fields().leaf, sequence(large.certificate));
  EXPECT_EQ(known->client_cert_fields().chain, "");
  EXPECT_TRUE(known->client_cert_fields().chain_omitted);
  EXPECT_FALSE(known->client_cert_fields().leaf_omitted);
  const auto none = record(huge.presented());
  EXPECT_EQ(none->client_cert_fields().leaf + none->client_cert_fields().chain, "");
  EXPECT_TRUE(none->client_cert_fields().leaf_omitted && none->client_cert_fields().chain_omitted);
}

TEST_F(ClientCertFieldsTest, ItsRecordWeighsThemFromTheStart) {
  const auto known = record(good.presented());
  const std::size_t before = known->weight();
  const ClientCertFields& fields = known->client_cert_fields();
  EXPECT_EQ(known->weight(), before);
  EXPECT_GT(before, fields.leaf.size() + fields.chain.size());
}

}  // namespace
}  // namespace portcullis::clientauth
