// For the tests of this room only: the command line run in this process, with what it said; and directories of its own.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/test_temporary_directory.h"
#include "cli/command_line.h"

namespace portcullis::cli {

struct Said {
  int code;
  std::string out;
  std::string err;
};

// `serve`: what stands in for the server; the default fails the test, since most command lines must not reach it.
inline Said run_line(
    const std::vector<std::string>& arguments, const Serve& serve = [](const server::RunOptions&) {
      ADD_FAILURE() << "the server was started";
      return -1;
    }) {
  std::ostringstream out, err;
  const int code = run_command_line(arguments, {out, err, "9.8.7", serve});
  return {code, out.str(), err.str()};
}

inline std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace portcullis::cli
