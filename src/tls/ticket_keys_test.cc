#include "tls/ticket_keys.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace portcullis::tls {
namespace {

using std::chrono::hours;

constexpr MonoTime kStart{hours(1000)};

std::string_view name_of(const TicketKeyPtr& key) {
  return {reinterpret_cast<const char*>(key->name.data()), key->name.size()};
}

// 160 hexadecimal digits that pass for random; another `seed`, another key.
std::string line(unsigned int seed) {
  std::string out;
  for (int i = 0; i < 80; ++i) {
    seed = seed * 1103515245 + 12345;
    constexpr char kDigits[] = "0123456789abcdef";
    out += kDigits[seed >> 24 & 15];
    out += kDigits[seed >> 16 & 15];
  }
  return out;
}

TEST(TicketKeys, OfAProcessSealForTwelveHoursAndOpenForTwelveMore) {
  const auto keys = TicketKeys::of_this_process();
  const TicketKeyPtr first = keys->sealing(kStart);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(keys->sealing(kStart + hours(12) - std::chrono::milliseconds(1)), first);
  const TicketKeyPtr second = keys->sealing(kStart + hours(12));
  EXPECT_NE(name_of(second), name_of(first));
  EXPECT_NE(second->cipher, first->cipher);
  EXPECT_NE(second->mac, first->mac);
  EXPECT_EQ(keys->find(name_of(first), kStart + hours(24) - std::chrono::milliseconds(1)), first);
  EXPECT_EQ(keys->find(name_of(second), kStart + hours(24)), second);
  EXPECT_EQ(keys->find(name_of(first), kStart + hours(24)), nullptr);
}

TEST(TicketKeys, OfAProcessThatWasIdleForADayOpenNothing) {
  const auto keys = TicketKeys::of_this_process();
  const TicketKeyPtr first = keys->sealing(kStart);
  EXPECT_EQ(keys->find(name_of(first), kStart + hours(24)), nullptr);
}

TEST(TicketKeys, OfAProcessAreNobodyElses) {
  const auto one = TicketKeys::of_this_process(), other = TicketKeys::of_this_process();
  EXPECT_EQ(other->find(name_of(one->sealing(kStart)), kStart), nullptr);
}

TEST(TicketKeys, OfAProcessAreRenewedOnceHoweverManyAsk) {
  const auto keys = TicketKeys::of_this_process();
  const TicketKeyPtr first = keys->sealing(kStart);
  std::atomic<int> lost{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        keys->sealing(kStart + hours(13));
        if (keys->find(name_of(first), kStart + hours(13)) != first) ++lost;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lost, 0);
}

TEST(TicketKeys, OfAFileSealWithTheFirstAndOpenWithAll) {
  const auto keys = TicketKeys::parse("# made on Monday\n" + line(1) + "\n\n" + line(2) + "\n" + line(3));
  ASSERT_TRUE(keys) << keys.error().message;
  const TicketKeyPtr first = (*keys)->sealing(kStart);
  EXPECT_EQ((*keys)->sealing(kStart + hours(1000)), first);
  for (unsigned int seed : {1U, 2U, 3U}) {
    const auto alone = TicketKeys::parse(line(seed) + "\n");
    ASSERT_TRUE(alone);
    const TicketKeyPtr same = (*alone)->sealing(kStart), found = (*keys)->find(name_of(same), kStart);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->cipher, same->cipher);
    EXPECT_EQ(found->mac, same->mac);
    EXPECT_EQ(found == first, seed == 1);
  }
  EXPECT_EQ((*keys)->find("0123456789abcdef", kStart), nullptr);
  EXPECT_EQ((*keys)->find("", kStart), nullptr);
}

TEST(TicketKeys, OfAFileReadUpperAndLowerCaseAlike) {
  std::string upper = line(7);
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  const auto keys = TicketKeys::parse(upper);
  ASSERT_TRUE(keys);
  EXPECT_EQ((*keys)->sealing(kStart)->mac, (*(*TicketKeys::parse(line(7)))).sealing(kStart)->mac);
}

TEST(TicketKeys, AFileThatIsNotExactlyKeysIsRefused) {
  const std::string good = line(1);
  std::string letter = good, many;
  letter[33] = 'g';
  for (unsigned int i = 0; i < 17; ++i) many += line(100 + i) + "\n";
  const struct {
    std::string text;
    const char* says;
  } cases[] = {
      {"", "no key"},
      {"# nothing\n\n", "no key"},
      {good.substr(2), "line 1 is not 160"},
      {good + "00", "line 1 is not 160"},
      {good + "\r\n", "line 1 is not 160"},
      {" " + good, "line 1 is not 160"},
      {good + "\n" + line(2).substr(0, 100) + "\n", "line 2 is not 160"},
      {letter, "line 1 holds something else"},
      {std::string(160, '0'), "line 1 is no random key"},
      {good + "\n" + good, "line 2 repeats the name"},
      {good + "\n" + good.substr(0, 30) + "ff" + good.substr(32), "line 2 repeats a key"},
      {good + "\n" + good.substr(0, 30) + "ff" + line(2).substr(32, 64) + good.substr(96), "line 2 repeats a key"},
      {good.substr(0, 96) + good.substr(32, 64), "line 1 is no random key"},
      {many, "line 17 is one key too many"},
      {std::string(20'000, '\n') + good, "over 16 KiB"},
  };
  for (const auto& [text, says] : cases) {
    const auto keys = TicketKeys::parse(text);
    ASSERT_FALSE(keys) << says;
    EXPECT_EQ(keys.error().code, "tls.ticket_keys");
    EXPECT_NE(keys.error().message.find(says), std::string::npos) << keys.error().message << " / " << says;
    // A message is written to logs.
    if (text.size() < 40) continue;
    EXPECT_EQ(keys.error().message.find(text.substr(4, 12)), std::string::npos);
  }
}

}  // namespace
}  // namespace portcullis::tls
