// For tests only: HTTP/2 frames put together and taken apart by hand, since clients refuse to send what is wrong. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portcullis::http::testing {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum FrameType : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};
enum FrameFlag : std::uint8_t { kEndStream = 1, kAck = 1, kEndHeaders = 4, kPadded = 8, kHasPriority = 32 };

inline std::string be32(std::uint32_t number) {
  std::string out(4, '\0');
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<char>(number >> (24 - 8 * i));
  return out;
}
inline std::string be16(std::uint32_t number) { return be32(number).substr(2); }

inline std::string frame(std::uint8_t type, unsigned flags, std::uint32_t stream, std::string_view payload = {}) {
  std::string out = be32(static_cast<std::uint32_t>(payload.size())).substr(1);
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  return out.append(be32(stream)).append(payload);
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

// HPACK without its tables: every field a literal that is not indexed (RFC 7541 §6.2.2), no Huffman.
inline std::string hpack(const Pairs& fields) {
  std::string out;
  const auto put = [&out](std::string_view text) {
    if (text.size() < 127) {
      out.push_back(static_cast<char>(text.size()));
    } else {
      out.push_back('\x7f');
      std::size_t rest = text.size() - 127;
      for (; rest >= 128; rest >>= 7U) out.push_back(static_cast<char>(rest % 128 + 128));
      out.push_back(static_cast<char>(rest));
    }
    out.append(text);
  };
  for (const auto& [name, value] : fields) {
    out.push_back('\0');
    put(name);
    put(value);
  }
  return out;
}

inline Pairs get_fields(std::string_view path = "/") {
  return {{":method", "GET"}, {":scheme", "https"}, {":authority", "a.example"}, {":path", std::string(path)}};
}
inline Pairs post_fields(std::string_view path = "/") {
  Pairs fields = get_fields(path);
  fields[0].second = "POST";
  return fields;
}
inline Pairs with(Pairs fields, const Pairs& more) {
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}
inline std::string request(std::uint32_t stream, const Pairs& fields, bool end = true) {
  return frame(kHeaders, kEndHeaders | (end ? 1U : 0U), stream, hpack(fields));
}
inline std::string settings(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& entries = {}) {
  std::string payload;
  for (const auto& [id, value] : entries) payload.append(be16(id)).append(be32(value));
  return frame(kSettings, 0, 0, payload);
}
inline std::string opening() { return std::string(kPreface) + settings(); }

struct Frame {
  std::uint8_t type;
  unsigned flags;
  std::uint32_t stream;
  std::string payload;
  std::uint32_t number(std::size_t at) const {
    std::uint32_t out = 0;
    for (std::size_t i = at; i < at + 4 && i < payload.size(); ++i) {
      out = out << 8U | static_cast<unsigned char>(payload[i]);
    }
    return out;
  }
};

// Whole frames from the front of `bytes`, which keeps the rest.
inline std::vector<Frame> split_frames(std::string& bytes) {
  std::vector<Frame> out;
  const auto byte = [&bytes](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  while (bytes.size() >= 9) {
    const std::size_t size = std::size_t{byte(0)} << 16U | std::size_t{byte(1)} << 8U | byte(2);
    if (bytes.size() < 9 + size) break;
    Frame one{byte(3), byte(4), 0, bytes.substr(9, size)};
    for (std::size_t i = 5; i < 9; ++i) one.stream = one.stream << 8U | byte(i);
    bytes.erase(0, 9 + size);
    out.push_back(std::move(one));
  }
  return out;
}

// What one stream, and the connection, was told, as short text: "HEADERS+END", "DATA(5)", "RST(1)", "GOAWAY(1,last 3)".
inline std::string told(const Frame& one) {
  const std::string end = (one.flags & kEndStream) != 0 ? "+END" : "";
  switch (one.type) {
    case kData:
      return "DATA(" + std::to_string(one.payload.size()) + ")" + end;
    case kHeaders:
      return "HEADERS" + end;
    case kRstStream:
      return "RST(" + std::to_string(one.number(0)) + ")";
    case kSettings:
      return (one.flags & kAck) != 0 ? "SETTINGS-ACK" : "SETTINGS";
    case kPing:
      return (one.flags & kAck) != 0 ? "PONG" : "PING";
    case kGoaway:
      return "GOAWAY(" + std::to_string(one.number(4)) + ",last " + std::to_string(one.number(0)) + ")";
    case kWindowUpdate:
      return "WINDOW(" + std::to_string(one.number(0)) + ")";
    default:
      return "FRAME" + std::to_string(one.type);
  }
}

}  // namespace portcullis::http::testing
