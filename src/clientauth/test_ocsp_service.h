// For the tests of this room only: an OcspService on a loop under a clock that the test moves, with a responder that
// says what the test wants, at once or once it is let go. One thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clientauth/ocsp_desk.h"
#include "clientauth/test_policies.h"
#include "event/test_loop.h"
#include "revocation/test_ocsp.h"

namespace portcullis::clientauth {

using namespace std::chrono_literals;

struct OcspTest : event::ManualLoopTest {
  OcspTest() {
    clock.set_wall(kNow);
    turn();
    service = std::make_unique<OcspService>(*loop, answers,
                                            [this](revocation::OcspRequest request, event::Deadline deadline) {
                                              return fetch(this, std::move(request), deadline);
                                            });
    service->on_revoked([this](const OcspAnswer& answer) { revoked.push_back(answer.query->id.serial()); });
    desk = std::make_unique<OcspDesk>(*loop, *service);
  }
  ~OcspTest() override {
    hold = false;
    gate.notify();
    bool done = false;
    event::spawn(finish(service.get(), &done));
    EXPECT_TRUE(turn_until([&] { return done; }));
    turn();
  }

  static event::Task<void> finish(OcspService* service, bool* done) {
    co_await service->finish();
    *done = true;
  }
  static event::Task<OcspFetched> fetch(OcspTest* self, revocation::OcspRequest request, event::Deadline deadline) {
    self->requests.push_back(request);
    while (self->hold) {
      const event::Wake wake = co_await self->gate.wait(deadline);
      if (wake == event::Wake::kTimedOut) co_return failure(revocation::Outcome::kTimeout);
    }
    if (self->failing) co_return failure(*self->failing);
    OcspFetched fetched;
    revocation::TestSingle single = self->says;
    single.this_update = self->loop->wall_now() - 1s;
    if (self->valid_for) single.next_update = self->loop->wall_now() + *self->valid_for;
    if (!self->valid_for) single.next_update.reset();
    fetched.body = revocation::ocsp_response(*self->signer, *self->subject, single);
    co_return fetched;
  }
  static OcspFetched failure(revocation::Outcome outcome) {
    OcspFetched fetched;
    fetched.failure = revocation::failed(outcome, "test");
    return fetched;
  }
  void let_go() {
    hold = false;
    gate.notify();
    turns(3);
  }

  std::shared_ptr<const OcspQuery> query_of(const x509::Issued& leaf, const std::string& url = "http://r.test/") {
    return std::make_shared<const OcspQuery>(revocation::CertId(leaf.certificate, leaf.issuers.front()),
                                             leaf.issuers.front(), url, policy);
  }
  std::shared_ptr<OcspDesk::Check> ask(const std::shared_ptr<const OcspQuery>& query) {
    return desk->ask(query, loop->wall_now());
  }
  // Asked and answered: "good", "revoked", or the reason.
  std::string said(const std::shared_ptr<const OcspQuery>& query) {
    const auto check = ask(query);
    EXPECT_TRUE(turn_until([&] { return check->answer != nullptr; }));
    return text(*check);
  }
  static std::string text(const OcspDesk::Check& check) {
    if (check.answer == nullptr) return "nothing";
    const auto outcome = check.answer->status.outcome;
    const std::string_view reason = revocation::reason_of(outcome);
    return std::string(reason.empty() ? revocation::summary(outcome) : reason);
  }

  x509::TestPki pki;
  x509::Issued root = pki.root("Root");
  x509::Issued ca = pki.intermediate("CA", root);
  x509::Issued client =
      pki.leaf("client", ca, {.eku = "clientAuth", .extensions = {{"authorityInfoAccess", "OCSP;URI:http://r.test/"}}});
  x509::Issued other = pki.leaf("other", ca);
  OcspPolicy policy;

  // What the responder does.
  std::vector<revocation::OcspRequest> requests;
  revocation::TestSingle says;
  std::optional<std::chrono::seconds> valid_for = 3600s;
  std::optional<revocation::Outcome> failing;
  const x509::Issued* signer = &ca;
  const x509::Issued* subject = &client;
  bool hold = false;
  event::Signal gate{*loop};

  OcspAnswers answers;
  std::unique_ptr<OcspService> service;
  std::unique_ptr<OcspDesk> desk;
  std::vector<std::string> revoked;
};

}  // namespace portcullis::clientauth
