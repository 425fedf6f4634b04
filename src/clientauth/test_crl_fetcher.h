// For the tests of this room only: a CrlFetcher on a loop under a clock that the test moves, before a CrlKeeper and
// with servers that say what the test wants, at once or once they are let go. One thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clientauth/crl_check.h"
#include "clientauth/crl_keeper.h"
#include "clientauth/test_policies.h"
#include "event/test_loop.h"
#include "revocation/test_crls.h"

namespace portcullis::clientauth {

using namespace std::chrono_literals;

struct CrlFetchTest : event::ManualLoopTest {
  CrlFetchTest() {
    clock.set_wall(kNow);
    turn();
    fetcher = std::make_unique<CrlFetcher>(
        *loop, [this](std::string url, event::Deadline deadline) { return fetch(this, std::move(url), deadline); });
    fetcher->deliver_by([this](const CrlDelivery& delivery, const std::function<void(CrlTaken)>& done) {
      if (keeper_is_busy) return;
      done(keeper.take(delivery));
    });
    fetcher->on_fetched([this](const CrlNews& news) { heard.push_back(text(news)); });
    desk = std::make_unique<CrlDesk>(*loop, *fetcher);
  }
  ~CrlFetchTest() override {
    hold = false;
    gate.notify();
    bool done = false;
    event::spawn(finish(fetcher.get(), &done));
    EXPECT_TRUE(turn_until([&] { return done; }));
    turn();
  }

  static event::Task<void> finish(CrlFetcher* fetcher, bool* done) {
    co_await fetcher->finish();
    *done = true;
  }
  static event::Task<CrlFetched> fetch(CrlFetchTest* self, std::string url, event::Deadline deadline) {
    self->fetches.push_back(url);
    while (self->hold) {
      const event::Wake wake = co_await self->gate.wait(deadline);
      if (wake == event::Wake::kTimedOut) co_return failure("crl.timeout");
    }
    const auto found = self->served.find(url);
    if (found == self->served.end()) co_return failure("crl.http_status");
    CrlFetched fetched;
    fetched.body = found->second;
    co_return fetched;
  }
  static CrlFetched failure(std::string_view reason) {
    CrlFetched fetched;
    fetched.reason = reason;
    fetched.detail = "test";
    return fetched;
  }
  void let_go() {
    hold = false;
    gate.notify();
    turns(4);
  }

  // Lists from kUrl of the issuing CA, which end in an hour, count from 1 and have these on them.
  std::string list(const std::vector<const x509::Issued*>& revoked = {}, char number = 1,
                   std::chrono::seconds left = 3600s) const {
    revocation::TestCrl crl;
    for (const x509::Issued* who : revoked) crl.entries.push_back({revocation::serial_of(who->certificate), {}, {}});
    crl.number = std::string(1, number);
    crl.next_update = loop->wall_now() + left;
    return revocation::make_crl(ca, crl);
  }
  std::shared_ptr<const CrlSlot> slot(bool fetches = true) {
    return keeper.slot("strict", {{}, fetches}, {ca.certificate, root.certificate});
  }
  // Asked and answered: "ok" or the reason; the first that is replied.
  std::string said(const std::shared_ptr<const CrlSlot>& by, const std::string& url = kUrl) {
    return said(by, url, ca);
  }
  std::string said(const std::shared_ptr<const CrlSlot>& by, const std::string& url, const x509::Issued& issuer) {
    const auto replies = asked(by, url, issuer);
    EXPECT_TRUE(turn_until([&] { return !replies->empty(); }));
    return replies->empty() ? "" : replies->front();
  }
  // What is replied; "look" where a list was remembered, before the answer.
  std::shared_ptr<std::vector<std::string>> asked(const std::shared_ptr<const CrlSlot>& by, const std::string& url,
                                                  const x509::Issued& issuer) {
    auto replies = std::make_shared<std::vector<std::string>>();
    fetcher->want(by, url, issuer.certificate, 5s, [replies](const std::shared_ptr<const CrlNews>& news) {
      replies->push_back(news == nullptr ? "look" : text(*news));
    });
    return replies;
  }
  static std::string text(const CrlNews& news) {
    return news.failure == nullptr ? "ok" : std::string(news.failure->reason);
  }
  // "good", "revoked", or the reason; marks as a verdict does.
  std::string says(const std::shared_ptr<const CrlSlot>& by, const x509::Issued& who) {
    CrlPolicy policy;
    policy.slot = by;
    x509::PathVerdict path;
    path.path = {who.certificate, ca.certificate, root.certificate};
    const revocation::CrlAnswer answer = ask_lists(policy, path, loop->wall_now()).front();
    return std::string(answer.reason.empty() ? revocation::summary(answer) : answer.reason);
  }
  x509::Issued named(const std::string& name, const std::string& urls) {
    return pki.leaf(name, ca, {.eku = "clientAuth", .extensions = {{"crlDistributionPoints", urls}}});
  }

  static inline const std::string kUrl = "http://crl.test/a";
  x509::TestPki pki;
  x509::Issued root = pki.root("Root");
  x509::Issued ca = pki.intermediate("CA", root);
  x509::Issued client = named("client", "URI:" + kUrl);
  x509::Issued other = named("other", "URI:" + kUrl);

  // What the servers do: an URL that is not here answers with a status.
  std::map<std::string, std::string> served;
  std::vector<std::string> fetches, heard;
  bool hold = false;
  bool keeper_is_busy = false;
  event::Signal gate{*loop};

  CrlKeeper keeper{{}, &clock};
  std::unique_ptr<CrlFetcher> fetcher;
  std::unique_ptr<CrlDesk> desk;
};

}  // namespace portcullis::clientauth
