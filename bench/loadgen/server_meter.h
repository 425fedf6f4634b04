// What the servers' processes have used so far, from /proc: nanoseconds on a CPU (schedstat, which counts every switch
// where utime and stime count ticks) and anonymous memory. A process that has ended counts nothing.
#pragma once

#include <cstdint>
#include <vector>

#include <sys/types.h>

namespace portcullis::bench {

struct Usage {
  std::uint64_t cpu_ns = 0;       // of all threads that live now
  std::uint64_t rss_anon_kb = 0;  // RssAnon: without the pages of the program file
};

Usage usage_of(const std::vector<pid_t>& pids);

}  // namespace portcullis::bench
