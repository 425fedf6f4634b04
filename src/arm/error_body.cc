#include "arm/error_body.h"

#include <algorithm>

#include "arm/internal/writing.h"
#include "base/strings.h"

namespace portcullis::arm {
namespace {

using model::Finding;

bool is_format_error(const Finding& finding) {
  return finding.code == "InvalidJson" || finding.code == "InvalidYaml" || finding.code == "MissingJsonReferenceId" ||
         finding.code == "InvalidJsonReferenceFormat";
}

// The place says it better, and in Azure's words.
std::string without_place(std::string message) {
  const std::size_t from = message.find(" (line ");
  if (from == std::string::npos) return message;
  const std::size_t to = message.find(')', from);
  if (to != std::string::npos) message.erase(from, to + 1 - from);
  return message;
}

std::string azure_message(const Finding& finding) {
  std::string message = without_place(finding.message);
  std::string path = dotted_path(finding.pointer);
  if (path.empty()) return message;
  if (finding.code != "InvalidJson") {
    // Azure names the reference, the finding its id.
    constexpr std::string_view kId = ".id";
    if (path.size() > kId.size() && equals_ignore_case(std::string_view(path).substr(path.size() - kId.size()), kId))
      path.resize(path.size() - kId.size());
    return message + " Path " + path + ".";
  }
  message += " Path '" + path + "'";
  if (finding.line > 0)
    message += ", line " + std::to_string(finding.line) + ", position " + std::to_string(finding.column);
  return message + ".";
}

Node entry(const std::string& code, std::string message) {
  Node node = container(Kind::kObject);
  add_member(node, "code", json_text(code));
  add_member(node, "message", json_text(std::move(message)));
  return node;
}

}  // namespace

std::string dotted_path(std::string_view pointer) {
  std::string path;
  for (const std::string_view token : split(pointer, '/')) {
    if (token.empty()) continue;
    if (parse_uint(token)) {
      path += "[" + std::string(token) + "]";
      continue;
    }
    if (!path.empty()) path += '.';
    for (std::size_t i = 0; i < token.size(); ++i) {
      const bool escape = token[i] == '~' && i + 1 < token.size();
      path += escape ? (token[++i] == '1' ? '/' : '~') : token[i];
    }
  }
  return path;
}

Node error_body(const model::Findings& findings) {
  std::vector<const Finding*> errors;
  for (const Finding& finding : findings)
    if (finding.severity == model::Severity::kError) errors.push_back(&finding);
  const bool unreadable =
      std::any_of(errors.begin(), errors.end(), [](const Finding* f) { return is_format_error(*f); });
  Node details = container(Kind::kArray);
  Node error;
  if (unreadable || errors.empty()) {
    error = entry("InvalidRequestFormat", "Cannot parse the request.");
  } else {
    error = entry(errors.front()->code, errors.front()->message);
    errors.erase(errors.begin());
  }
  for (const Finding* finding : errors)
    details.items.push_back(
        entry(finding->code, is_format_error(*finding) ? azure_message(*finding) : finding->message));
  add_member(error, "details", std::move(details));
  Node body = container(Kind::kObject);
  add_member(body, "error", std::move(error));
  return body;
}

}  // namespace portcullis::arm
