// The files that a command line names, read whole. Control thread; failure is an Error that says which file and why.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace portcullis::cli {

inline constexpr std::string_view kFileNotReadable = "FileNotReadable";

std::string absolute_path(const std::string& path);

// A regular file of at most `max` bytes. `what` names it in the message: "gateway document". Error: kFileNotReadable.
Result<std::string> read_file(const std::string& path, const char* what, std::size_t max);

// The first line of a file or a pipe, of at most 4 KB, without its line end. Error: kFileNotReadable.
Result<std::string> read_password(const std::string& path);

// Replaces `path` whole or leaves it as it was, where it is a regular file or absent; anything else is written into.
// Error: "FileNotWritable".
Result<void> write_file(const std::string& path, const std::string& text);

}  // namespace portcullis::cli
