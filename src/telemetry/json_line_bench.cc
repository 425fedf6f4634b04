#include <benchmark/benchmark.h>

#include "telemetry/json_line.h"

namespace portcullis::telemetry {
namespace {

constexpr std::string_view kAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

// A line with the members, and the lengths of values, of the access log (proxy/access_record.cc).
void access_log_line(benchmark::State& state) {
  const WallTime now{std::chrono::milliseconds(1'800'000'000'123)};
  constexpr std::chrono::milliseconds kTaken{12};
  std::string out;
  for (auto _ : state) {
    out.clear();
    JsonLine line(out);
    line.add_time("timeStamp", now);
    line.add("resourceId", "/subscriptions/0/resourceGroups/edge/providers/Microsoft.Network/applicationGateways/gw");
    line.add("listenerName", "devices").add("ruleName", "all").add("backendPoolName", "app");
    line.add("backendSettingName", "app");
    line.add("operationName", "ApplicationGatewayAccess").add("category", "ApplicationGatewayAccessLog");
    line.begin("properties");
    line.add("instanceId", "appgw_0").add("clientIP", "192.0.2.17").add("clientPort", 50123).add("httpMethod", "GET");
    line.add("originalRequestUriWithArgs", "/api/devices/4711?from=1").add("requestUri", "/api/devices/4711");
    line.add("requestQuery", "from=1").add("userAgent", kAgent).add("httpStatus", 200).add("httpVersion", "HTTP/1.1");
    line.add("receivedBytes", 512U).add("sentBytes", 1234U);
    line.add_seconds("clientResponseTime", kTaken).add_seconds("timeTaken", kTaken);
    line.add("WAFEvaluationTime", "0.000").add("WAFMode", "");
    line.add("transactionId", "0123456789abcdef0123456789abcdef");
    line.add("sslEnabled", "on").add("sslCipher", "TLS_AES_128_GCM_SHA256").add("sslProtocol", "TLSv1.3");
    line.add("sslClientVerify", "SUCCESS");
    line.add("sslClientCertificateFingerprint", "0123456789abcdef0123456789abcdef01234567");
    line.add("sslClientCertificateIssuerName", "CN=Devices,O=Contoso,C=DE");
    line.add("serverRouted", "10.0.0.4:80").add("serverStatus", "200").add("serverResponseLatency", "0.011");
    line.add("upstreamSourcePort", "40123").add("originalHost", "gateway.contoso.example");
    line.add("host", "gateway.contoso.example").add("error_info", "").add("contentType", "application/json");
    line.end();
    line.begin("portcullis").add("reason", "").add("connection", "0011223344556677").add("request", 1U);
    line.add("resumed", false).add("sni", "gateway.contoso.example").add("sslListener", "devices");
    line.add("generation", 1U).end();
    line.close();
    benchmark::DoNotOptimize(out);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * out.size()));
}

BENCHMARK(access_log_line);

}  // namespace
}  // namespace portcullis::telemetry
