// For tests only: the server's side of an HTTP/2 connection, played by hand. One thread.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

namespace portcullis::http {

// A server that the test plays by hand, on nghttp2 with its own checks off: it may say what no server should.
class H2TestServer {
 public:
  struct Request {
    std::map<std::string, std::string> fields;
    std::string content;
    std::map<std::string, std::string> trailers;
    bool ended = false;
    std::uint32_t reset = 0;
  };

  H2TestServer() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
          Request& request = static_cast<H2TestServer*>(self)->requests[frame->hd.stream_id];
          auto& into = frame->headers.cat == NGHTTP2_HCAT_REQUEST ? request.fields : request.trailers;
          into[std::string(name, name + name_size)] = std::string(value, value + value_size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks,
        [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size, void* self) {
          static_cast<H2TestServer*>(self)->requests[id].content.append(bytes, bytes + size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          auto& peer = *static_cast<H2TestServer*>(self);
          if (frame->hd.type == NGHTTP2_RST_STREAM)
            peer.requests[frame->hd.stream_id].reset = frame->rst_stream.error_code;
          if (frame->hd.type == NGHTTP2_GOAWAY) peer.told_to_go = true;
          const bool carries = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
          if (carries && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
            peer.requests[frame->hd.stream_id].ended = true;
          return 0;
        });
    nghttp2_option* options = nullptr;
    nghttp2_option_new(&options);
    nghttp2_option_set_no_http_messaging(options, 1);
    nghttp2_session_server_new2(&session, callbacks, this, options);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(callbacks);
    settings({});
  }
  ~H2TestServer() { nghttp2_session_del(session); }
  H2TestServer(const H2TestServer&) = delete;

  void settings(const std::vector<nghttp2_settings_entry>& entries) {
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, entries.data(), entries.size());
  }
  void headers(std::int32_t id, const std::vector<std::pair<std::string, std::string>>& fields, bool end) {
    std::vector<nghttp2_nv> pairs;
    for (const auto& [name, value] : fields) {
      pairs.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                       reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(), 0});
    }
    nghttp2_submit_headers(session, end ? NGHTTP2_FLAG_END_STREAM : 0, id, nullptr, pairs.data(), pairs.size(),
                           nullptr);
  }
  void data(std::int32_t id, const std::string& content, bool end) {
    pending[id] = content;
    nghttp2_data_provider provider{};
    provider.source.ptr = &pending[id];
    provider.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t size,
                                std::uint32_t* flags, nghttp2_data_source* source, void*) {
      auto& rest = *static_cast<std::string*>(source->ptr);
      const std::size_t some = std::min(size, rest.size());
      std::copy_n(rest.begin(), some, into);
      rest.erase(0, some);
      if (rest.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(some);
    };
    nghttp2_submit_data(session, end ? NGHTTP2_FLAG_END_STREAM : 0, id, &provider);
  }

  void receive(std::string_view bytes) {
    nghttp2_session_mem_recv(session, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  // What it has to say now.
  std::string speak() {
    std::string out;
    for (;;) {
      const std::uint8_t* bytes = nullptr;
      const auto size = nghttp2_session_mem_send(session, &bytes);
      if (size <= 0) return out;
      out.append(bytes, bytes + size);
    }
  }

  nghttp2_session* session = nullptr;
  std::map<std::int32_t, Request> requests;
  std::map<std::int32_t, std::string> pending;  // content that has not gone out, by stream
  bool told_to_go = false;
};

}  // namespace portcullis::http
