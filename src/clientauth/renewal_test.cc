#include "clientauth/internal/renewal.h"

#include "event/test_loop.h"

namespace portcullis::clientauth {
namespace {

using namespace std::chrono_literals;

struct RenewalTest : event::ManualLoopTest {
  std::vector<int> told;
  bool busy = false;
  internal::RenewalQueue<const int> queue{*loop, 2, [this](const std::shared_ptr<const int>& what) {
                                            if (busy) return false;
                                            told.push_back(*what);
                                            return true;
                                          }};
};

// Each fetch adds its URL again: none may take another's place, nor stay where it was before.
TEST_F(RenewalTest, HasOnePlaceForEachThing) {
  const auto one = std::make_shared<const int>(1);
  const auto two = std::make_shared<const int>(2);
  for (int i = 0; i < 100; ++i) queue.add(one, 24h);
  queue.add(one, 2s);
  queue.add(two, 1s);
  pass(3s);
  EXPECT_EQ(told, (std::vector<int>{2, 1}));
  pass(25h);
  EXPECT_EQ(told.size(), 2U);
}

TEST_F(RenewalTest, AddedWhileItIsToldComesAgainAndSoDoesWhatFoundNoRoom) {
  const auto one = std::make_shared<const int>(1);
  busy = true;
  queue.add(one, 1s);
  pass(2s);
  EXPECT_TRUE(told.empty());
  busy = false;
  pass(1s);
  EXPECT_EQ(told.size(), 1U);
  queue.add(one, 1s);
  pass(2s);
  EXPECT_EQ(told.size(), 2U);
}

TEST_F(RenewalTest, ForgetsWhatIsNoLongerThere) {
  auto one = std::make_shared<const int>(1);
  queue.add(one, 1s);
  one.reset();
  for (int i = 3; i < 6; ++i) {
    const auto next = std::make_shared<const int>(i);
    queue.add(next, 1s);
    pass(2s);
  }
  EXPECT_EQ(told, (std::vector<int>{3, 4, 5}));
}

}  // namespace
}  // namespace portcullis::clientauth
