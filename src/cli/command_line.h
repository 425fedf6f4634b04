// The command line: `run`, `check`, `show`, `explain`, `trust`, `demo`, `help`, `--version`. Parses, dispatches, and
// turns what comes of it into an exit code: 0 done, 1 refused input, 2 negative verdict, 64 usage. The one place that
// includes CLI11; none of its exceptions leave it. Called once a process, before any other thread.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/demo.h"

namespace portcullis::cli {

constexpr int kDone = 0;
constexpr int kRefusedInput = 1;
constexpr int kNegativeVerdict = 2;
constexpr int kUsage = 64;

struct Program {
  std::ostream& out;  // what was asked for
  std::ostream& err;  // what went wrong
  std::string version;
  Serve serve = server::run;  // tests put their own in
};

// Says on `out` why what was given is refused, as `check` would; kRefusedInput.
int refuse_input(std::ostream& out, const Error& error);

// `arguments`: without the program's name.
int run_command_line(const std::vector<std::string>& arguments, const Program& program);

}  // namespace portcullis::cli
