// Result<T> and Error: how every function of ours reports failure. No exception crosses a function boundary of ours;
// exceptions of libraries are caught at the edge of the room that wraps the library.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace portcullis {

// Who caused a failure: decides the status a client sees and what an operator should look at.
enum class Origin { kClient, kUpstream, kGateway };

// A failure. `code` is stable and documented ("client_cert.expired", "net.timeout"): a static string, never built at
// run time. `message` says what happened, where, and what to do. Never holds secrets.
struct Error {
  std::string_view code;
  std::string message;
  Origin origin = Origin::kGateway;
  bool retry_safe = false;  // true: nothing of the request has reached the peer, so another try cannot repeat an effect
};

template <class T>
using Result = tl::expected<T, Error>;

// Builds the failing arm of a Result: `return fail("pem.no_certificate", "no BEGIN CERTIFICATE line in ca.pem");`
inline tl::unexpected<Error> fail(std::string_view code, std::string message, Origin origin = Origin::kGateway,
                                  bool retry_safe = false) {
  return tl::unexpected<Error>(Error{code, std::move(message), origin, retry_safe});
}

// Passes the error of one Result on as the error of another.
template <class T>
tl::unexpected<Error> forward_error(Result<T>& result) {
  return tl::unexpected<Error>(std::move(result.error()));
}

}  // namespace portcullis
