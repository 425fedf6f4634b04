#include "telemetry/line_writer.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <sstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strings.h"
#include "base/test_temporary_directory.h"

namespace portcullis::telemetry {
namespace {

using namespace std::chrono_literals;

class LineWriterTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return dir_ / name; }
  static std::string content(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  static std::unique_ptr<LineWriter> must_open(LineWriter::Options options) {
    auto writer = LineWriter::open(std::move(options));
    EXPECT_TRUE(writer) << (writer ? "" : writer.error().message);
    return std::move(*writer);
  }

  TemporaryDirectory dir_;
};

TEST_F(LineWriterTest, LinesAppearWithoutAskingEvenWhenFew) {
  auto writer = must_open({.path = path("a"), .interval = 10ms});
  writer->add_producer().append("only");
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (content(path("a")).empty() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(content(path("a")), "only\n");
}

TEST_F(LineWriterTest, FlushAndShutdownLeaveEverythingInTheFile) {
  auto writer = must_open({.path = path("a"), .interval = 1000ms});
  auto& producer = writer->add_producer();
  producer.append("one");
  EXPECT_TRUE(writer->flush());
  EXPECT_EQ(content(path("a")), "one\n");
  producer.append("two");
  writer.reset();
  EXPECT_EQ(content(path("a")), "one\ntwo\n");
  struct stat info {};
  ASSERT_EQ(::stat(path("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0027U, 0U) << "others may not read an access log";
}

TEST_F(LineWriterTest, ReopenAfterARenameLosesNoLine) {
  auto writer = must_open({.path = path("a"), .interval = 1000ms});
  auto& producer = writer->add_producer();
  producer.append("old");
  std::filesystem::rename(path("a"), path("a.1"));
  writer->reopen();
  EXPECT_TRUE(writer->flush());
  producer.append("new");
  EXPECT_TRUE(writer->flush());
  EXPECT_EQ(content(path("a.1")), "old\n");
  EXPECT_EQ(content(path("a")), "new\n");
}

TEST_F(LineWriterTest, ReopenThatFailsKeepsTheOldFileAndSaysSo) {
  std::filesystem::create_directory(path("d"));
  auto writer = must_open({.path = path("d/a"), .interval = 1000ms});
  auto& producer = writer->add_producer();
  std::filesystem::rename(path("d"), path("e"));
  writer->reopen();
  producer.append("still here");
  EXPECT_TRUE(writer->flush());
  EXPECT_EQ(content(path("e/a")), "still here\n");
  EXPECT_EQ(writer->losses().reopen_failures, 1U);
  EXPECT_EQ(writer->losses().failed, 0U);
}

TEST_F(LineWriterTest, OpenRefusesWhatItCannotWriteTo) {
  mkfifo(path("fifo").c_str(), 0600);  // has no reader: must not hang
  for (const auto& bad : {path("none/a"), dir_.path(), path("fifo"), std::string()}) {
    const auto writer = LineWriter::open({.path = bad});
    ASSERT_FALSE(writer) << bad;
    EXPECT_EQ(writer.error().code, "log.open_failed");
  }
}

TEST_F(LineWriterTest, FullDiskIsCountedAndReportedAndHarmless) {
  std::vector<LineLosses> reports;
  auto writer =
      must_open({.path = "/dev/full", .interval = 1000ms, .report_interval = 1h, .on_losses = [&](auto& losses) {
                   reports.push_back(losses);
                 }});
  auto& producer = writer->add_producer();
  for (int round = 0; round < 3; ++round) {
    producer.append("a");
    producer.append("b");
    EXPECT_TRUE(writer->flush());
  }
  EXPECT_EQ(writer->losses().failed, 6U);
  EXPECT_EQ(writer->losses().last_error, "No space left on device");
  writer.reset();
  ASSERT_EQ(reports.size(), 2U) << "the first loss at once, the rest once an hour or at the end";
  EXPECT_EQ(reports[0].failed, 2U);
  EXPECT_EQ(reports[1].failed, 6U);
}

TEST_F(LineWriterTest, FileThatFillsUpInsideALineKeepsWholeLinesOnly) {
  auto writer = must_open({.path = path("a"), .interval = 1000ms});
  auto& producer = writer->add_producer();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 100;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string line(29, 'x');
  for (int i = 0; i < 5; ++i) producer.append(line);
  const bool flushed = writer->flush();
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_TRUE(flushed);
  EXPECT_EQ(content(path("a")), line + "\n" + line + "\n" + line + "\n");
  EXPECT_EQ(writer->losses().failed, 2U);
  producer.append("room again");
  EXPECT_TRUE(writer->flush());
  EXPECT_EQ(content(path("a")), line + "\n" + line + "\n" + line + "\nroom again\n");
}

TEST_F(LineWriterTest, ReaderThatStopsMakesDropsAndLosesNoOrder) {
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  const int reader = ::open(path("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  auto writer = must_open(
      {.path = path("fifo"), .block_bytes = 4096, .max_pending_bytes = 32768, .interval = 5ms, .shutdown_limit = 0ms});
  auto& producer = writer->add_producer();
  // Until the pipe is full, and then until the bound is reached; append never waits.
  std::uint64_t sent = 0;
  const auto send_some = [&] {
    for (int i = 0; i < 1'000; ++i) producer.append(std::to_string(sent++));
  };
  do send_some();
  while (writer->flush(500ms));
  while (writer->losses().dropped == 0) send_some();
  EXPECT_FALSE(writer->flush(10ms)) << "nobody reads";
  std::string got;
  std::string chunk(65536, '\0');
  bool flushed = false;
  while (!flushed) {
    const ssize_t count = ::read(reader, chunk.data(), chunk.size());
    if (count > 0) got.append(chunk, 0, static_cast<std::size_t>(count));
    flushed = writer->flush(1ms);
  }
  for (ssize_t count = 1; count > 0;) {
    count = ::read(reader, chunk.data(), chunk.size());
    if (count > 0) got.append(chunk, 0, static_cast<std::size_t>(count));
  }
  ::close(reader);
  std::uint64_t lines = 0;
  std::uint64_t last = 0;
  for (const auto text : split(trim(got), '\n')) {
    const auto number = parse_uint(text);
    ASSERT_TRUE(number) << text;
    ASSERT_TRUE(lines == 0 || *number > last);
    last = *number;
    ++lines;
  }
  EXPECT_EQ(lines + writer->losses().dropped, sent);
}

TEST_F(LineWriterTest, ShutdownDoesNotWaitForAReaderThatNeverComes) {
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  const int reader = ::open(path("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  LineLosses last;
  auto writer =
      must_open({.path = path("fifo"), .shutdown_limit = 0ms, .on_losses = [&](auto& losses) { last = losses; }});
  auto& producer = writer->add_producer();
  for (int i = 0; i < 200; ++i) producer.append(std::string(1023, 'x'));
  writer.reset();
  EXPECT_GT(last.failed, 0U);
  ::close(reader);
}

TEST_F(LineWriterTest, PipeWithoutReaderIsAFailureNotASignal) {
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  const int reader = ::open(path("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  auto writer = must_open({.path = path("fifo")});
  ::close(reader);
  writer->add_producer().append("gone");
  EXPECT_TRUE(writer->flush());
  EXPECT_EQ(writer->losses().failed, 1U);
  EXPECT_EQ(writer->losses().last_error, "Broken pipe");
}

TEST_F(LineWriterTest, LinesOfManyThreadsStayWholeAndInTheirOrder) {
  constexpr int kThreads = 4;
  constexpr int kLines = 20'000;
  auto writer = must_open({.path = path("a"), .block_bytes = 1024, .max_pending_bytes = 1U << 30U});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&writer, thread] {
      auto& producer = writer->add_producer();
      for (int i = 0; i < kLines; ++i) {
        producer.append(std::to_string(thread) + ":" + std::to_string(i));
        if (i % 1000 == 0) writer->reopen();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(writer->flush(30s));
  std::map<std::uint64_t, std::uint64_t> next;
  const std::string text = content(path("a"));
  for (const auto line : split(trim(text), '\n')) {
    const auto parts = split(line, ':');
    ASSERT_EQ(parts.size(), 2U) << line;
    ASSERT_EQ(next[*parse_uint(parts[0])]++, parse_uint(parts[1])) << line;
  }
  ASSERT_EQ(next.size(), static_cast<std::size_t>(kThreads));
  for (const auto& [thread, lines] : next) EXPECT_EQ(lines, static_cast<std::uint64_t>(kLines)) << thread;
  EXPECT_TRUE(writer->losses().same_counts(LineLosses{}));
}

TEST_F(LineWriterTest, LineLongerThanABlockPassesWhole) {
  auto writer = must_open({.path = path("a"), .block_bytes = 64});
  auto& producer = writer->add_producer();
  const std::string big(100'000, 'y');
  producer.append("small");
  producer.append(big);
  producer.append("small");
  EXPECT_TRUE(writer->flush());
  EXPECT_EQ(content(path("a")), "small\n" + big + "\nsmall\n");
}

}  // namespace
}  // namespace portcullis::telemetry
