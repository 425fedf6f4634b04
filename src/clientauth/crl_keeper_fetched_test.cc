#include <gtest/gtest.h>

#include "base/base64.h"
#include "clientauth/crl_keeper.h"
#include "clientauth/test_crl_fetcher.h"

namespace portcullis::clientauth {
namespace {

struct FetchedListsTest : CrlFetchTest {
  // From `url`, which certificates of `issuers` name, for those slots: "new", "known", or the reason of the first.
  std::string take(const std::string& bytes, const std::vector<std::shared_ptr<const CrlSlot>>& slots,
                   const std::string& url = kUrl) {
    auto from = std::make_shared<const revocation::CrlUrl>(url);
    CrlDelivery delivery;
    delivery.origin = std::make_shared<const revocation::CrlOrigin>(revocation::CrlOrigin{from, loop->wall_now(), 7ms});
    delivery.bytes = std::make_shared<const std::string>(bytes);
    delivery.issuers = issuers;
    delivery.slots = slots;
    const CrlTaken taken = keeper.take(delivery);
    next_update = taken.next_update;
    if (taken.results.empty()) return "nobody";
    if (taken.results.front().error) return std::string(taken.results.front().error->code);
    return taken.changed ? "new" : "known";
  }
  std::optional<WallTime> next_update;
  x509::CertificateList issuers{ca.certificate, root.certificate};
};

TEST_F(FetchedListsTest, AreVerifiedLikeAFiles) {
  const auto held = slot();
  EXPECT_EQ(take(revocation::make_crl(ca, {.spoil = true}), {held}), "crl.bad_signature");
  EXPECT_EQ(take(revocation::make_crl(client, {}), {held}), "crl.unknown_issuer");
  EXPECT_EQ(take(revocation::make_crl(ca, {.number = std::nullopt}), {held}), "crl.no_number");
  EXPECT_EQ(take("\x30\x82", {held}), "crl.malformed");
  EXPECT_EQ(take("<html>", {held}), "crl.malformed");
  EXPECT_EQ(take("", {held}), "crl.malformed");
  EXPECT_EQ(says(held, client), "crl.missing");
  EXPECT_FALSE(keeper.take_news());
  EXPECT_EQ(take(list({&client}), {held}), "new");
  EXPECT_EQ(next_update, loop->wall_now() + 3600s);
  EXPECT_EQ(says(held, client), "revoked");
  EXPECT_TRUE(keeper.take_news());
}

TEST_F(FetchedListsTest, ANumberNeverGoesBackAndBrokenOnesChangeNothing) {
  const auto held = slot();
  EXPECT_EQ(take(list({&client}, 5), {held}), "new");
  for (const std::string& bytes :
       {list({}, 4), revocation::make_crl(ca, {.number = "\x06", .spoil = true}), std::string("no")}) {
    EXPECT_NE(take(bytes, {held}), "new");
    EXPECT_EQ(says(held, client), "revoked");
  }
  EXPECT_EQ(take(list({}, 4), {held}), "crl.superseded");
  EXPECT_EQ(take(list({&client}, 5), {held}), "known");
  EXPECT_EQ(take(list({}, 6), {held}), "new");
  EXPECT_EQ(says(held, client), "good");
}

TEST_F(FetchedListsTest, OneAheadOfTheClockWaitsBesideTheOneInForce) {
  const auto held = slot();
  const WallTime start = loop->wall_now();
  const auto ahead = [&](const std::string& number, const std::vector<const x509::Issued*>& revoked = {}) {
    revocation::TestCrl crl{.number = number, .this_update = start + 1800s, .next_update = start + 7200s};
    for (const x509::Issued* who : revoked) crl.entries.push_back({revocation::serial_of(who->certificate), {}, {}});
    return revocation::make_crl(ca, crl);
  };
  EXPECT_EQ(take(list({}, 1), {held}), "new");
  EXPECT_EQ(take(ahead("\x02"), {held}), "new");
  EXPECT_EQ(says(held, client), "good");
  EXPECT_EQ(take(ahead("\x02"), {held}), "known");
  EXPECT_EQ(take(ahead("\x03", {&other}), {held}), "new");
  EXPECT_EQ(take(ahead("\x02"), {held}), "crl.superseded");
  EXPECT_EQ(held->index()->lists(), 2U);
  EXPECT_EQ(says(held, client), "good");
  EXPECT_EQ(says(held, other), "revoked");
  // One that counts at once takes the place of both.
  EXPECT_EQ(take(list({&client}, 4), {held}), "new");
  EXPECT_EQ(held->index()->lists(), 1U);
  EXPECT_EQ(says(held, client), "revoked");
  EXPECT_EQ(says(held, other), "good");
}

TEST_F(FetchedListsTest, AnothersListTakesNothingAway) {
  // Who stands between serves another CA's list, which is sound: what was revoked stays so (I26).
  const auto held = slot();
  EXPECT_EQ(take(list({&client}, 5), {held}), "new");
  EXPECT_EQ(take(revocation::make_crl(root, {}), {held}), "new");
  EXPECT_EQ(says(held, client), "revoked");
}

// The server that one CA's certificates name may be another party's: it must not say how old the list of a CA may be
// whose certificates do not name it, after a restart above all, when no number is known.
TEST_F(FetchedListsTest, AUrlSpeaksForTheCasWhoseCertificatesNameIt) {
  const auto held = slot();
  issuers = {root.certificate};
  EXPECT_EQ(take(list(), {held}), "known") << "not its issuer's: as if nothing had come";
  EXPECT_EQ(next_update, std::nullopt);
  EXPECT_EQ(says(held, client), "crl.missing");
  issuers = {root.certificate, ca.certificate};
  EXPECT_EQ(take(list(), {held}), "new");
  EXPECT_EQ(says(held, client), "good");
}

TEST_F(FetchedListsTest, AnOlderListFromElsewhereDoesNotCountEither) {
  const auto held = slot();
  EXPECT_EQ(take(list({&client}, 5), {held}), "new");
  take(list({}, 4), {held}, "http://crl.test/b");
  EXPECT_EQ(says(held, client), "revoked");
}

TEST_F(FetchedListsTest, WhatVanishedFilesTakeAlongIsNotTheirs) {
  const auto held = slot();
  EXPECT_EQ(take(list({&client}), {held}), "new");
  keeper.forget_vanished();
  keeper.look();
  EXPECT_EQ(says(held, client), "revoked");
  EXPECT_EQ(slot(), held);
  EXPECT_EQ(says(held, client), "revoked");
}

TEST_F(FetchedListsTest, GoToAllWhoHaveSomeFromThere) {
  const auto mine = slot();
  const auto theirs = keeper.slot("other", {{"/nowhere.crl"}, true}, {ca.certificate, root.certificate});
  EXPECT_EQ(take(list({}, 1), {mine, theirs}), "new");
  EXPECT_EQ(take(list({&client}, 2), {}), "new");
  EXPECT_EQ(says(mine, client), "revoked");
  EXPECT_EQ(says(theirs, client), "revoked");
  EXPECT_EQ(take(list({}, 1), {}, "http://crl.test/b"), "nobody");
}

// A signature that one profile's CA has made is known then, and says nothing of another's of that name.
TEST_F(FetchedListsTest, WhatACaSignedDoesNotCountWhereItsTwinIsTrusted) {
  const x509::Issued twin = pki.intermediate("CA", root);
  issuers.push_back(twin.certificate);
  const auto held = slot();
  const auto theirs = keeper.slot("strict", {{}, true}, {twin.certificate, root.certificate});
  const std::string bytes = list({&client});
  for (int i = 0; i < 2; ++i) {
    take(bytes, {held, theirs});
    EXPECT_EQ(says(held, client), "revoked");
    EXPECT_EQ(theirs->index()->lists(), 0U);
  }
}

TEST_F(FetchedListsTest, ANewSlotInheritsWhatItsOwnAuthoritiesSigned) {
  const auto held = slot();
  EXPECT_EQ(take(list({&client}), {held}), "new");
  const x509::Issued twin = pki.intermediate("CA", root);
  const auto added = keeper.slot("strict", {{}, true}, {ca.certificate, root.certificate, twin.certificate});
  EXPECT_EQ(says(added, client), "revoked");
  const auto replaced = keeper.slot("strict", {{}, true}, {twin.certificate, root.certificate});
  EXPECT_EQ(replaced->index()->lists(), 0U);
  const auto files_only = keeper.slot("strict", {{"/nowhere.crl"}}, {ca.certificate, root.certificate});
  EXPECT_EQ(files_only->index()->lists(), 0U);
}

// A slot that refused the newer bundle, since one of its lists is nobody's there, must not hand the older on at a
// reload.
TEST_F(FetchedListsTest, ANewSlotInheritsTheNewestOfWhatTheOthersHave) {
  const x509::Issued third = pki.root("Third");
  const auto pem = [](const std::string& der) {
    return "-----BEGIN X509 CRL-----\n" + base64_encode(der) + "\n-----END X509 CRL-----\n";
  };
  const auto narrow = slot();
  const auto wide = keeper.slot("wide", {{}, true}, {ca.certificate, root.certificate, third.certificate});
  issuers.push_back(third.certificate);
  EXPECT_EQ(take(list({}, 5), {narrow, wide}), "new");
  take(pem(list({&client}, 6)) + pem(revocation::make_crl(third, {})), {narrow, wide});
  EXPECT_EQ(says(narrow, client), "good");
  EXPECT_EQ(says(wide, client), "revoked");
  for (const char* file : {"/a.crl", "/b.crl", "/c.crl", "/d.crl"}) {  // the order of slots is that of digests
    const auto added = keeper.slot("added", {{file}, true}, {ca.certificate, root.certificate});
    EXPECT_EQ(says(added, client), "revoked");
  }
}

TEST_F(FetchedListsTest, UrlsHaveAnEndAndTheUnusedAndExpiredGiveWayFirst) {
  const auto held = slot();
  const auto url = [](std::size_t i) { return "http://crl.test/" + std::to_string(i); };
  const auto scoped = [this](std::size_t i, std::chrono::seconds left) {
    revocation::TestCrl crl;
    namespace der = revocation::der;
    crl.idp = der::sequence(der::tlv(0xa0, der::tlv(0xa0, der::tlv(0x86, "http://crl.test/" + std::to_string(i)))));
    crl.next_update = loop->wall_now() + left;
    return revocation::make_crl(ca, crl);
  };
  for (std::size_t i = 0; i < CrlKeeper::kMostUrls; ++i) {
    EXPECT_EQ(take(scoped(i, i == 7 ? 60s : 7200s), {held}, url(i)), "new") << i;
  }
  EXPECT_EQ(take(scoped(64, 7200s), {held}, url(64)), "crl.too_many_lists");
  EXPECT_EQ(take(scoped(3, 7201s), {held}, url(3)), "known") << "those that are there are renewed";
  clock.advance(10min);
  turn();
  EXPECT_EQ(take(scoped(64, 7200s), {held}, url(64)), "new");
  EXPECT_EQ(take(scoped(7, 7200s), {held}, url(7)), "crl.too_many_lists");
}

TEST_F(FetchedListsTest, ListsOfOneUrlHaveAnEnd) {
  const auto held = slot();
  for (std::size_t i = 0; i <= CrlKeeper::kMostOfUrl; ++i) {
    revocation::TestCrl crl;
    namespace der = revocation::der;
    crl.idp = der::sequence(der::tlv(0xa0, der::tlv(0xa0, der::tlv(0x86, "http://crl.test/" + std::to_string(i)))));
    EXPECT_EQ(take(revocation::make_crl(ca, crl), {held}), i < CrlKeeper::kMostOfUrl ? "new" : "crl.too_many_lists");
  }
}

}  // namespace
}  // namespace portcullis::clientauth
