// clang-format off: eventhandler.h needs anchor.h before it
#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>
// clang-format on

#include <sstream>

#include "arm/document.h"
#include "arm/internal/tree_builder.h"
#include "arm/internal/yaml_scalar.h"

namespace portcullis::arm {
namespace {

// Thrown through yaml-cpp to stop its recursive descent, and caught below: the library offers no other way to stop.
struct Stop {};

Position position(const YAML::Mark& mark) {
  return {static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
}

class Events final : public YAML::EventHandler {
 public:
  explicit Events(TreeBuilder& tree) : tree_(tree) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    if (tree_.wants_key()) stop("a name is missing before the ':'", mark);
    require(tree_.scalar(Kind::kNull, {}, position(mark)));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    stop("aliases ('*name') are not accepted; write the value out", mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (tree_.wants_key()) {
      require(tree_.key(value, position(mark)));
      return;
    }
    const Kind kind = tag == "?" ? yaml_core_kind(value) : Kind::kString;
    require(tree_.scalar(kind, kind == Kind::kBoolean ? to_lower(value) : value, position(mark)));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Kind::kArray, mark, tag, anchor);
  }
  void OnSequenceEnd() override { require(tree_.close()); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Kind::kObject, mark, tag, anchor);
  }
  void OnMapEnd() override { require(tree_.close()); }

 private:
  void open(Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (tree_.wants_key()) stop("a name must be a plain scalar, not a list or a map", mark);
    require(tree_.open(kind, position(mark)));
  }
  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) stop("anchors ('&name') are not accepted; write the value out", mark);
  }
  // yaml-cpp reports "?" for plain, "!" for quoted scalars and "" or "?" for untagged collections.
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.size() > 1) stop("tags ('!name') are not accepted; quote the value to make it a string", mark);
  }
  void require(bool proceed) {
    if (!proceed) throw Stop{};
  }
  [[noreturn]] void stop(const char* message, const YAML::Mark& mark) {
    tree_.fail(message, position(mark));
    throw Stop{};
  }

  TreeBuilder& tree_;
};

// Tabs and control bytes, which YAML forbids in places that depend on context: here they are refused everywhere but in
// comment lines, so that a document never means something else than it looks like.
bool refuse_controls(std::string_view text, TreeBuilder& tree) {
  std::uint32_t line_number = 0;
  for (std::size_t from = 0; from <= text.size();) {
    const std::string_view line = text.substr(from, text.find('\n', from) - from);
    from += line.size() + 1;
    ++line_number;
    const bool comment = trim(line).starts_with('#');
    for (std::size_t i = 0; i < line.size(); ++i) {
      const auto c = static_cast<unsigned char>(line[i]);
      const Position at{line_number, static_cast<std::uint32_t>(i + 1)};
      if (c == '\t' && !comment)
        return tree.fail("a tab character: indent with spaces, and write \\t inside double quotes", at);
      if ((c < 0x20 && c != '\t' && !(c == '\r' && i + 1 == line.size())) || c == 0x7f)
        return tree.fail("a control character", at);
    }
  }
  return true;
}

// yaml-cpp keeps every token of a flow collection ("[…]", "{…}") until it has seen whether a ':' follows its end: what
// it may keep is bounded here, since no event comes before that. Strings count too: knowing them would take a parser.
bool refuse_flow(std::string_view text, TreeBuilder& tree) {
  std::size_t indicators = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c == '[' || c == '{' || c == ',' || c == ']' || c == '}') && ++indicators > kMaxFlowIndicators)
      return tree.fail("more than " + std::to_string(kMaxFlowIndicators) +
                           " brackets, braces and commas: write one value a line, or JSON",
                       position_of(text, i));
  }
  return true;
}

void run_parser(std::string_view text, TreeBuilder& tree) {
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Events events(tree);
    if (!parser.HandleNextDocument(events)) return;
    if (parser.HandleNextDocument(events)) tree.fail("only one YAML document is accepted in a file", {});
  } catch (const Stop&) {
    return;
  } catch (const YAML::Exception& error) {
    // `msg` is the library's fixed text for the kind of mistake; it quotes nothing of the document but anchor names.
    tree.fail("this is not YAML: " + printable(error.msg, 120), position(error.mark));
  } catch (const std::exception&) {
    tree.fail("the YAML parser gave up on this document", {});
  }
}

}  // namespace

ParsedDocument parse_yaml(std::string_view text) {
  if (auto refused = refuse_text(text, "InvalidYaml")) return {Node{}, std::move(*refused)};
  TreeBuilder tree("InvalidYaml");
  if (refuse_controls(text, tree) && refuse_flow(text, tree)) run_parser(text, tree);
  return tree.finish();
}

}  // namespace portcullis::arm
