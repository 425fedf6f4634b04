// The three requests of the demonstration: as command lines to read and copy, and run by /bin/sh to see that each gives
// what it promises. Pure but for run(), which waits for curl.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "cli/demo_files.h"

namespace portcullis::cli {

struct DemoRequest {
  std::string_view title;    // "admitted"
  std::string_view promise;  // what the command will show, in plain words
  std::string command;       // one line for /bin/sh, absolute paths, quoted where needed
  int status = 0;            // the HTTP status that it must give
  std::string_view holds;    // a text that the response must hold
};

std::array<DemoRequest, 3> demo_requests(const DemoFiles& files, const DemoPorts& ports);

// Runs `command` to its end, at most some ten seconds; what it wrote to both its outputs.
std::string run_command(const std::string& command);

// The status of an HTTP response as `curl -i` prints it; 0 when the text is none.
int status_of(std::string_view response);
bool keeps_promise(const DemoRequest& request, std::string_view response);

bool have_curl();

// `text` as one word of /bin/sh.
std::string shell_word(std::string_view text);

}  // namespace portcullis::cli
