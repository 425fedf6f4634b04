// What one reading carries along: the findings so far, the names that references may point at, what may be read from
// disk. Owned by the function that reads one document, on its thread; every table field receives it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arm/document.h"
#include "arm/gateway_reader.h"
#include "base/strings.h"
#include "model/finding.h"
#include "model/gateway.h"

namespace portcullis::arm {

// A document with more mistakes than this is answered with the first ones and a count.
inline constexpr std::size_t kMaxFindings = 500;

class Context {
 public:
  Context(Format format, ReadOptions options) : format_(format), options_(std::move(options)) {}

  void error(std::string_view code, std::string pointer, std::string message);
  // The same, with the node's line and column in the finding.
  void error_at(const Node& node, std::string_view code, std::string pointer, std::string message);
  void warning(std::string_view code, std::string pointer, std::string message);
  // "InvalidJson: Error converting value …": `expected` says what the property takes, `type` the name of that for
  // Azure. Never shows the value itself.
  void wrong_type(const Node& node, const std::string& pointer, std::string_view expected, std::string_view type = {});
  // "Error converting value "shown": `expected` is expected here". `shown` must not be a secret.
  void wrong_value(const Node& node, const std::string& pointer, const std::string& shown, const std::string& expected);
  void missing_member(const Node& node, const std::string& pointer, std::string_view name, std::string_view type);
  void unknown_member(const Node& node, const std::string& pointer, std::string_view type,
                      const std::vector<std::string_view>& known);

  // In a template, a string "[…]" is an expression ("[[…" is an escaped literal).
  void treat_as_template() { template_ = true; }
  bool is_expression(const Node& node) const;
  // The value of a string or number node, template escape removed; nothing, and a finding, for any other kind.
  std::optional<std::string> text_of(const Node& node, const std::string& pointer);
  std::optional<std::uint64_t> number_of(const Node& node, const std::string& pointer, std::uint64_t min,
                                         std::uint64_t max);
  std::optional<bool> boolean_of(const Node& node, const std::string& pointer);

  // Remembers every sub-resource name of the gateway's `properties`, for resolve().
  void index_names(const Node& properties, std::string gateway_name, std::string gateway_id);
  // A reference to an element of `collection` (its wire name), with the target's own spelling.
  std::optional<model::Ref> resolve(const Node& node, const std::string& pointer, std::string_view collection);
  // `{id: …}` of something outside this gateway: the id as given. `type`: the last type of a full id ("subnets");
  // empty: any.
  std::optional<std::string> external_id(const Node& node, const std::string& pointer, std::string_view type);

  // The bytes of a `data` value: '@file', PEM text, or base64 of either PEM or binary. Nothing, and a finding, when it
  // names a file that may not or cannot be read; undecodable text is handed on as it is.
  std::optional<model::Blob> blob_of(const std::string& value, const std::string& pointer);
  std::optional<model::Blob> read_file(const std::string& path, const std::string& pointer);
  std::string absolute(const std::string& path) const;

  Format format() const { return format_; }
  // The gateway's id, as the document's first full reference to a part of it spells it; empty: there was none.
  const std::string& id_base() const { return id_base_; }
  model::Findings take_findings();

 private:
  bool room_for_one();
  std::optional<model::Ref> resolve_id(const Node& node, const std::string& id, const std::string& pointer,
                                       std::string_view collection);
  std::optional<model::Ref> resolve_name(const Node& node, const std::string& name, const std::string& shown,
                                         const std::string& pointer, std::string_view collection);
  void reference_missing(const Node& node, const std::string& pointer);
  void reference_malformed(const Node& node, const std::string& id, const std::string& pointer,
                           const std::string& expected);
  // The full id of this gateway and of a part of it, as far as the document tells.
  std::string gateway_id() const;
  std::string own_id(std::string_view collection, std::string_view name) const;
  // The id of the sub-resource that holds the place `pointer`.
  std::string referrer(const std::string& pointer) const;

  Format format_;
  ReadOptions options_;
  bool template_ = false;
  std::size_t dropped_ = 0;
  model::Findings findings_;
  std::string gateway_name_;
  // collection → name → name as spelled by the element
  std::map<std::string, std::map<std::string, std::string, LessIgnoreCase>, LessIgnoreCase> names_;
  // collection as spelled → names in document order
  std::map<std::string, std::vector<std::string>> ordered_;
  std::string id_base_;
};

}  // namespace portcullis::arm
