// Documents that try to cost time or memory: each is refused or read within a measured bound of both.
#include <ctime>
#include <fstream>
#include <functional>

#include "arm/test_documents.h"

namespace portcullis::arm {
namespace {

#ifdef NDEBUG
constexpr std::size_t kBytes = kMaxDocumentBytes;
#else
constexpr std::size_t kBytes = kMaxDocumentBytes / 16;  // sanitizers make everything that much slower
#endif

std::string repeat(std::string_view piece, std::size_t times) {
  std::string all;
  all.reserve(piece.size() * times);
  for (std::size_t i = 0; i < times; ++i) all += piece;
  return all;
}

// As many pieces as a document may hold bytes of.
std::string full_of(std::string_view piece) { return repeat(piece, kBytes / piece.size()); }

std::string numbered(const std::string& before, const std::string& each, std::size_t count, const std::string& after) {
  std::string text = before;
  for (std::size_t i = 0; i < count; ++i) {
    std::string one = each;
    replace_all(one, "#", std::to_string(i));
    text += one;
  }
  return text + after;
}

struct Costly {
  const char* name;
  Format format;
  std::function<std::string()> text;
  bool reads = false;  // it is a good document all the same
};

const Costly kCostly[] = {
    {"json brackets", Format::kJson, [] { return full_of("["); }},
    {"json braces", Format::kJson, [] { return full_of("{\"a\":"); }},
    {"json numbers", Format::kJson, [] { return "[" + full_of("1,"); }},
    {"json one string", Format::kJson, [] { return "[\"" + std::string(kBytes - 4, 'a') + "\"]"; }},
    {"json one number", Format::kJson, [] { return "[" + std::string(kBytes - 2, '1') + "]"; }},
    {"json spaces", Format::kJson, [] { return full_of(" "); }},
    {"json comment", Format::kJson, [] { return "/*" + full_of("*"); }},
    {"json line breaks", Format::kJson, [] { return full_of("\n"); }},
    {"json over the size", Format::kJson, [] { return std::string(10 * kMaxDocumentBytes, '['); }},
    {"json bad byte at the end", Format::kJson, [] { return std::string(kBytes - 1, ' ') + "\xff"; }},
    {"json one name twice at the end", Format::kJson, [] { return numbered("{", "\"a#\":1,", 400'000, "\"A0\":2}"); }},
    {"json unknown members", Format::kJson,
     [] { return numbered(R"({"name":"gw","properties":{)", "\"backendaddresspool#\":1,", 300'000, R"("a":1}})"); }},
    {"json dangling references", Format::kJson,
     [] {
       return numbered(R"({"name":"gw","properties":{"httpListeners":[)",
                       R"({"name":"l#","properties":{"frontendPort":{"id":"x/frontendPorts/#"}}},)", 60'000, "{}]}}");
     }},
    {"json nameless elements", Format::kJson,
     [] { return R"({"name":"gw","properties":{"probes":[)" + repeat("{},", 400'000) + "{}]}}"; }},
    {"json long name", Format::kJson, [] { return "{\"" + std::string(kBytes - 8, 'n') + "\":1}"; }},
    {"json tags", Format::kJson,
     [] { return numbered(R"({"name":"gw","properties":{},"tags":{)", "\"t#\":\"#\",", 200'000, R"("t":""}})"); },
     true},
    {"yaml brackets", Format::kYaml, [] { return full_of("["); }},
    {"yaml braces", Format::kYaml, [] { return full_of("{a: "); }},
    {"yaml flow list", Format::kYaml, [] { return "a: [" + full_of("1,"); }},
    {"yaml flow list at the limit", Format::kYaml,
     [] { return "name: gw\nproperties: {}\nzones: [" + repeat("1,", kMaxFlowIndicators - 4) + "1]\n"; }, true},
    {"yaml flow map at the limit", Format::kYaml,
     [] { return "{" + numbered("", "a#: 1,", kMaxFlowIndicators - 3, "b: 1}"); }},
    {"yaml brackets at the limit", Format::kYaml, [] { return repeat("[\n", kMaxFlowIndicators); }},
    {"yaml one plain scalar", Format::kYaml, [] { return full_of("aaa\n"); }},
    {"yaml line breaks", Format::kYaml, [] { return full_of("\n"); }},
    {"yaml directives", Format::kYaml, [] { return full_of("%TAG ! a\n"); }},
    {"yaml documents", Format::kYaml, [] { return full_of("---\n"); }},
    {"yaml colons", Format::kYaml, [] { return full_of(": "); }},
    {"yaml colon lines", Format::kYaml, [] { return full_of(":\n"); }},
    {"yaml stairs", Format::kYaml,
     [] {
       std::string text;
       for (std::size_t i = 0; text.size() + i + 3 < kBytes; ++i) text += std::string(i, ' ') + "a:\n";
       return text;
     }},
    {"yaml comments", Format::kYaml, [] { return full_of("#\n"); }},
    {"yaml dashes", Format::kYaml, [] { return full_of("- "); }},
    {"yaml questions", Format::kYaml, [] { return full_of("? "); }},
    {"yaml lines", Format::kYaml, [] { return full_of("- a\n"); }},
    {"yaml quote", Format::kYaml, [] { return "a: \"" + full_of("a"); }},
    {"yaml block", Format::kYaml, [] { return "a: |\n" + full_of("  aaaaaaaaaaaaaa\n").substr(0, 4U << 20U); }},
    {"yaml bomb", Format::kYaml,
     [] {
       std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
       for (int i = 1; i < 60; ++i) {
         const std::string below = "*a" + std::to_string(i - 1);
         text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + below + "," + below + "]\n";
       }
       return text;
     }},
    {"yaml anchors", Format::kYaml, [] { return full_of("- &a b\n"); }},
    {"yaml one name twice at the end", Format::kYaml, [] { return numbered("", "a#: 1\n", 400'000, "A0: 2\n"); }},
    {"variables in a circle", Format::kJson,
     [] {
       std::string text = numbered(R"({"$schema":"x","variables":{)", R"x("v#":"[variables('v@')]",)x", 2'000, "");
       for (int i = 0; i < 2'000; ++i) {
         const std::size_t at = text.find('@');
         text.replace(at, 1, std::to_string((i + 1) % 2'000));
       }
       text.back() = '}';
       return text + R"x(,"resources":[{"type":"Microsoft.Network/applicationGateways","name":"[variables('v0')]"}]})x";
     }},
    {"copy of a thousand million", Format::kJson,
     [] {
       return std::string(
           R"({"$schema":"x","variables":{"copy":[{"name":"v","count":1000000000,"input":"x"}]},"resources":[)"
           R"x({"type":"Microsoft.Network/applicationGateways","name":"gw","properties":{"x":"[variables('v')]"}}]})x");
     }},
    {"property copy of a thousand million", Format::kJson,
     [] {
       return std::string(
           R"({"$schema":"x","resources":[{"type":"Microsoft.Network/applicationGateways","name":"gw","properties":{)"
           R"("copy":[{"name":"probes","count":1000000000,"input":{"name":"a"}}]}}]})");
     }},
    {"resource copy of a thousand million", Format::kJson,
     [] {
       return std::string(R"({"$schema":"x","resources":[{"type":"Microsoft.Network/applicationGateways","name":"gw",)"
                          R"x("copy":{"name":"l","count":1000000000},"properties":{}}]})x");
     }},
};

std::chrono::milliseconds cpu_time() {
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::clock()) * 1'000 / CLOCKS_PER_SEC);
}

#ifdef NDEBUG
constexpr std::chrono::seconds kTime{6};
constexpr std::size_t kPeakMiB = 450;

// The most memory that this process has held since reset_peak(), in MiB.
std::size_t peak() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) / 1'024;
  return 0;
}
void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }
#else
constexpr std::chrono::seconds kTime{40};               // room for the sanitizers, which own the memory too
constexpr std::size_t kPeakMiB = 1;
std::size_t peak() { return 0; }
void reset_peak() {}
#endif

TEST(DocumentBounds, TimeAndMemoryAreBounded) {
  for (const Costly& one : kCostly) {
    const std::string text = one.text();
    reset_peak();
    const auto start = cpu_time();
    const GatewayReading reading = read(text, one.format);
    const auto took = cpu_time() - start;
    EXPECT_EQ(reading.gateway.has_value(), one.reads) << one.name << "\n" << all(reading.findings);
    EXPECT_LE(reading.findings.size(), 501U) << one.name;
    EXPECT_LT(took, kTime) << one.name;
    EXPECT_LE(peak(), kPeakMiB) << one.name;
    RecordProperty(one.name, std::to_string(took.count()) + " ms, " + std::to_string(peak()) + " MiB");
    if (std::getenv("PORTCULLIS_SHOW_COSTS") != nullptr)
      std::printf("%-36s %6ld ms %5zu MiB\n", one.name, static_cast<long>(took.count()), peak());
    for (const auto& finding : reading.findings)
      EXPECT_LT(finding.message.size() + finding.pointer.size(), 4'096U)
          << one.name << ": a finding grows with the input";
  }
}

}  // namespace
}  // namespace portcullis::arm
