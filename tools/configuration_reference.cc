// Writes docs/configuration.md and schema/portcullis-gateway.schema.json below the folder given, or with --check says
// whether those there are what it would write: exit 0, else 1.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "arm/reference.h"

namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool handle(const std::filesystem::path& path, const std::string& text, bool check) {
  if (read(path) == text) return true;
  if (check) {
    std::fprintf(stderr, "%s is stale: run ./dev docs\n", path.c_str());
    return false;
  }
  std::error_code ignored;
  std::filesystem::create_directories(path.parent_path(), ignored);
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) std::fprintf(stderr, "cannot write %s\n", path.c_str());
  return static_cast<bool>(file);
}

}  // namespace

int main(int count, char** arguments) {
  const bool check = count == 3 && std::string(arguments[1]) == "--check";
  if (count != 2 && !check) {
    std::fprintf(stderr, "usage: configuration_reference [--check] ROOT\n");
    return 64;
  }
  const std::filesystem::path root = arguments[count - 1];
  const bool markdown = handle(root / "docs/configuration.md", portcullis::arm::configuration_markdown(), check);
  const bool schema =
      handle(root / "schema/portcullis-gateway.schema.json", portcullis::arm::gateway_json_schema(), check);
  return markdown && schema ? 0 : 1;
}
