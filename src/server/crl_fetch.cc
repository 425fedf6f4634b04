#include "server/crl_fetch.h"

#include <utility>

namespace portcullis::server {

using clientauth::CrlFetched;
using event::Deadline;
using event::Task;

namespace {

std::string_view reason_of(std::string_view fetch_error) {
  if (fetch_error == "fetch.timeout") return "crl.timeout";
  if (fetch_error == "fetch.address_denied") return "crl.address_denied";
  if (fetch_error == "fetch.bad_url") return "crl.missing";
  if (fetch_error == "fetch.too_large") return "crl.too_large";
  if (fetch_error == "fetch.malformed" || fetch_error == "fetch.content_coding") return "crl.malformed";
  return "crl.unreachable";
}

}  // namespace

Task<CrlFetched> fetch_crl(fetch::Client* client, std::string url, Deadline deadline) {
  fetch::Request http;
  http.url = std::move(url);
  http.fields.add("Accept", "application/pkix-crl");
  http.max_body = clientauth::kMaxFetchedCrl;
  Result<fetch::Response> answer = co_await client->fetch(std::move(http), deadline);
  CrlFetched fetched;
  if (!answer) {
    fetched.reason = reason_of(answer.error().code);
    fetched.detail = std::move(answer.error().message);
  } else if (answer->head.status != 200) {
    fetched.reason = "crl.http_status";
    fetched.detail = "the server answers with status " + std::to_string(answer->head.status);
  } else {
    fetched.body = std::move(answer->body);
  }
  co_return fetched;
}

}  // namespace portcullis::server
