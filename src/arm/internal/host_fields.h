// Fields that only the host file has: durations, paths, maps keyed by names, keys whose feature is not built yet.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "arm/host_reader.h"
#include "arm/internal/object_fields.h"
#include "base/ip_address.h"
#include "model/host_config.h"

namespace portcullis::arm {

// True where a value asks for something: not false, empty or "off".
bool asks_for_something(const Node& node);

// "8h", "100ms": as a host file would write it.
std::string duration_text(std::chrono::milliseconds value);

// A time span with a unit, in [min, max].
template <class T, class Base, class Rep, class Period>
Field<T> duration(std::chrono::duration<Rep, Period> Base::*member, std::chrono::milliseconds min,
                  std::chrono::milliseconds max) {
  return {[=](Context& context, const Node& node, const std::string& pointer, T& object) {
            const auto text = context.text_of(node, pointer);
            if (!text) return;
            const auto value = parse_duration(*text);
            if (value && *value >= min && *value <= max)
              object.*member = std::chrono::duration_cast<std::chrono::duration<Rep, Period>>(*value);
            else
              context.error("InvalidHostFile", pointer,
                            "'" + printable(*text, 40) + "' is not a time from " + std::to_string(min.count()) +
                                "ms to " + std::to_string(max.count()) +
                                "ms: write digits and ms, s, m, h or d, such as 8h (" + node.place() + ").");
          },
          Shape{.kind = ValueKind::kText, .unit = "duration", .default_value = duration_text(initial<T>().*member)}};
}

// A file of this machine, made absolute against the host file's folder; "", "-" and "off" stay as they are.
template <class T, class Base>
Field<T> path(std::string Base::*member) {
  return {[member](Context& context, const Node& node, const std::string& pointer, T& object) {
            auto value = context.text_of(node, pointer);
            if (!value) return;
            const bool word = value->empty() || *value == "-" || *value == "off";
            object.*member = word ? *value : context.absolute(*value);
          },
          Shape{.kind = ValueKind::kText, .default_value = initial<T>().*member}};
}

// "address:port" or "off".
template <class T, class Base>
Field<T> endpoint_or_off(std::string Base::*member) {
  return {[member](Context& context, const Node& node, const std::string& pointer, T& object) {
            const auto value = context.text_of(node, pointer);
            if (!value) return;
            if (*value == "off" || Endpoint::parse(*value))
              object.*member = *value;
            else
              context.error("InvalidHostFile", pointer,
                            "'" + printable(*value, 80) +
                                "' is not an address with a port, such as 127.0.0.1:9443, nor off (" + node.place() +
                                ").");
          },
          Shape{.kind = ValueKind::kText, .default_value = initial<T>().*member}};
}

// A map whose keys are the operator's names; `each(context, node, pointer, value)` reads one entry.
template <class T, class Base, class Map, class Each>
Field<T> map_of(Map Base::*member, Each each, Shape shape = {.kind = ValueKind::kMap}) {
  return {[member, each](Context& context, const Node& node, const std::string& pointer, T& object) {
            if (!node.is(Kind::kObject)) return context.wrong_type(node, pointer, "a map");
            for (const Node& entry : node.items)
              if (!entry.is(Kind::kNull))
                each(context, entry, pointer_to(pointer, entry.key), (object.*member)[entry.key]);
          },
          std::move(shape)};
}

}  // namespace portcullis::arm
