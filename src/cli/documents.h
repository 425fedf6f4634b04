// The files of a command line: what `run` serves from, what `check` reports and what `show` prints. Each call reads the
// files anew, so that SIGHUP sees what is on disk by then. Control thread; whatever is wrong is a finding, never an
// exception. What is found while the host file is read begins with its path; no finding shows the value of a secure
// parameter.
#pragma once

#include <optional>
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

// Codes of its own: "FileNotReadable" (absent, forbidden, not a regular file, over 16 MiB), "GatewayNotFound" (`name`
// is not the document's), "ParametersWithoutTemplate" (a parameter file beside a plain resource), "NotInThisBuild" (a
// warning: a host-file key that is read and not acted on).
server::Loaded load(const DocumentPaths& paths);

// What `check` found. Without errors the document is good: Azure would take it, and everything that it asks for is
// either served by this build, or there is a NotServedYet warning and `served` is false: `run` refuses it.
struct Judgement {
  model::Findings findings;
  bool served = false;
};

// Everything that `run` would refuse before it binds an address, down to compiling. `allow_retired`: TLS policies that
// Azure retired are warnings. Errors come first, then warnings, then infos.
Judgement check(const DocumentPaths& paths, bool allow_retired = false);

// What `show` prints: nothing exactly when a finding is an error. Only what cannot be read is one; rules are not asked.
struct Shown {
  std::string resource;
  model::Findings findings;
};

Shown show(const DocumentPaths& paths);

// A gateway without errors, and the host file it is served with: nothing exactly when a finding is an error. That the
// engine does not serve something yet is none.
struct Opened {
  std::optional<model::Gateway> gateway;
  model::HostConfig host;
  model::Findings findings;  // secure values are concealed
};

Opened open_documents(const DocumentPaths& paths);

}  // namespace portcullis::cli
