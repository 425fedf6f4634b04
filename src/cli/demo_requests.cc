#include "cli/demo_requests.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/strings.h"

namespace portcullis::cli {

namespace {

std::string curl(const DemoFiles& files, const std::string& chain, const std::string& key, std::uint16_t port) {
  return "curl -sS -i --max-time 10 --noproxy localhost --cacert " + shell_word(files.root) + " --cert " +
         shell_word(chain) + " --key " + shell_word(key) + " https://localhost:" + std::to_string(port) + "/hello";
}

}  // namespace

std::string shell_word(std::string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_ascii_alpha(c) || is_ascii_digit(c) || std::string_view("/._-+,:=@%").find(c) != std::string_view::npos;
  });
  if (plain) return std::string(text);
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'')
      word += "'\\''";
    else
      word += c;
  }
  return word + "'";
}

std::array<DemoRequest, 3> demo_requests(const DemoFiles& files, const DemoPorts& ports) {
  return {{{"admitted",
            "200: the client's certificate is good, and the backend is told so: \"X-Client-Verify\":\"SUCCESS\"",
            curl(files, files.client_chain, files.client_key, ports.strict), 200, "\"X-Client-Verify\":\"SUCCESS\""},
           {"refused", "400 \"The SSL certificate error\": the certificate has expired, and the backend sees nothing",
            curl(files, files.old_client_chain, files.old_client_key, ports.strict), 400, "The SSL certificate error"},
           {"passed through",
            "200: the same expired certificate, left to the backend to judge: \"X-Client-Verify\":\"PASSTHROUGH\"",
            curl(files, files.old_client_chain, files.old_client_key, ports.passthrough), 200,
            "\"X-Client-Verify\":\"PASSTHROUGH\""}}};
}

std::string run_command(const std::string& command) {
  std::string output;
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "re");
  if (pipe == nullptr) return "cannot run /bin/sh";
  std::array<char, 4096> chunk;
  while (const std::size_t got = std::fread(chunk.data(), 1, chunk.size(), pipe)) output.append(chunk.data(), got);
  ::pclose(pipe);
  return output;
}

int status_of(std::string_view response) {
  if (!response.starts_with("HTTP/")) return 0;
  const std::size_t space = response.find(' ');
  if (space == std::string_view::npos || response.size() < space + 4) return 0;
  return static_cast<int>(parse_uint(response.substr(space + 1, 3), 999).value_or(0));
}

bool keeps_promise(const DemoRequest& request, std::string_view response) {
  return status_of(response) == request.status && response.find(request.holds) != std::string_view::npos;
}

bool have_curl() { return !run_command("command -v curl").empty(); }

}  // namespace portcullis::cli
