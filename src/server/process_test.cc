#include "server/process.h"

#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/notify.h"

namespace portcullis::server {
namespace {

// What changes a whole process runs in a child; its answer is the exit code.
int in_child(int (*body)()) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Process, SignalsArriveThroughTheDescriptorOnly) {
  EXPECT_EQ(in_child([] {
              auto signals = take_signals();
              if (!signals || next_signal(*signals) != 0) return 1;
              for (const int wanted : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) {
                kill(getpid(), wanted);
                if (next_signal(*signals) != wanted || next_signal(*signals) != 0) return 2;
              }
              raise(SIGPIPE);
              return 0;
            }),
            0);
}

TEST(Process, LimitsFilesToTheHardLimitAndDumpsNoCore) {
  EXPECT_EQ(in_child([] {
              set_process_limits();
              rlimit files{}, core{};
              getrlimit(RLIMIT_NOFILE, &files);
              getrlimit(RLIMIT_CORE, &core);
              return files.rlim_cur == files.rlim_max && core.rlim_cur == 0 && core.rlim_max == 0 ? 0 : 1;
            }),
            0);
}

TEST(Process, AnUnknownUserIsAnErrorThatNamesIt) {
  const auto dropped = drop_privileges("no-such-user-here");
  ASSERT_FALSE(dropped);
  EXPECT_EQ(dropped.error().code, "process.user");
  EXPECT_NE(dropped.error().message.find("no-such-user-here"), std::string::npos);
  EXPECT_TRUE(drop_privileges(""));
}

TEST(Process, BecomesAnotherUserForGood) {
  const int answer = in_child([] {
    const bool root = geteuid() == 0;
    const auto dropped = drop_privileges("nobody");
    if (!root) return dropped ? 1 : 0;
    if (!dropped) return 2;
    if (geteuid() == 0 || getuid() == 0 || getegid() == 0 || getgid() == 0) return 3;
    return setuid(0) == 0 || setgid(0) == 0 ? 4 : 0;
  });
  EXPECT_EQ(answer, 0);
}

struct NotifyTest : testing::TestWithParam<bool> {
  void TearDown() override {
    unsetenv("NOTIFY_SOCKET");
    if (!path.empty() && path[0] == '/') ::unlink(path.c_str());
  }
  std::string path;
};
INSTANTIATE_TEST_SUITE_P(Names, NotifyTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Abstract" : "Path"; });

TEST_P(NotifyTest, SendsTheStateToTheSocketNamed) {
  const net::Fd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  path = (GetParam() ? "@" : testing::TempDir()) + "portcullis-notify-" + std::to_string(getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path);
  if (GetParam()) address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  ASSERT_EQ(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  notify_service_manager("READY=1");
  char got[100];
  const ssize_t size = ::recv(manager.get(), got, sizeof got, 0);
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string_view(got, static_cast<std::size_t>(size)), "READY=1");
}

TEST(Notify, WithoutAManagerNothingHappens) {
  for (const std::string& path : {std::string(), std::string("relative"), std::string("/nobody/listens"),
                                  "/" + std::string(300, 'x'), "@" + std::string(107, 'x')}) {
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
    notify_service_manager("READY=1");
  }
  unsetenv("NOTIFY_SOCKET");
  notify_service_manager("READY=1");
}

}  // namespace
}  // namespace portcullis::server
