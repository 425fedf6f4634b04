// What the demonstration keeps in its directory: a throw-away PKI, the gateway document and the host file, everything
// with 0600 in a directory with 0700. A PKI that is there and good for another day is used again; the two documents are
// written anew, since they name the backend's port. Only a directory that is empty, or that an earlier demonstration
// made, is ever written to. Control thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace portcullis::cli {

struct DemoPorts {
  std::uint16_t strict = 8443;
  std::uint16_t passthrough = 8444;
  std::uint16_t backend = 0;
};

// Absolute paths.
struct DemoFiles {
  std::string directory;
  std::string root;  // PEM: what a client of the gateway trusts
  std::string client_chain, client_key;
  std::string old_client_chain, old_client_key;  // expired
  std::string gateway, host;
};

// Makes `directory` where it is absent; empty: a new one under TMPDIR or /tmp. Errors: demo.directory (cannot be made,
// or holds what is not a demonstration's), demo.write.
Result<std::string> prepare_demo_directory(const std::string& directory);

// `directory` as prepare_demo_directory gave it. Errors: demo.write, throwaway_pki.failed.
Result<DemoFiles> write_demo_files(const std::string& directory, const DemoPorts& ports, WallTime now);

// The resource body of the demonstration: ARM JSON.
std::string demo_gateway_json(const DemoPorts& ports);

}  // namespace portcullis::cli
