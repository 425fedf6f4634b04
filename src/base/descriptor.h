// Reading and writing a file descriptor whole. Pure but for the descriptor; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace portcullis {

// Replaces `bytes` by what comes until the end, at most `most` bytes and one more: so that a caller sees what is too
// long, a file that grows meanwhile included. False on an error, which errno tells.
bool read_up_to(int descriptor, std::size_t most, std::string& bytes);

// Writes all of `bytes`; the descriptor blocks. False on an error, which errno tells.
bool write_all(int descriptor, std::string_view bytes);

}  // namespace portcullis
