#include "clientauth/crl_fetcher.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "clientauth/test_crl_fetcher.h"

namespace portcullis::clientauth {
namespace {

struct CrlFetcherTest : CrlFetchTest {};

TEST_F(CrlFetcherTest, WhatComesIsInForceBeforeAnybodyIsAnswered) {
  served[kUrl] = list({&client});
  const auto held = slot();
  EXPECT_EQ(says(held, client), "crl.missing");
  std::string found;
  fetcher->want(held, kUrl, ca.certificate, 5s, [&](const auto&) { found = says(held, client); });
  EXPECT_TRUE(turn_until([&] { return !found.empty(); }));
  EXPECT_EQ(found, "revoked");
  EXPECT_EQ(says(held, other), "good");
  EXPECT_TRUE(keeper.take_news());
  EXPECT_EQ(heard, std::vector<std::string>{"ok"});
}

TEST_F(CrlFetcherTest, OneFlightForAllWhoWait) {
  served[kUrl] = list();
  hold = true;
  const auto mine = slot();
  const auto theirs = keeper.slot("other", {{"/nowhere.crl"}, true}, {ca.certificate, root.certificate});
  ASSERT_NE(mine, theirs);
  int answered = 0;
  for (int i = 0; i < 50; ++i)
    fetcher->want(i % 2 == 0 ? mine : theirs, kUrl, ca.certificate, 5s, [&](const auto&) { ++answered; });
  turns(3);
  EXPECT_EQ(answered, 0);
  let_go();
  EXPECT_EQ(answered, 50);
  EXPECT_EQ(fetches.size(), 1U);
  EXPECT_EQ(fetcher->counts().shared, 49U);
  EXPECT_EQ(says(mine, client), "good");
  EXPECT_EQ(says(theirs, client), "good");
}

TEST_F(CrlFetcherTest, AProfileThatAsksWhenTheListHasGoneToAnotherGetsItsOwn) {
  served[kUrl] = list();
  const auto mine = slot();
  EXPECT_EQ(said(mine), "ok");
  const auto theirs = keeper.slot("other", {{"/nowhere.crl"}, true}, {ca.certificate});
  EXPECT_EQ(says(theirs, client), "good") << "it inherits what its CA has signed";
  const auto strangers = keeper.slot("strangers", {{}, true}, {root.certificate});
  EXPECT_EQ(said(strangers), "crl.unknown_issuer");
  EXPECT_EQ(fetches.size(), 2U) << "what was remembered was another profile's";
  EXPECT_EQ(said(strangers), "crl.unknown_issuer");
  EXPECT_EQ(fetches.size(), 2U);
}

// What is remembered over a restart.
struct CrlMemoryTest : CrlFetchTest {
  CrlMemoryTest() {
    fetcher->remember_by({.save =
                              [this](const std::string& url, const std::string& bytes, WallTime at) {
                                ++saves;
                                if (!refuses) saved[url] = {bytes, at};
                                return !refuses;
                              },
                          .load = [this](const std::string& url) -> std::optional<SavedCrl> {
                            ++looked;
                            const auto found = saved.find(url);
                            if (found == saved.end()) return std::nullopt;
                            return found->second;
                          }});
  }
  void remember(const std::string& bytes) { saved[kUrl] = {bytes, loop->wall_now() - 60s}; }

  std::map<std::string, SavedCrl> saved;
  int looked = 0, saves = 0;
  bool refuses = false;  // there is no room
};

TEST_F(CrlMemoryTest, WhatIsNewIsSavedAndWhatIsRefusedIsNot) {
  const auto held = slot();
  served[kUrl] = "nonsense";
  EXPECT_EQ(said(held), "crl.malformed");
  pass(3s);
  served[kUrl] = revocation::make_crl(ca, {.spoil = true});
  EXPECT_EQ(said(held), "crl.bad_signature");
  EXPECT_TRUE(saved.empty());
  pass(5s);
  served[kUrl] = list({&client});
  EXPECT_EQ(said(held), "ok");
  ASSERT_TRUE(saved.contains(kUrl));
  EXPECT_EQ(saved[kUrl].bytes, served[kUrl]);
  EXPECT_EQ(saved[kUrl].fetched_at, loop->wall_now());
  EXPECT_EQ(looked, 1) << "while the URL is known its list is in memory";
}

TEST_F(CrlMemoryTest, TheSameListIsSavedAgainWhereThatFailedOrWasLongAgo) {
  const auto held = slot();
  served[kUrl] = list({}, 1, 24h);
  refuses = true;
  EXPECT_EQ(said(held), "ok");
  EXPECT_EQ(saves, 1);
  refuses = false;
  pass(3s);
  EXPECT_EQ(said(held), "ok");
  EXPECT_EQ(saves, 2);
  pass(5s);
  EXPECT_EQ(said(held), "ok");
  EXPECT_EQ(fetches.size(), 3U);
  EXPECT_EQ(saves, 2) << "it is there";
  pass(1h);
  EXPECT_EQ(said(held), "ok");
  EXPECT_EQ(saves, 3);
}

TEST_F(CrlMemoryTest, AnOlderListThatAnotherProfileTakesIsNotSaved) {
  const auto mine = slot();
  const auto theirs = keeper.slot("other", {{"/nowhere.crl"}, true}, {ca.certificate});
  const std::string newer = served[kUrl] = list({&client}, 5);
  EXPECT_EQ(said(mine), "ok");
  pass(3s);
  served[kUrl] = list({}, 4);
  EXPECT_EQ(said(theirs), "ok");
  EXPECT_EQ(says(theirs, client), "good");
  EXPECT_EQ(saved[kUrl].bytes, newer);
}

TEST_F(CrlMemoryTest, AServerThatIsAwayOrHangsAfterARestartKeepsNobodyWaiting) {
  remember(list({&client}));
  const auto held = slot();
  hold = true;
  const auto replies = asked(held, kUrl, ca);
  EXPECT_TRUE(turn_until([&] { return !replies->empty(); }));
  EXPECT_EQ(says(held, client), "revoked");
  EXPECT_EQ(says(held, other), "good");
  EXPECT_EQ(held->index()->find(other.certificate, ca.certificate, loop->wall_now()).origin->fetched_at,
            loop->wall_now() - 60s);
  turns(3);
  EXPECT_EQ(fetches.size(), 1U) << "a newer one may be there";
  EXPECT_TRUE(heard.empty());
  let_go();
  EXPECT_EQ(heard, std::vector<std::string>{"crl.http_status"});
  EXPECT_EQ(*replies, (std::vector<std::string>{"look", "crl.http_status"}))
      << "whom the list cannot tell waits for the server";
  EXPECT_EQ(says(held, other), "good");
  EXPECT_EQ(fetcher->counts().recalled, 1U);
}

TEST_F(CrlMemoryTest, NoneWaitsForTheTurnOfAServerThatHangs) {
  hold = true;
  const auto held = slot();
  std::vector<std::shared_ptr<std::vector<std::string>>> all;
  for (int i = 0; i < 40; ++i) {
    const std::string url = "http://crl.test/part" + std::to_string(i);
    saved[url] = {list(), loop->wall_now()};
    all.push_back(asked(held, url, ca));
  }
  EXPECT_TRUE(turn_until([&] { return std::none_of(all.begin(), all.end(), [](auto& one) { return one->empty(); }); }));
  turns(3);
  EXPECT_EQ(fetches.size(), 16U);
  EXPECT_EQ(fetcher->counts().recalled, 40U);
}

TEST_F(CrlMemoryTest, ANewerListThatIsServedTakesItsPlaceAtOnce) {
  remember(list({}, 1));
  served[kUrl] = list({&client}, 2);
  const auto held = slot();
  hold = true;
  EXPECT_EQ(said(held), "look");
  EXPECT_EQ(says(held, client), "good");
  let_go();
  EXPECT_EQ(says(held, client), "revoked");
  EXPECT_EQ(saved[kUrl].bytes, served[kUrl]);
}

TEST_F(CrlMemoryTest, AnOlderListThatIsServedDoesNot) {
  remember(list({&client}, 2));
  served[kUrl] = list({}, 1);
  const auto held = slot();
  EXPECT_EQ(said(held), "look");
  turns(4);
  EXPECT_EQ(fetches.size(), 1U);
  EXPECT_EQ(says(held, client), "revoked");
  EXPECT_EQ(saves, 0);
}

TEST_F(CrlMemoryTest, WhatWasSavedIsVerifiedAndItsFailureIsNobodysAnswer) {
  int number = 5;
  for (const std::string& bytes : {std::string("nonsense"), revocation::make_crl(ca, {.spoil = true}),
                                   revocation::make_crl(root, {}), list({}, 1, -3600s)}) {
    const std::string url = kUrl + std::to_string(number);
    saved[url] = {bytes, loop->wall_now()};
    served[url] = list({&client}, static_cast<char>(number++));
    const auto held = slot();
    EXPECT_EQ(said(held, url), "ok");
    EXPECT_EQ(says(held, client), "revoked");
    EXPECT_EQ(saved[url].bytes, served[url]);
  }
  EXPECT_EQ(looked, 4);
  EXPECT_EQ(fetcher->counts().recalled, 0U);
}

TEST_F(CrlMemoryTest, WhoIsRefusedByItWaitsForTheServer) {
  remember(list({&client}));
  const auto strangers = keeper.slot("strangers", {{}, true}, {root.certificate});
  EXPECT_EQ(said(strangers), "crl.http_status");
}

TEST_F(CrlMemoryTest, ATimeAheadOfTheClockIsNow) {
  saved[kUrl] = {list(), loop->wall_now() + 3600s};
  const auto held = slot();
  EXPECT_EQ(said(held), "look");
  EXPECT_EQ(held->index()->find(other.certificate, ca.certificate, loop->wall_now()).origin->fetched_at,
            loop->wall_now());
}

TEST_F(CrlMemoryTest, TheGatewayMayEndWhileListsAreLookedAt) {
  keeper_is_busy = true;
  const auto held = slot();
  std::vector<std::shared_ptr<std::vector<std::string>>> all;
  for (int i = 0; i < 20; ++i) {
    const std::string url = "http://crl.test/part" + std::to_string(i);
    saved[url] = {list(), loop->wall_now()};
    all.push_back(asked(held, url, ca));
  }
  turns(3);
  EXPECT_EQ(looked, 8) << "the others wait for their turn";
  bool done = false;
  event::spawn(finish(fetcher.get(), &done));
  EXPECT_TRUE(turn_until([&] { return done; }));
  for (const auto& one : all) EXPECT_EQ(*one, std::vector<std::string>{"crl.overloaded"});
  EXPECT_TRUE(fetches.empty());
}

TEST_F(CrlFetcherTest, FailuresAreRememberedForEverLonger) {
  const auto held = slot();
  EXPECT_EQ(said(held), "crl.http_status");
  for (const auto memory : {2s, 4s, 8s, 16s, 16s}) {
    const std::size_t before = fetches.size();
    pass(memory - 100ms);
    EXPECT_EQ(said(held), "crl.http_status");
    EXPECT_EQ(fetches.size(), before) << "not before " << memory.count();
    pass(200ms);
    EXPECT_EQ(said(held), "crl.http_status");
    EXPECT_EQ(fetches.size(), before + 1);
  }
  served[kUrl] = list();
  pass(17s);
  EXPECT_EQ(said(held), "ok");
  served.erase(kUrl);
  pass(3s);
  EXPECT_EQ(said(held), "crl.http_status");
  const std::size_t before = fetches.size();
  pass(3s);
  EXPECT_EQ(said(held), "crl.http_status");
  EXPECT_EQ(fetches.size(), before + 1) << "a success ends the series";
}

TEST_F(CrlFetcherTest, AListThatHelpsNobodyIsNotFetchedAgainAtOnce) {
  served[kUrl] = list();
  const auto held = slot();
  EXPECT_EQ(said(held), "ok");
  EXPECT_EQ(said(held), "ok");
  EXPECT_EQ(fetches.size(), 1U);
  EXPECT_TRUE(keeper.take_news());
  pass(3s);
  EXPECT_EQ(said(held), "ok");
  EXPECT_EQ(fetches.size(), 2U);
  const std::uint64_t generation = held->generation();
  EXPECT_FALSE(keeper.take_news()) << "the same list is none";
  pass(3s);
  EXPECT_EQ(said(held), "ok");
  EXPECT_EQ(fetches.size(), 3U);
  pass(3s);
  EXPECT_EQ(said(held), "ok");
  EXPECT_EQ(fetches.size(), 3U) << "the second list that was the known one counts as a failure";
  EXPECT_NE(held->generation(), generation);
}

// One URL that serves the lists of two CAs: the second is not told what was remembered for the first.
TEST_F(CrlFetcherTest, AnotherCasCertificatesThatNameAUrlHaveItFetchedForThem) {
  served[kUrl] = revocation::make_crl(root, {});
  const auto held = slot();
  EXPECT_EQ(said(held, kUrl, ca), "ok");
  EXPECT_EQ(keeper.take_news(), false) << "another CA's list counts for nothing";
  EXPECT_EQ(said(held, kUrl, root), "ok");
  EXPECT_EQ(fetches.size(), 2U);
  EXPECT_TRUE(keeper.take_news());
  EXPECT_EQ(said(held, kUrl, ca), "ok");
  EXPECT_EQ(fetches.size(), 2U);
}

TEST_F(CrlFetcherTest, NobodyWaitsLongerThanTheTimeoutAndTheDownloadGoesOn) {
  served[kUrl] = list();
  hold = true;
  const auto held = slot();
  std::string early, late;
  fetcher->want(held, kUrl, ca.certificate, 5s, [&](const auto& news) { early = text(*news); });
  turns(2);
  pass(6s);
  fetcher->want(held, kUrl, ca.certificate, 5s, [&](const auto& news) { late = text(*news); });
  turns(2);
  EXPECT_EQ(late, "crl.timeout");
  EXPECT_EQ(early, "");
  let_go();
  EXPECT_EQ(early, "ok");
  EXPECT_EQ(says(held, client), "good");
  hold = true;
  pass(3s);
  std::string never;
  fetcher->want(held, kUrl, ca.certificate, 5s, [&](const auto& news) { never = text(*news); });
  turns(2);
  pass(31s);
  EXPECT_EQ(never, "crl.timeout") << "but a download has an end, too";
}

TEST_F(CrlFetcherTest, RenewsAheadWhatSomebodyIsJudgedBy) {
  served[kUrl] = list({}, 1);
  const auto held = slot();
  EXPECT_EQ(said(held), "ok");
  EXPECT_EQ(says(held, client), "good");
  pass(38min);
  EXPECT_EQ(fetches.size(), 1U) << "not before 65 % of its time";
  served[kUrl] = list({&client}, 2);
  pass(14min);
  EXPECT_EQ(fetches.size(), 2U) << "not after 85 % of it";
  EXPECT_EQ(fetcher->counts().refreshes, 1U);
  EXPECT_EQ(says(held, client), "revoked");
}

TEST_F(CrlFetcherTest, WhatNobodyUsesIsNotRenewedAndUsedAgainItIs) {
  served[kUrl] = list({}, 1);
  const auto held = slot();
  EXPECT_EQ(said(held), "ok");
  pass(52min);
  EXPECT_EQ(fetches.size(), 1U);
  EXPECT_EQ(says(held, client), "good");
  pass(7min);
  EXPECT_EQ(fetches.size(), 2U);
}

TEST_F(CrlFetcherTest, AnUnchangedListIsAskedForAgainAndAgainUntilItEnds) {
  served[kUrl] = list({}, 1);
  const auto held = slot();
  EXPECT_EQ(said(held), "ok");
  EXPECT_EQ(says(held, client), "good");
  // Nobody is judged any more, but whoever was may still be connected.
  for (int i = 0; i < 59; ++i) pass(1min);
  EXPECT_GE(fetches.size(), 3U);
  EXPECT_LE(fetches.size(), 8U);
  const std::size_t before = fetches.size();
  pass(65s);
  for (int i = 0; i < 10; ++i) pass(16s);
  EXPECT_GT(fetches.size(), before) << "and while it counts after its end";
  served[kUrl] = list({&client}, 2);
  pass(17s);
  EXPECT_EQ(says(held, client), "revoked");
}

TEST_F(CrlFetcherTest, AFailedRenewalLeavesTheListAndIsTriedAgain) {
  served[kUrl] = list({}, 1);
  const auto held = slot();
  EXPECT_EQ(said(held), "ok");
  EXPECT_EQ(says(held, client), "good");
  served.erase(kUrl);
  pass(52min);
  EXPECT_EQ(fetches.size(), 2U);
  EXPECT_EQ(says(held, client), "good");
  served[kUrl] = list({&client}, 2);
  pass(7min);
  EXPECT_EQ(says(held, client), "revoked");
}

// A CA may have cut its lists in hundreds of pieces: none of the first requests fails because others are being fetched.
TEST_F(CrlFetcherTest, EveryUrlHasItsTurn) {
  std::vector<std::shared_ptr<const CrlSlot>> profiles;
  for (int i = 0; i < 4; ++i) {
    profiles.push_back(keeper.slot("part " + std::to_string(i), {{"/" + std::to_string(i)}, true}, {ca.certificate}));
  }
  hold = true;
  std::vector<std::string> replies;
  for (int i = 0; i < 200; ++i) {
    const std::string url = "http://crl" + std::to_string(i % 7) + ".test/" + std::to_string(i);
    served[url] = list();
    fetcher->want(profiles[static_cast<std::size_t>(i) % profiles.size()], url, ca.certificate, 5s,
                  [&](const auto& news) { replies.push_back(text(*news)); });
  }
  turns(3);
  EXPECT_EQ(fetches.size(), 64U);
  EXPECT_TRUE(replies.empty());
  let_go();
  EXPECT_TRUE(turn_until([&] { return replies.size() == 200; }));
  EXPECT_EQ(std::count(replies.begin(), replies.end(), "ok"), 200);
  EXPECT_EQ(std::set<std::string>(fetches.begin(), fetches.end()).size(), 200U);
  EXPECT_EQ(fetches.size(), 200U);
}

TEST_F(CrlFetcherTest, AServerThatHangsIsInNobodysWay) {
  const auto held = slot();
  hold = true;
  std::vector<std::string> stuck;
  for (int i = 0; i < 100; ++i) {
    const std::string url = (i % 2 == 0 ? "http://hangs.test/" : "http://HANGS.test/") + std::to_string(i);
    fetcher->want(held, url, ca.certificate, 5s, [&](const auto& news) { stuck.push_back(text(*news)); });
  }
  turns(3);
  EXPECT_EQ(fetches.size(), 16U);
  hold = false;
  served[kUrl] = list();
  EXPECT_EQ(said(held), "ok") << "another server's list comes";
  hold = true;
  std::string late;
  pass(6s);
  fetcher->want(held, "http://hangs.test/98", ca.certificate, 5s, [&](const auto& news) { late = text(*news); });
  turns(2);
  EXPECT_EQ(late, "crl.timeout") << "who comes when it has waited for longer than that does not wait as well";
  // Thirty seconds a download, sixteen at a time.
  for (int i = 0; i < 7; ++i) pass(31s);
  EXPECT_EQ(stuck.size(), 100U);
  EXPECT_EQ(std::count(stuck.begin(), stuck.end(), "crl.timeout"), 100);
}

TEST_F(CrlFetcherTest, EndsWithUrlsThatHaveNotHadTheirTurn) {
  const auto held = slot();
  hold = true;
  std::vector<std::string> replies;
  for (int i = 0; i < 40; ++i) {
    const std::string url = "http://crl.test/" + std::to_string(i);
    fetcher->want(held, url, ca.certificate, 5s, [&](const auto& news) { replies.push_back(text(*news)); });
  }
  turns(3);
  bool done = false;
  event::spawn(finish(fetcher.get(), &done));
  turns(2);
  EXPECT_EQ(std::count(replies.begin(), replies.end(), "crl.overloaded"), 24);
  let_go();
  EXPECT_TRUE(turn_until([&] { return done; }));
  EXPECT_EQ(replies.size(), 40U);
  EXPECT_EQ(fetches.size(), 16U);
}

TEST_F(CrlFetcherTest, AKeeperThatDoesNotAnswerEndsTheFlight) {
  served[kUrl] = list();
  keeper_is_busy = true;
  const auto held = slot();
  std::string reply;
  fetcher->want(held, kUrl, ca.certificate, 5s, [&](const auto& news) { reply = text(*news); });
  turns(3);
  EXPECT_EQ(reply, "");
  pass(61s);
  EXPECT_EQ(reply, "crl.overloaded");
}

TEST_F(CrlFetcherTest, EndsWithAFlightUnderWay) {
  served[kUrl] = list();
  keeper_is_busy = true;
  const auto held = slot();
  std::string reply, after;
  fetcher->want(held, kUrl, ca.certificate, 5s, [&](const auto& news) { reply = text(*news); });
  turns(3);
  bool done = false;
  event::spawn(finish(fetcher.get(), &done));
  EXPECT_TRUE(turn_until([&] { return done; }));
  EXPECT_EQ(reply, "crl.overloaded");
  fetcher->want(held, "http://crl.test/b", ca.certificate, 5s, [&](const auto& news) { after = text(*news); });
  turns(2);
  EXPECT_EQ(after, "crl.overloaded");
}

TEST_F(CrlFetcherTest, AProfileThatIsGoneIsTold) {
  served[kUrl] = list();
  EXPECT_EQ(said(slot(false)), "crl.missing");
  EXPECT_EQ(said(std::make_shared<CrlSlot>(Digest{})), "crl.missing");
}

}  // namespace
}  // namespace portcullis::clientauth
