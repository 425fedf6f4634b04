#include "server/ocsp_fetch.h"

#include <utility>

#include "revocation/ocsp_response.h"

namespace portcullis::server {

using clientauth::OcspFetched;
using event::Deadline;
using event::Task;
using revocation::Outcome;

namespace {

Outcome outcome_of(std::string_view fetch_error) {
  if (fetch_error == "fetch.timeout") return Outcome::kTimeout;
  if (fetch_error == "fetch.address_denied") return Outcome::kAddressDenied;
  if (fetch_error == "fetch.bad_url") return Outcome::kNoResponder;
  if (fetch_error == "fetch.malformed" || fetch_error == "fetch.too_large" || fetch_error == "fetch.content_coding") {
    return Outcome::kMalformed;
  }
  return Outcome::kUnreachable;
}

OcspFetched nothing(Outcome outcome, std::string detail) {
  OcspFetched fetched;
  fetched.failure = revocation::failed(outcome, std::move(detail));
  return fetched;
}

}  // namespace

Task<OcspFetched> fetch_ocsp(fetch::Client* client, revocation::OcspRequest request, Deadline deadline) {
  fetch::Request http;
  http.url = std::move(request.url);
  http.fields.add("Accept", "application/ocsp-response");
  http.max_body = revocation::kMaxOcspResponse;
  if (!request.body.empty()) {
    http.method = fetch::Method::kPost;
    http.fields.add("Content-Type", "application/ocsp-request");
    http.body = std::move(request.body);
    http.repeatable = true;
  }
  Result<fetch::Response> answer = co_await client->fetch(std::move(http), deadline);
  if (!answer) co_return nothing(outcome_of(answer.error().code), std::move(answer.error().message));
  if (answer->head.status != 200) {
    co_return nothing(Outcome::kHttpStatus, "the responder answers with status " + std::to_string(answer->head.status));
  }
  OcspFetched fetched;
  fetched.body = std::move(answer->body);
  co_return fetched;
}

}  // namespace portcullis::server
