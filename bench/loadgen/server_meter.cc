#include "server_meter.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace portcullis::bench {

Usage usage_of(const std::vector<pid_t>& pids) {
  namespace fs = std::filesystem;
  Usage usage;
  for (const pid_t pid : pids) {
    const fs::path process = fs::path("/proc") / std::to_string(pid);
    std::error_code gone;
    for (auto task = fs::directory_iterator(process / "task", gone); !gone && task != fs::directory_iterator();
         task.increment(gone)) {
      std::ifstream schedstat(task->path() / "schedstat");
      std::uint64_t ns = 0;
      if (schedstat >> ns) usage.cpu_ns += ns;
    }
    std::ifstream status(process / "status");
    for (std::string word; status >> word;) {
      std::uint64_t kb = 0;
      if (word == "RssAnon:" && status >> kb) usage.rss_anon_kb += kb;
    }
  }
  return usage;
}

}  // namespace portcullis::bench
