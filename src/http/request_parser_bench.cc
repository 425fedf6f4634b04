#include <benchmark/benchmark.h>

#include "http/request_parser.h"

namespace portcullis::http {
namespace {

constexpr std::string_view kSmall = "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";
constexpr std::string_view kBrowser =
    "GET /api/devices/4711/readings?from=2026-01-01&to=2026-02-01 HTTP/1.1\r\n"
    "Host: gateway.contoso.example\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Referer: https://gateway.contoso.example/devices/4711\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Priority: u=0, i\r\n\r\n";

// One connection's parser and head, used again as keep-alive does.
void parse(benchmark::State& state, std::string_view bytes) {
  RequestParser parser;
  RequestHead head;
  for (auto _ : state) {
    parser.reset();
    if (parser.parse(bytes, head) != RequestParser::Parse::kDone) state.SkipWithError("refused");
    benchmark::DoNotOptimize(head);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
}

BENCHMARK_CAPTURE(parse, small, kSmall);
BENCHMARK_CAPTURE(parse, browser, kBrowser);

}  // namespace
}  // namespace portcullis::http
