// A VariableSource out of a table, for this room's tests and fuzz target: http_req_ and http_resp_ are read from the
// live fields when there are any, everything else from the table by its spelling in a template.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "http/fields.h"
#include "routing/variables.h"

namespace portcullis::routing::internal {

class TableSource final : public VariableSource {
 public:
  using Values = std::map<std::string, std::string>;

  explicit TableSource(Values values = {}, const http::Fields* fields = nullptr)
      : values_(std::move(values)), fields_(fields) {}

  void append(const VariableRef& variable, std::string& out) const override {
    const bool header = variable.kind == Variable::kRequestHeader || variable.kind == Variable::kResponseHeader;
    if (header && fields_ != nullptr) {
      out += fields_->get(variable.argument).value_or("");
      return;
    }
    const auto found = values_.find(to_string(variable));
    if (found != values_.end()) out += found->second;
  }

 private:
  Values values_;
  const http::Fields* fields_;
};

}  // namespace portcullis::routing::internal
