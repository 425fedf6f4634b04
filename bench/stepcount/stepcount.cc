// bench-stepcount FILE COMMAND...: runs the command and counts the instructions that its serving thread retires in user
// space, by single steps of ptrace(2). The CPU executes every one of them itself, so what callgrind cannot show
// (SHA-NI, VAES, AVX-512) is counted where the program really takes it. Slow: each step is a trap, some 2 to 25 µs.
//
// The command runs at full speed until SIGUSR1. From then on that thread is stepped which has used most CPU time, the
// first one left out where there are more; SIGUSR2 ends it as soon as the thread rests. FILE gets a line for either:
// `counting`, then the number. A repeated string instruction counts once, as the CPU's own counter has it; a system
// call counts once, the kernel's side of it not at all. While it is stepped the thread sees the monotonic clock at a
// thousandth of its pace, so that no deadline of its own passes. SIGTERM and SIGINT go to the command, whose status is
// the exit status; 77: the kernel does not let us trace.
#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace {

#if !defined(__x86_64__)
#error "stepcount knows the registers of x86-64 only"
#endif

constexpr int kMayNotTrace = 77;
// waitpid() is woken so often, whatever happens: a signal that comes just before it would be noticed too late.
constexpr suseconds_t kTick = 20'000;  // µs
constexpr int kRestingTicks = 5;       // so long without a step: the work is done
constexpr std::int64_t kSlower = 1'000;
constexpr std::uint64_t kVdsoBytes = 0x2000;  // no more is looked at than its code, which is in its first two pages

volatile sig_atomic_t begin_asked = 0;
volatile sig_atomic_t end_asked = 0;
volatile sig_atomic_t ticks = 0;  // since the last step
pid_t command = 0;

[[noreturn]] void give_up(const std::string& what, int status = 1) {
  std::fprintf(stderr, "stepcount: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(status);
}

void heard(int signal) {
  switch (signal) {
    case SIGUSR1:
      begin_asked = 1;
      break;
    case SIGUSR2:
      end_asked = 1;
      break;
    case SIGALRM:
      ticks = ticks + 1;
      break;
    default:
      if (command > 0) kill(command, signal);
  }
}

void listen_to_signals() {
  struct sigaction action {};
  action.sa_handler = heard;  // without SA_RESTART: waitpid() shall return
  for (const int signal : {SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGINT}) sigaction(signal, &action, nullptr);
  const timeval tick{0, kTick};
  const itimerval every{tick, tick};
  setitimer(ITIMER_REAL, &every, nullptr);
}

// Traced from its first instruction on, as a child of ours: the least that Yama's ptrace_scope asks for.
void start(char** arguments) {
  int gate[2];
  if (pipe2(gate, O_CLOEXEC) != 0) give_up("pipe2");
  command = fork();
  if (command < 0) give_up("fork");
  if (command == 0) {
    close(gate[1]);
    char byte = 0;
    if (read(gate[0], &byte, 1) != 1) _exit(kMayNotTrace);
    execvp(arguments[0], arguments);
    give_up(arguments[0], 127);
  }
  if (ptrace(PTRACE_SEIZE, command, nullptr, PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL) != 0) {
    give_up("may not trace (kernel.yama.ptrace_scope, or a container without ptrace?)", kMayNotTrace);
  }
  if (write(gate[1], "", 1) != 1) give_up("write");
  close(gate[0]);
  close(gate[1]);
}

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000LL + time.tv_nsec; }

std::uint64_t peek(pid_t thread, std::uint64_t address) {
  return static_cast<std::uint64_t>(ptrace(PTRACE_PEEKDATA, thread, address, nullptr));
}

// What the stepped thread is told by clock_gettime(CLOCK_MONOTONIC) of the kernel's vDSO: corrected on its way out of
// it.
class SlowClock {
 public:
  // Where the vDSO lies in the command, and the function in the vDSO: the image is the same as ours.
  SlowClock() {
    void* image = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
    void* function = image == nullptr ? nullptr : dlsym(image, "__vdso_clock_gettime");
    if (function != nullptr) offset_ = reinterpret_cast<std::uint64_t>(function) - getauxval(AT_SYSINFO_EHDR);
  }

  void begin() {
    base_ = 0;
    std::ifstream maps("/proc/" + std::to_string(command) + "/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find("[vdso]") != std::string::npos) std::sscanf(line.c_str(), "%" SCNx64, &base_);
    }
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    begun_ = nanoseconds(now);
    told_ = 0;
    inside_ = false;
  }

  // After each step; `at` is the thread's instruction pointer.
  void stepped(pid_t thread, std::uint64_t at) {
    const bool inside = base_ != 0 && offset_ != 0 && at - base_ < kVdsoBytes;
    if (inside == inside_) return;
    inside_ = inside;
    if (!inside) return correct(thread);
    told_ = 0;
    if (at != base_ + offset_) return;
    user_regs_struct registers{};
    if (ptrace(PTRACE_GETREGS, thread, nullptr, &registers) != 0) return;
    const bool monotonic = registers.rdi == CLOCK_MONOTONIC || registers.rdi == CLOCK_MONOTONIC_COARSE;
    if (monotonic) told_ = registers.rsi;
  }

 private:
  void correct(pid_t thread) {
    if (told_ == 0) return;
    const timespec read{static_cast<time_t>(peek(thread, told_)), static_cast<long>(peek(thread, told_ + 8))};
    const std::int64_t slow = begun_ + (nanoseconds(read) - begun_) / kSlower;
    ptrace(PTRACE_POKEDATA, thread, told_, slow / 1'000'000'000);
    ptrace(PTRACE_POKEDATA, thread, told_ + 8, slow % 1'000'000'000);
  }

  std::uint64_t offset_ = 0;  // of the function, in the vDSO; 0: there is none
  std::uint64_t base_ = 0;
  std::int64_t begun_ = 0;
  std::uint64_t told_ = 0;  // the address of the timespec that is being filled; 0: none that matters
  bool inside_ = false;
};

class Counter {
 public:
  explicit Counter(const char* file) : file_(open(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644)) {
    if (file_ < 0) give_up(file);
  }

  // The command's status.
  int run() {
    for (;;) {
      int status = 0;
      const pid_t thread = waitpid(-1, &status, __WALL);
      if (thread < 0 && errno != EINTR) give_up("waitpid");
      if (thread < 0 || ticks > 0) obey();
      if (thread < 0) continue;
      if (WIFSTOPPED(status)) {
        stopped(thread, status);
        continue;
      }
      threads_.erase(std::remove(threads_.begin(), threads_.end(), thread), threads_.end());
      if (thread == command) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
  }

 private:
  void stopped(pid_t thread, int status) {
    const int signal = WSTOPSIG(status);
    const bool event = status >> 16 != 0;  // a clone, a new thread's first stop, or our PTRACE_INTERRUPT
    if (!event && signal == SIGTRAP) {
      if (thread == stepped_) stepped(thread);
      return resume(thread, 0);
    }
    if (event && std::find(threads_.begin(), threads_.end(), thread) == threads_.end()) threads_.push_back(thread);
    // Said no sooner: work that overtook our interrupt would end the call that the thread rests in uncounted.
    if (event && thread == stepped_ && std::exchange(to_say_, false)) say("counting");
    resume(thread, event ? 0 : signal);
  }

  void stepped(pid_t thread) {
    ticks = 0;
    const auto at = static_cast<std::uint64_t>(
        ptrace(PTRACE_PEEKUSER, thread, offsetof(user_regs_struct, rip) + offsetof(user, regs), nullptr));
    // A repeated string instruction traps after each round, and stands where it stood.
    if (at != at_) ++count_;
    at_ = at;
    clock_.stepped(thread, at);
  }

  // A thread that has been killed meanwhile cannot be resumed; waitpid() says so next.
  void resume(pid_t thread, int signal) {
    ptrace(thread == stepped_ ? PTRACE_SINGLESTEP : PTRACE_CONT, thread, nullptr, signal);
  }

  void obey() {
    if (begin_asked != 0 && stepped_ == 0) {
      begin_asked = 0;
      count_ = 0;
      at_ = 0;
      ticks = 0;
      clock_.begin();
      stepped_ = busiest();
      to_say_ = true;
      ptrace(PTRACE_INTERRUPT, stepped_, nullptr, nullptr);
    }
    if (end_asked == 0 || ticks < kRestingTicks) return;
    end_asked = 0;
    const pid_t thread = stepped_;
    stepped_ = 0;
    ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
    say(std::to_string(count_));
  }

  pid_t busiest() const {
    pid_t found = command;
    std::uint64_t most = 0;
    for (const pid_t thread : threads_) {
      std::uint64_t used = 0;  // ns
      std::ifstream("/proc/" + std::to_string(command) + "/task/" + std::to_string(thread) + "/schedstat") >> used;
      if (thread == command || used < most) continue;
      most = used;
      found = thread;
    }
    return found;
  }

  void say(const std::string& text) {
    const std::string line = text + "\n";
    if (write(file_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) give_up("write");
  }

  int file_;
  std::vector<pid_t> threads_;  // that have been seen and live
  pid_t stepped_ = 0;           // 0: none
  bool to_say_ = false;         // that it is stepped from now on
  std::uint64_t count_ = 0;
  std::uint64_t at_ = 0;  // its instruction pointer after the last step
  SlowClock clock_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: bench-stepcount FILE COMMAND [ARGUMENTS]\n", stderr);
    return 64;
  }
  // The file first: whoever has heard from the command may read it.
  Counter counter(argv[1]);
  listen_to_signals();
  start(argv + 2);
  return counter.run();
}
