#include "telemetry/metrics.h"

#include <thread>

#include <gtest/gtest.h>

namespace portcullis::telemetry {
namespace {

TEST(Registry, OneSeriesForOneNameAndSetOfLabels) {
  Registry registry;
  auto& first = registry.counter("portcullis_a_total", "A.", {{"x", "1"}, {"y", "2"}});
  EXPECT_EQ(&first, &registry.counter("portcullis_a_total", "A.", {{"y", "2"}, {"x", "1"}}));
  EXPECT_NE(&first, &registry.counter("portcullis_a_total", "A.", {{"x", "1"}}));
  // A value cannot pose as another label.
  EXPECT_NE(&first, &registry.counter("portcullis_a_total", "A.", {{"x", "1\",y=\"2"}}));
}

TEST(Registry, CountsOfManyThreadsAddUp) {
  Registry registry;
  auto& counter = registry.counter("portcullis_a_total", "A.");
  auto& gauge = registry.gauge("portcullis_b", "B.");
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 5000; ++n) counter.add();
      gauge.add(3);
      gauge.add(-1);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 100'000U);
  EXPECT_EQ(gauge.value(), 40);
}

TEST(Registry, TextIsPrometheusFormat) {
  Registry registry;
  registry.counter("portcullis_b_total", "Line one\nback\\slash.", {{"name", "a\"b\\c\nd"}}).add(3);
  registry.counter("portcullis_b_total", "ignored", {{"name", "a"}});
  registry.gauge("portcullis_a", "A.").set(-5);
  EXPECT_EQ(registry.prometheus_text(),
            "# HELP portcullis_a A.\n"
            "# TYPE portcullis_a gauge\n"
            "portcullis_a -5\n"
            "# HELP portcullis_b_total Line one\\nback\\\\slash.\n"
            "# TYPE portcullis_b_total counter\n"
            "portcullis_b_total{name=\"a\"} 0\n"
            "portcullis_b_total{name=\"a\\\"b\\\\c\\nd\"} 3\n");
}

TEST(RegistryDeathTest, BadNamesAreBrokenInvariants) {
  Registry registry;
  for (const char* bad : {"", "9a_total", "a-b_total", "a b_total", "no_suffix"}) {
    EXPECT_DEATH(registry.counter(bad, "x"), "CHECK failed") << bad;
  }
  EXPECT_DEATH(registry.gauge("a_total", "x"), "CHECK failed");
  EXPECT_DEATH(registry.counter("a_total", "x", {{"bad-label", "v"}}), "CHECK failed");
}

}  // namespace
}  // namespace portcullis::telemetry
