// The session's side of nghttp2: the functions that nghttp2 calls, and what they share with the session's own. For
// h2_session.cc and its like only.
#pragma once

#include <cstddef>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "http/h2_fields.h"

namespace portcullis::http::internal {

constexpr std::size_t kFrameHead = 9;
// Streams that we reset and remember: what was on its way to them is let pass. What still comes for older ones is a
// fault.
constexpr std::size_t kMostResets = 256;
constexpr std::size_t kMaxContinuations = 4;  // of one header block; four full frames hold more than is accepted

// Tables for nghttp2_session_server_new2(); their user data is the H2Session. Made once, never freed.
nghttp2_session_callbacks* h2_callbacks();
nghttp2_option* h2_options();
// Gives nghttp2 the content of an H2Stream.
nghttp2_data_provider h2_content();

// The same fields for nghttp2, which copies what it is given, names in lower case. Valid until the next call.
const std::vector<nghttp2_nv>& as_nv(const H2Section& section);

}  // namespace portcullis::http::internal
