#include "tls/ticket_state.h"

#include <gtest/gtest.h>

namespace portcullis::tls {
namespace {

TicketState sample() {
  TicketState state;
  for (std::size_t i = 0; i < state.session_digest.bytes.size(); ++i) {
    state.session_digest.bytes[i] = static_cast<std::uint8_t>(i + 1);
  }
  state.original = WallTime{std::chrono::milliseconds(1'800'000'000'123)};
  state.peer = "what is known";
  return state;
}

void expect_same(const TicketState& a, const TicketState& b) {
  EXPECT_EQ(a.session_digest, b.session_digest);
  EXPECT_EQ(a.original, b.original);
  EXPECT_EQ(a.peer, b.peer);
}

TEST(TicketState, ComesBackAsItWas) {
  for (const std::optional<std::string>& peer :
       {std::optional<std::string>(), std::optional<std::string>(""), std::optional<std::string>("x"),
        std::optional<std::string>(std::string(kMostPeerBytes, '\0'))}) {
    for (const std::int64_t when : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1'800'000'000'123}}) {
      TicketState state = sample();
      state.peer = peer;
      state.original = WallTime{std::chrono::milliseconds(when)};
      const auto read = read_ticket_state(write_ticket_state(state));
      ASSERT_TRUE(read.has_value());
      expect_same(*read, state);
    }
  }
}

TEST(TicketState, AnythingElseIsRefused) {
  const std::string good = write_ticket_state(sample());
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(read_ticket_state(good.substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(read_ticket_state(good + '\0').has_value());
  std::string other = good;
  other[0] = 2;  // version
  EXPECT_FALSE(read_ticket_state(other).has_value());
  other = good;
  for (const char presented : {'\0', '\2'}) {
    other[1] = presented;
    EXPECT_FALSE(read_ticket_state(other).has_value());
  }
  TicketState large = sample();
  large.peer = std::string(kMostPeerBytes + 1, 'x');
  EXPECT_FALSE(read_ticket_state(write_ticket_state(large)).has_value());
}

}  // namespace
}  // namespace portcullis::tls
