#include "clientauth/crl_keeper.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/test_temporary_directory.h"
#include "revocation/test_crls.h"

namespace portcullis::clientauth {
namespace {

using revocation::CrlAnswer;
using revocation::kNow;
using revocation::make_crl;
using revocation::TestCrl;

struct CrlKeeperTest : testing::Test {
  std::string path(const std::string& name) const { return own / name; }
  // As a careful writer does it: the new file takes the place of the old.
  void write(const std::string& name, const std::string& bytes) const {
    std::filesystem::rename(own.write("." + name, bytes), path(name));
  }
  std::string revoking(const x509::Issued& who, const std::string& number) {
    TestCrl crl;
    crl.entries = {{revocation::serial_of(who.certificate), {}, {}}};
    crl.number = number;
    return make_crl(ca, crl);
  }
  std::string clean(const std::string& number) { return make_crl(ca, {.number = number}); }
  std::shared_ptr<const CrlSlot> slot(std::vector<std::string> files) {
    return keeper.slot("strict", {std::move(files)}, {ca.certificate, root.certificate});
  }
  std::string says(const CrlSlot& slot, WallTime at = kNow) {
    const CrlAnswer answer = slot.index()->find(leaf.certificate, ca.certificate, at);
    if (answer.status == CrlAnswer::Status::kGood) return "good";
    return answer.status == CrlAnswer::Status::kRevoked ? "revoked" : std::string(answer.reason);
  }

  const TemporaryDirectory own;
  const std::string directory = own.path();
  x509::TestPki pki;
  x509::Issued root = pki.root("Root");
  x509::Issued ca = pki.intermediate("Issuing CA", root);
  x509::Issued leaf = pki.leaf("leaf", ca);
  ManualClock clock{kNow};
  CrlKeeper keeper{{}, &clock};
};

TEST_F(CrlKeeperTest, ReadsAtOnceAndFollowsTheFile) {
  write("a.crl", clean("\x01"));
  const auto held = slot({path("a.crl")});
  EXPECT_EQ(says(*held), "good");
  const std::uint64_t before = held->generation();
  EXPECT_EQ(keeper.look(), 0U);
  EXPECT_EQ(held->generation(), before);
  write("a.crl", revoking(leaf, "\x02"));
  EXPECT_EQ(keeper.look(), 1U);
  EXPECT_EQ(says(*held), "revoked");
  EXPECT_NE(held->generation(), before);
}

TEST_F(CrlKeeperTest, ABrokenFileChangesNothing) {
  write("a.crl", revoking(leaf, "\x01"));
  const auto held = slot({path("a.crl")});
  const std::string whole = clean("\x02");
  for (const std::string& broken : {whole.substr(0, whole.size() / 2), std::string(), std::string("nonsense"),
                                    make_crl(ca, {.number = "\x02", .spoil = true}), make_crl(leaf, {})}) {
    write("a.crl", broken);
    EXPECT_EQ(keeper.look(), 0U);
    EXPECT_EQ(says(*held), "revoked");
  }
  write("a.crl", whole);
  EXPECT_EQ(keeper.look(), 1U);
  EXPECT_EQ(says(*held), "good");
}

TEST_F(CrlKeeperTest, AListAheadOfTheClockClearsNobodyAndTakesNothingAwayUntilItsTime) {
  using std::chrono::hours;
  TestCrl ahead{.number = "\x02", .this_update = kNow + hours(1), .next_update = kNow + hours(48)};
  write("a.crl", clean("\x01"));
  const auto held = slot({path("a.crl")});
  write("a.crl", make_crl(ca, ahead));
  EXPECT_EQ(keeper.look(), 1U);
  EXPECT_EQ(says(*held), "good") << "by the one before";
  EXPECT_EQ(says(*held, kNow + hours(2)), "good");
  EXPECT_EQ(says(*held, kNow + hours(25)), "good") << "when the one before has expired";
  // The next one ahead takes its place, and revokes at once.
  ahead.number = "\x03";
  ahead.entries = {{revocation::serial_of(leaf.certificate), {}, {}}};
  write("a.crl", make_crl(ca, ahead));
  EXPECT_EQ(keeper.look(), 1U);
  EXPECT_EQ(held->index()->lists(), 2U);
  EXPECT_EQ(says(*held), "revoked");
  ahead.number = "\x04";
  ahead.entries.clear();
  write("a.crl", make_crl(ca, ahead));
  EXPECT_EQ(keeper.look(), 1U);
  EXPECT_EQ(says(*held), "good");
  // Once the one before has expired, it is the new one that is wanting.
  clock.set_wall(kNow + hours(25));
  ahead.number = "\x05";
  ahead.this_update = kNow + hours(30);
  write("a.crl", make_crl(ca, ahead));
  EXPECT_EQ(keeper.look(), 1U);
  EXPECT_EQ(says(*held, kNow + hours(26)), "good") << "by the fourth";
  clock.set_wall(kNow + hours(60));
  ahead.number = "\x06";
  ahead.this_update = kNow + hours(70);
  ahead.next_update = kNow + hours(80);
  write("a.crl", make_crl(ca, ahead));
  EXPECT_EQ(keeper.look(), 1U);
  EXPECT_EQ(says(*held, kNow + hours(61)), "crl.not_yet_valid");
}

TEST_F(CrlKeeperTest, AFileThatVanishesCountsUntilTheReload) {
  write("a.crl", clean("\x01"));
  const auto held = slot({path("a.crl")});
  std::filesystem::remove(path("a.crl"));
  EXPECT_EQ(keeper.look(), 0U);
  EXPECT_EQ(says(*held), "good");
  EXPECT_EQ(slot({path("a.crl")}), held);
  EXPECT_EQ(says(*held), "good") << "a document that is refused changes nothing";
  keeper.forget_vanished();
  EXPECT_EQ(says(*held), "crl.missing");
}

TEST_F(CrlKeeperTest, WaitsForAFileThatIsNotThereYet) {
  const auto held = slot({path("a.crl")});
  EXPECT_EQ(says(*held), "crl.missing");
  write("a.crl", clean("\x01"));
  EXPECT_EQ(keeper.look(), 1U);
  EXPECT_EQ(says(*held), "good");
}

TEST_F(CrlKeeperTest, ADirectoryStandsForItsFiles) {
  write("a.crl", clean("\x01"));
  const auto held = slot({directory});
  EXPECT_EQ(says(*held), "good");
  own.write(".hidden", revoking(leaf, "\x09"));
  EXPECT_EQ(keeper.look(), 0U);
  write(
      "delta.crl",
      make_crl(ca, {.entries = {{revocation::serial_of(leaf.certificate), {}, {}}}, .number = "\x02", .base = "\x01"}));
  EXPECT_EQ(keeper.look(), 1U);
  EXPECT_EQ(says(*held), "revoked");
}

TEST_F(CrlKeeperTest, SlotsAreSharedByWhatTheySayAndNotByName) {
  write("a.crl", clean("\x01"));
  const auto held = slot({path("a.crl")});
  EXPECT_EQ(keeper.slot("other", {{path("a.crl")}}, {ca.certificate, root.certificate}), held);
  const auto fetching = keeper.slot("strict", {{path("a.crl")}, true}, {ca.certificate, root.certificate});
  EXPECT_NE(fetching->settings(), held->settings());
  // Another trust: the same file, judged by other authorities.
  const x509::Issued twin = pki.intermediate("Issuing CA", root);
  const auto strange = keeper.slot("strict", {{path("a.crl")}}, {twin.certificate});
  EXPECT_NE(strange, held);
  EXPECT_EQ(strange->settings(), held->settings());
  EXPECT_EQ(strange->index()->lists(), 0U);
}

TEST_F(CrlKeeperTest, WhatNobodyUsesIsForgotten) {
  write("a.crl", clean("\x01"));
  auto held = slot({path("a.crl")});
  held.reset();
  write("a.crl", clean("\x02"));
  EXPECT_EQ(keeper.look(), 0U);
  EXPECT_EQ(says(*slot({path("a.crl")})), "good");
}

}  // namespace
}  // namespace portcullis::clientauth
