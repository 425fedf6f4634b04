// The files of a command line, read, validated and, for `check`, compiled: what `run` serves from and what `check`
// reports. Each call reads the files anew, so that SIGHUP sees what is on disk by then. Control thread; whatever is
// wrong is a finding, never an exception. Findings about the host file begin with its path.
#pragma once

#include <string>

#include "model/finding.h"
#include "server/server.h"

namespace portcullis::cli {

struct DocumentPaths {
  std::string gateway;
  std::string host;  // empty: no host file, so its defaults
  std::string
      name;  // empty: any; else the gateway's name: one of several in a template, or that of a nameless document
  std::string parameters = {};  // the parameter file of a template; empty: none
};

// Codes of its own: "FileNotReadable" (absent, forbidden, not a regular file, over 8 MiB), "GatewayNotFound" (`name`
// is not the document's), "ParametersWithoutTemplate" (a parameter file beside a plain resource), "NotInThisBuild" (a
// warning: a host-file key that is read and not acted on).
server::Loaded load(const DocumentPaths& paths);

// Everything that `run` would refuse before it binds an address: load() and, where that finds no error, compiling.
model::Findings check(const DocumentPaths& paths);

}  // namespace portcullis::cli
