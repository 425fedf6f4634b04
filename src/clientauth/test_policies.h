// For the tests of this room only: a PKI, policies over it and verdicts at chosen moments. One thread.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "clientauth/verdict.h"
#include "x509/test_pki.h"

namespace portcullis::clientauth {

inline constexpr WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};

inline event::Task<void> ask(Admission* admission, WallTime at, std::optional<Verdict>* out) {
  auto verdict = co_await admission->verdict(at);
  *out = std::move(verdict);
}
inline Verdict verdict_of(Admission& admission, WallTime at = kNow) {
  std::optional<Verdict> out;
  event::spawn(ask(&admission, at, &out));
  CHECK(out.has_value());
  return *out;
}

struct PolicyTest : testing::Test {
  static std::shared_ptr<const x509::TrustAnchors> trust(const std::vector<std::string>& pems) {
    std::vector<x509::TrustedCaFile> files;
    for (const std::string& pem : pems) {
      auto file = x509::parse_trusted_ca_file(pem, kNow);
      CHECK(file.has_value());
      files.push_back(std::move(*file));
    }
    auto anchors = x509::TrustAnchors::build(files);
    CHECK(anchors.has_value());
    return *anchors;
  }
  ClientPolicy policy(Mode mode, bool with_anchors = true) {
    ClientPolicy made;
    made.mode = mode;
    if (with_anchors) made.anchors = trust({root.pem() + ca.pem()});
    return made;
  }
  static std::shared_ptr<Verifier> verifier(ClientPolicy policy) {
    return std::make_shared<Verifier>(std::move(policy));
  }

  x509::TestPki pki;
  x509::Issued root = pki.root("Root");
  x509::Issued ca = pki.intermediate("Issuing CA", root);
  x509::Issued other_root = pki.root("Other Root");
  x509::Issued good = pki.leaf("good", ca);
  x509::Issued expired = pki.leaf("expired", ca, {.not_after = kNow - std::chrono::hours(24), .eku = "clientAuth"});
  x509::Issued dying = pki.leaf("dying", ca, {.not_after = kNow + std::chrono::hours(1), .eku = "clientAuth"});
  x509::Issued early = pki.leaf("early", ca, {.not_before = kNow + std::chrono::hours(24), .eku = "clientAuth"});
  x509::Issued stranger = pki.leaf("stranger", other_root);
  x509::Issued server_only = pki.leaf("server", ca, {.eku = "serverAuth"});
  x509::Issued self_signed = pki.self_signed_leaf("self");
};

}  // namespace portcullis::clientauth
