#include "telemetry/metrics.h"

#include <algorithm>

#include "base/check.h"
#include "base/strings.h"

namespace portcullis::telemetry {
namespace {

// [a-zA-Z_][a-zA-Z0-9_]*: what Prometheus takes as a label name, and all we use for metric names.
bool is_name(std::string_view name) {
  if (name.empty() || is_ascii_digit(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_ascii_alpha(c) || is_ascii_digit(c) || c == '_'; });
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

std::string render_labels(Labels labels) {
  if (labels.empty()) return {};
  std::sort(labels.begin(), labels.end());
  std::string out;
  for (const auto& [name, value] : labels) {
    CHECK(is_name(name));
    out += out.empty() ? '{' : ',';
    out += name;
    out += "=\"";
    append_escaped(out, value, true);
    out += '"';
  }
  out += '}';
  return out;
}

template <class Series>
void append_series(std::string& out, const std::string& name, const Series& series) {
  for (const auto& [labels, value] : series) {
    out += name;
    out += labels;
    out += ' ';
    out += std::to_string(value->value());
    out += '\n';
  }
}

}  // namespace

std::size_t Counter::next_shard() {
  static std::atomic<std::size_t> next{0};
  return next.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t Counter::value() const {
  std::uint64_t sum = 0;
  for (const Shard& shard : shards_) sum += shard.count.load(std::memory_order_relaxed);
  return sum;
}

Registry::Family& Registry::family(std::string_view name, std::string_view help, bool is_counter) {
  CHECK(is_name(name));
  CHECK(name.ends_with("_total") == is_counter);
  auto found = families_.find(name);
  if (found == families_.end()) {
    found = families_.emplace(std::string(name), Family{}).first;
    found->second.help = help;
    found->second.is_counter = is_counter;
  }
  return found->second;
}

Counter& Registry::counter(std::string_view name, std::string_view help, Labels labels) {
  const std::scoped_lock lock(mutex_);
  auto& slot = family(name, help, true).counters[render_labels(std::move(labels))];
  if (slot == nullptr) slot = std::make_unique<Counter>();
  return *slot;
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, Labels labels) {
  const std::scoped_lock lock(mutex_);
  auto& slot = family(name, help, false).gauges[render_labels(std::move(labels))];
  if (slot == nullptr) slot = std::make_unique<Gauge>();
  return *slot;
}

std::string Registry::prometheus_text() const {
  const std::scoped_lock lock(mutex_);
  std::string out;
  for (const auto& [name, family] : families_) {
    out += "# HELP " + name + ' ';
    append_escaped(out, family.help, false);
    out += "\n# TYPE " + name + (family.is_counter ? " counter\n" : " gauge\n");
    append_series(out, name, family.counters);
    append_series(out, name, family.gauges);
  }
  return out;
}

}  // namespace portcullis::telemetry
