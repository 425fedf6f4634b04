#include "http/h2_session.h"

#include <gtest/gtest.h>

#include "http/test_h2.h"

namespace portcullis::http {
namespace {

using namespace testing;

const std::string kOk = "HEADERS 1:DATA(2)+END";

TEST(H2Session, DoesNotCareHowItsBytesAreCut) {
  const std::string bytes = opening() + request(1, post_fields(), false) + frame(kData, kEndStream, 1, "hello") +
                            request(3, get_fields()) + frame(kPing, 0, 0, "12345678");
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, bytes.size()}) {
    H2Peer peer;
    std::string said = peer.ask(bytes, step);
    EXPECT_NE(said.find("1:HEADERS"), std::string::npos);
    EXPECT_NE(said.find("3:DATA(2)+END"), std::string::npos);
    EXPECT_NE(said.find("PONG"), std::string::npos);
    EXPECT_EQ(peer.seen, "1:POST 3:GET ");
    EXPECT_EQ(peer.streams[0]->content, "hello");
    EXPECT_FALSE(peer.session.faulted());
  }
}

TEST(H2Session, RefusesAStreamThatItsOwnerCannotBear) {
  H2Peer peer;
  peer.most_streams = 0;
  EXPECT_EQ(peer.ask(opening() + request(1, get_fields())), "1:RST(7)");
}

TEST(H2Session, CountsEachHeadAlone) {
  H2Peer peer;
  peer.most_streams = 0;
  peer.ask(opening());
  // Their sum is a bomb, each of them is not.
  for (std::uint32_t id = 1; id < 100; id += 2) {
    peer.now += std::chrono::seconds(1);
    peer.ask(request(id, with(get_fields(), {{"a", std::string(7000, 'x')}})));
  }
  EXPECT_EQ(peer.session.fault(), "");
}

TEST(H2Session, ProducesWithinTheRoomItIsGiven) {
  H2Peer peer;
  peer.text = std::string(60'000, 'x');
  peer.session.receive(opening() + request(1, get_fields()), peer.now);
  std::string buffer(20'000, '\0');
  std::size_t total = 0;
  for (std::size_t got = 0; (got = peer.session.produce(buffer.data(), buffer.size())) > 0;) {
    EXPECT_LE(got, buffer.size());
    total += got;
  }
  EXPECT_GT(total, 60'000U);
  EXPECT_TRUE(peer.streams[0]->stream.end_produced());
}

TEST(H2Session, DropsWhatAReleasedStreamHadQueued) {
  H2Peer peer;
  peer.text = std::string(200'000, 'x');
  peer.ask(opening() + request(1, get_fields()));
  EXPECT_FALSE(peer.streams[0]->stream.all_produced());
  peer.session.reset(peer.streams[0]->stream, H2Error::kCancel);
  peer.session.release(peer.streams[0]->stream);
  peer.streams.clear();
  EXPECT_EQ(peer.ask(frame(kWindowUpdate, 0, 0, be32(1'000'000)) + frame(kWindowUpdate, 0, 1, be32(1'000'000))),
            "1:RST(8)");
}

TEST(H2Session, OpensWindowsOnlyForWhatIsConsumed) {
  H2Peer peer;
  peer.consumes = false;
  peer.ask(opening() + request(1, post_fields(), false));
  std::string all;
  for (int i = 0; i < 3; ++i) all += frame(kData, 0, 1, std::string(16'384, 'x'));
  EXPECT_EQ(peer.ask(all), "");
  peer.session.consumed(peer.streams[0]->stream, 49'152);
  peer.collect();
  EXPECT_EQ(peer.heard(), "1:WINDOW(49152)");
}

TEST(H2Session, CountsTheBytesOfAStream) {
  H2Peer peer;
  const std::string head = request(1, post_fields(), false);
  const std::string body = frame(kData, kEndStream, 1, "hello");
  peer.ask(opening() + head + body);
  EXPECT_EQ(peer.streams[0]->stream.frame_bytes_in(), head.size() + body.size());
  EXPECT_GT(peer.streams[0]->stream.frame_bytes_out(), 9U + 9U + 2U);
}

TEST(H2Session, RefusesMoreRequestsThanOneConnectionMayMake) {
  H2Limits limits;
  limits.requests = 2;
  H2Peer peer(limits);
  peer.ask(opening() + request(1, get_fields()) + request(3, get_fields()));
  EXPECT_TRUE(peer.session.exhausted());
  EXPECT_EQ(peer.ask(request(5, get_fields())), "5:RST(7)");
  EXPECT_EQ(peer.seen, "1:GET 3:GET ");
  peer.session.refuse_new();
  peer.collect();
  EXPECT_EQ(peer.heard(), "GOAWAY(0,last 3)");
  EXPECT_FALSE(peer.session.faulted());
  EXPECT_TRUE(peer.session.over());
}

TEST(H2Session, AnnouncesItsShutdownAndStillTakesWhatIsOnItsWay) {
  H2Peer peer;
  peer.ask(opening());
  peer.session.announce_shutdown();
  peer.collect();
  EXPECT_EQ(peer.heard(), "GOAWAY(0,last 2147483647) PING");
  peer.ask(request(1, get_fields()));
  EXPECT_EQ(peer.seen, "1:GET ");
  EXPECT_EQ(peer.ask(frame(kPing, kAck, 0, std::string(8, '\0'))), "GOAWAY(0,last 1)");
  peer.ask(request(3, get_fields()));
  EXPECT_EQ(peer.seen, "1:GET ");
}

// Every connection and stream error that RFC 9113 §§3–6 and §8 demand, frame by frame. A stream error may be treated as
// a connection error, and is by nghttp2 where a frame of a stream has the wrong size or a zero window increment.
struct Rule {
  std::string name;
  std::string bytes;  // behind the opening
  std::string answer;
};

class H2Rules : public ::testing::TestWithParam<Rule> {};

TEST_P(H2Rules, Hold) {
  H2Peer peer;
  peer.answers = GetParam().name.rfind("unanswered_", 0) != 0;
  EXPECT_EQ(peer.ask(opening() + GetParam().bytes), GetParam().answer);
  H2Peer bytewise;
  bytewise.answers = peer.answers;
  EXPECT_EQ(bytewise.ask(opening() + GetParam().bytes, 1).empty(), GetParam().answer.empty());
}

const std::string kGet1 = request(1, get_fields());
const std::string kPost1 = request(1, post_fields(), false);
const std::string kPost3 = request(3, post_fields(), false);
const std::string kAnswer1 = "1:HEADERS 1:DATA(2)+END";
const std::string kProtocol0 = "GOAWAY(1,last 0)";
const std::string kProtocol1 = "GOAWAY(1,last 1)";
const std::string kSize0 = "GOAWAY(6,last 0)";
const std::string kFlow0 = "GOAWAY(3,last 0)";
const std::string kBlock = hpack(get_fields());
std::string padded(unsigned length, std::string_view content) {
  return std::string(1, static_cast<char>(length)).append(content);
}

INSTANTIATE_TEST_SUITE_P(
    Frames, H2Rules,
    ::testing::Values(
        // §4
        Rule{"unknown_type_is_ignored", frame(0x16, 0xff, 0, "xx") + kGet1, kAnswer1},
        Rule{"unknown_flags_are_ignored", frame(kPing, 0xfe, 0, "12345678"), "PONG"},
        Rule{"reserved_bit_is_ignored", frame(kHeaders, kEndHeaders | kEndStream, 0x80000001, kBlock), kAnswer1},
        Rule{"oversized_data", kPost1 + frame(kData, 0, 1, std::string(16'385, 'x')), "GOAWAY(6,last 1)"},
        Rule{"oversized_headers", frame(kHeaders, kEndHeaders, 1, std::string(16'385, 'x')), kSize0},
        Rule{"oversized_settings", frame(kSettings, 0, 0, std::string(16'386, '\0')), kSize0},
        Rule{"bad_hpack_index", frame(kHeaders, kEndHeaders | kEndStream, 1, "\xff\xff\xff\xff\x0f"),
             "GOAWAY(9,last 1)"},
        Rule{"hpack_index_zero", frame(kHeaders, kEndHeaders | kEndStream, 1, "\x80"), "GOAWAY(9,last 1)"},
        Rule{"hpack_table_too_large", frame(kHeaders, kEndHeaders | kEndStream, 1, "\x3f\xe1\xff\x03" + kBlock),
             "GOAWAY(9,last 1)"},
        Rule{"frame_within_header_block", frame(kHeaders, kEndStream, 1, kBlock) + frame(kPing, 0, 0, "12345678"),
             kProtocol1},
        Rule{"other_stream_within_header_block", frame(kHeaders, kEndStream, 1, kBlock) + kPost3, kProtocol1},
        Rule{"unknown_type_within_header_block", frame(kHeaders, kEndStream, 1, kBlock) + frame(0x16, 0, 1, ""),
             kProtocol1},
        // §5.1
        Rule{"data_on_idle", frame(kData, kEndStream, 1, "x"), kProtocol0},
        Rule{"reset_on_idle", frame(kRstStream, 0, 1, be32(8)), kProtocol0},
        Rule{"window_update_on_idle", frame(kWindowUpdate, 0, 1, be32(1)), kProtocol0},
        Rule{"continuation_on_idle", frame(kContinuation, kEndHeaders, 1, kBlock), kProtocol0},
        Rule{"priority_on_idle_is_ignored", frame(kPriority, 0, 5, be32(0) + "x") + kGet1, kAnswer1},
        Rule{"unanswered_data_on_half_closed", kGet1 + frame(kData, 0, 1, "x"), "GOAWAY(5,last 1)"},
        Rule{"unanswered_headers_on_half_closed", kGet1 + request(1, {{"x", "y"}}), "GOAWAY(5,last 1)"},
        Rule{"unanswered_window_update_on_half_closed_is_fine", kGet1 + frame(kWindowUpdate, 0, 1, be32(5)), ""},
        Rule{"continuation_behind_end_headers", kPost1 + frame(kContinuation, kEndHeaders, 1, ""), kProtocol1},
        // §5.1.1
        Rule{"even_stream", request(2, get_fields()), kProtocol0},
        Rule{"smaller_stream", request(3, post_fields(), false) + request(1, get_fields()), "GOAWAY(5,last 3)"},
        // §6.1
        Rule{"data_on_stream_0", frame(kData, 0, 0, "x"), kProtocol0},
        Rule{"data_all_padding_and_more", kPost1 + frame(kData, kPadded, 1, padded(6, "hello")), kProtocol1},
        Rule{"data_without_its_pad_length", kPost1 + frame(kData, kPadded, 1, ""), "GOAWAY(6,last 1)"},
        Rule{"padded_data_is_fine", kPost1 + frame(kData, kPadded | kEndStream, 1, padded(3, "hello123")), kAnswer1},
        // §6.2
        Rule{"headers_on_stream_0", frame(kHeaders, kEndHeaders | kEndStream, 0, kBlock), kProtocol0},
        Rule{"headers_all_padding_and_more",
             frame(kHeaders, kEndHeaders | kEndStream | kPadded, 1, padded(200, kBlock)), kProtocol0},
        Rule{"padded_headers_with_priority",
             frame(kHeaders, kEndHeaders | kEndStream | kPadded | kHasPriority, 1,
                   padded(2, be32(0) + "x" + kBlock + "12")),
             kAnswer1},
        // §6.3
        Rule{"priority_on_stream_0", frame(kPriority, 0, 0, be32(1) + "x"), kProtocol0},
        Rule{"priority_of_four", kPost1 + frame(kPriority, 0, 1, be32(3)), "GOAWAY(6,last 1)"},
        // §6.4
        Rule{"reset_on_stream_0", frame(kRstStream, 0, 0, be32(8)), kProtocol0},
        Rule{"reset_of_three", kPost1 + frame(kRstStream, 0, 1, "123"), "GOAWAY(6,last 1)"},
        // §6.5
        Rule{"settings_on_stream", frame(kSettings, 0, 1, ""), kProtocol0},
        Rule{"settings_ack_with_payload", frame(kSettings, kAck, 0, "123456"), kSize0},
        Rule{"settings_of_five", frame(kSettings, 0, 0, "12345"), kSize0},
        Rule{"settings_push_2", settings({{2, 2}}), kProtocol0},
        Rule{"settings_window_too_large", settings({{4, 0x80000000}}), kFlow0},
        Rule{"settings_frame_too_small", settings({{5, 16'383}}), kProtocol0},
        Rule{"settings_frame_too_large", settings({{5, 16'777'216}}), kProtocol0},
        Rule{"settings_unknown_is_ignored", settings({{0xff, 1}}) + kGet1, kAnswer1},
        // §6.6
        Rule{"push_promise", kPost1 + frame(kPushPromise, kEndHeaders, 1, be32(2) + kBlock), kProtocol1},
        // §6.7
        Rule{"ping_on_stream", frame(kPing, 0, 1, "12345678"), kProtocol0},
        Rule{"ping_of_seven", frame(kPing, 0, 0, "1234567"), kSize0},
        Rule{"pong_is_not_answered", frame(kPing, kAck, 0, "12345678"), ""},
        // §6.8
        Rule{"goaway_on_stream", frame(kGoaway, 0, 1, be32(0) + be32(0)), kProtocol0},
        Rule{"goaway_of_seven", frame(kGoaway, 0, 0, "1234567"), kSize0},
        // §6.9
        Rule{"window_update_0_on_connection", frame(kWindowUpdate, 0, 0, be32(0)), kProtocol0},
        Rule{"window_update_0_on_stream", kPost1 + frame(kWindowUpdate, 0, 1, be32(0)), kProtocol1},
        Rule{"window_update_of_three", frame(kWindowUpdate, 0, 0, "123"), kSize0},
        Rule{"connection_window_overflow", frame(kWindowUpdate, 0, 0, be32(0x7fffffff)), kFlow0},
        Rule{"stream_window_overflow", kPost1 + frame(kWindowUpdate, 0, 1, be32(0x7fffffff)), "1:RST(3)"},
        Rule{"window_overflow_by_settings",
             kPost1 + frame(kWindowUpdate, 0, 1, be32(0x7fff0000 - 65'535)) + settings({{4, 0x7fffffff}}),
             "GOAWAY(3,last 1)"},
        // §6.10
        Rule{"continuation_on_stream_0",
             frame(kHeaders, kEndStream, 1, "") + frame(kContinuation, kEndHeaders, 0, kBlock), kProtocol1},
        Rule{"continuation_on_other_stream",
             frame(kHeaders, kEndStream, 1, "") + frame(kContinuation, kEndHeaders, 3, kBlock), kProtocol1},
        Rule{"continuation_is_fine",
             frame(kHeaders, kEndStream, 1, kBlock.substr(0, 5)) +
                 frame(kContinuation, kEndHeaders, 1, kBlock.substr(5)),
             kAnswer1}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Messages, H2Rules,
    ::testing::Values(
        Rule{"malformed_and_ended", request(1, with(get_fields(), {{"connection", "x"}})), kAnswer1 + " 1:RST(1)"},
        Rule{"malformed_and_open", request(1, with(post_fields(), {{"connection", "x"}}), false),
             kAnswer1 + " 1:RST(1)"},
        Rule{"second_head_without_end", kPost1 + frame(kHeaders, kEndHeaders, 1, hpack({{"x", "y"}})),
             kAnswer1 + " 1:RST(1)"},
        Rule{"pseudo_in_trailers", kPost1 + frame(kHeaders, kEndHeaders | kEndStream, 1, hpack({{":path", "/"}})),
             kAnswer1 + " 1:RST(1)"},
        Rule{"trailers_are_fine", kPost1 + frame(kHeaders, kEndHeaders | kEndStream, 1, hpack({{"x", "y"}})), kAnswer1},
        Rule{"less_than_content_length",
             request(1, with(post_fields(), {{"content-length", "9"}}), false) + frame(kData, kEndStream, 1, "x"),
             kAnswer1 + " 1:RST(1)"},
        Rule{"more_than_content_length",
             request(1, with(post_fields(), {{"content-length", "1"}}), false) + frame(kData, 0, 1, "xy"),
             kAnswer1 + " 1:RST(1)"},
        Rule{"padding_is_no_content",
             request(1, with(post_fields(), {{"content-length", "5"}}), false) +
                 frame(kData, kPadded | kEndStream, 1, padded(3, "hello123")),
             kAnswer1},
        Rule{"trailers_end_a_short_body",
             request(1, with(post_fields(), {{"content-length", "5"}}), false) +
                 frame(kHeaders, kEndHeaders | kEndStream, 1, hpack({{"x", "y"}})),
             kAnswer1 + " 1:RST(1)"},
        Rule{"refused_but_not_malformed",
             request(1, with(get_fields(), {{"authorization", "a"}, {"authorization", "b"}})), kAnswer1}),
    [](const auto& info) { return info.param.name; });

TEST(H2Session, EndsAClientThatGoesOnWithAStreamThatIsOver) {
  for (const std::string& more : {frame(kData, 0, 1, "x"), request(1, get_fields()), request(1, {{"x", "y"}})}) {
    H2Peer peer;
    EXPECT_EQ(peer.ask(opening() + kGet1), kAnswer1);
    EXPECT_EQ(peer.ask(more), "GOAWAY(5,last 1)");
    H2Peer after_reset;
    after_reset.ask(opening() + kPost1 + frame(kRstStream, 0, 1, be32(8)));
    EXPECT_EQ(after_reset.ask(more), "GOAWAY(5,last 1)");
  }
}

TEST(H2Session, BearsWhatWasOnItsWayToAStreamThatItReset) {
  H2Peer peer;
  peer.ask(opening() + kPost1);
  peer.session.reset(peer.streams[0]->stream, H2Error::kCancel);
  peer.collect();
  EXPECT_EQ(peer.heard(), "1:RST(8)");
  EXPECT_EQ(peer.ask(frame(kData, 0, 1, "x") + frame(kHeaders, kEndHeaders | kEndStream, 1, hpack({{"x", "y"}})) +
                     frame(kWindowUpdate, 0, 1, be32(1)) + frame(kRstStream, 0, 1, be32(8))),
            "");
  EXPECT_FALSE(peer.session.faulted());
}

TEST(H2Session, EndsAClientWithoutAPreface) {
  for (const std::string bytes : {"GET / HTTP/1.1\r\n\r\n012345678", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r!......"}) {
    H2Peer peer;
    peer.ask(bytes);
    EXPECT_EQ(peer.session.fault(), "http2.bad_preface");
  }
}

TEST(H2Session, WantsSettingsBehindThePreface) {
  H2Peer peer;
  EXPECT_EQ(peer.ask(std::string(kPreface) + frame(kPing, 0, 0, "12345678")), kProtocol0);
}

TEST(H2Session, RefusesStreamsOverTheLimit) {
  H2Peer peer;
  peer.answers = false;
  std::string all = opening();
  for (std::uint32_t id = 1; id <= 203; id += 2) all += request(id, get_fields());
  EXPECT_EQ(peer.ask(all), "201:RST(7) 203:RST(7)");
  EXPECT_EQ(peer.streams.size(), 100U);
}

TEST(H2Session, EndsAClientThatOverrunsAWindow) {
  H2Peer peer;
  peer.consumes = false;
  std::string all = opening() + kPost1;
  for (int i = 0; i < 5; ++i) all += frame(kData, 0, 1, std::string(16'384, 'x'));
  const std::string said = peer.ask(all);
  EXPECT_TRUE(said.find("RST(3)") != std::string::npos || said.find("GOAWAY(3") != std::string::npos) << said;
  EXPECT_LE(peer.held, 65'535U + 16'384U);
}

// Clients that cost more than they pay.
struct Flood {
  std::string name;
  std::string head;   // behind the opening
  std::string piece;  // again and again
  std::string fault;
  int most;  // pieces that may pass before it is ended
};

class H2Floods : public ::testing::TestWithParam<Flood> {};

TEST_P(H2Floods, End) {
  H2Peer peer;
  peer.ask(opening() + GetParam().head);
  int sent = 0;
  std::size_t said = 0;
  for (; sent < 20'000 && !peer.session.faulted(); ++sent) {
    peer.session.receive(GetParam().piece, peer.now);
    peer.collect();
    said += peer.frames.size();
    peer.frames.clear();
  }
  EXPECT_EQ(peer.session.fault(), GetParam().fault);
  EXPECT_LE(sent, GetParam().most);
  EXPECT_LE(said, 2U * static_cast<unsigned>(GetParam().most) + 10);
  EXPECT_LE(peer.session.backlog(), 10U);
}

TEST_P(H2Floods, PassWhenTheyAreSlow) {
  H2Peer peer;
  if (GetParam().name == "continuations" || GetParam().name == "empty_continuations") return;
  peer.ask(opening() + GetParam().head);
  for (int sent = 0; sent < 3000 && !peer.session.faulted(); ++sent) {
    peer.now += std::chrono::seconds(1);
    peer.session.receive(GetParam().piece, peer.now);
    peer.collect();
  }
  EXPECT_EQ(peer.session.fault(), "");
}

INSTANTIATE_TEST_SUITE_P(
    , H2Floods,
    ::testing::Values(Flood{"pings", "", frame(kPing, 0, 0, "12345678"), "http2.ping_flood", 501},
                      Flood{"settings", "", settings(), "http2.settings_flood", 31},
                      Flood{"priorities", "", frame(kPriority, 0, 1, be32(0) + "x"), "http2.priority_flood", 301},
                      Flood{"empty_data", kPost1, frame(kData, 0, 1, ""), "http2.empty_frame_flood", 101},
                      Flood{"unknown_frames", "", frame(0x42, 0, 0, "x"), "http2.unknown_frame_flood", 51},
                      Flood{"window_updates", kPost1, frame(kWindowUpdate, 0, 1, be32(1)), "http2.window_update_flood",
                            1001},
                      Flood{"continuations", frame(kHeaders, kEndStream, 1, kBlock),
                            frame(kContinuation, 0, 1, hpack({{"a", "b"}})), "http2.continuation_flood", 5},
                      Flood{"empty_continuations", frame(kHeaders, kEndStream, 1, kBlock),
                            frame(kContinuation, 0, 1, ""), "http2.continuation_flood", 5}),
    [](const auto& info) { return info.param.name; });

TEST(H2Abuse, RapidResetIsEnded) {
  H2Peer peer;
  peer.answers = false;
  peer.ask(opening());
  std::uint32_t id = 1;
  for (; id < 2000 && !peer.session.faulted(); id += 2) {
    peer.ask(request(id, get_fields()) + frame(kRstStream, 0, id, be32(8)));
  }
  EXPECT_EQ(peer.session.fault(), "http2.reset_flood");
  EXPECT_LE(peer.streams.size(), 102U);
}

TEST(H2Abuse, StreamsThatAreMadeToBeResetAreEnded) {
  H2Peer peer;
  peer.answers = false;
  peer.ask(opening());
  std::uint32_t id = 1;
  // What makes the gateway reset a stream costs as much as a reset (CVE-2025-8671).
  for (; id < 2000 && !peer.session.faulted(); id += 2) {
    peer.ask(request(id, get_fields()) + frame(kWindowUpdate, 0, id, be32(0x7fffffff)));
  }
  EXPECT_EQ(peer.session.fault(), "http2.reset_flood");
  EXPECT_LE(peer.streams.size(), 102U);
}

TEST(H2Abuse, HeaderBombIsEnded) {
  // One large field enters the table, then a byte is a field of 4 KB.
  std::string big(1, '\x40');
  big += std::string("\x01") + "a" + "\x7f" + "\x81\x1e";  // 127 + 1 + 30 * 128 = 3968 bytes
  big += std::string(3968, 'x');
  H2Peer peer;
  peer.ask(opening() + frame(kHeaders, kEndHeaders | kEndStream, 1, kBlock + big));
  EXPECT_EQ(peer.seen, "1:GET ");
  peer.ask(frame(kHeaders, kEndHeaders | kEndStream, 3, kBlock + std::string(8000, '\xbe')));
  EXPECT_EQ(peer.session.fault(), "http2.header_bomb");
}

TEST(H2Abuse, LargeHeadersAreRefusedWithoutEndingTheConnection) {
  H2Peer peer;
  EXPECT_EQ(peer.ask(opening() +
                     request(1, with(get_fields(), {{"a", std::string(8000, 'x')},
                                                    {"b", std::string(7500, 'x')},
                                                    {"c", std::string(700, 'x')}})) +
                     request(3, get_fields())),
            "1:HEADERS 3:HEADERS 1:DATA(2)+END 3:DATA(2)+END");
  EXPECT_EQ(peer.seen, "1:http.fields_too_large 3:GET ");
}

}  // namespace
}  // namespace portcullis::http
