// TroubleReport: tells in the program log that a file of the state directory cannot be kept, each kind of failure at
// once and then once in a while, with what it has cost since it was last told. The store's thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace portcullis::store::internal {

class TroubleReport {
 public:
  // `event` and `path` for the log line; `every`: between two lines about the same kind of failure.
  TroubleReport(std::string event, std::string path, std::chrono::milliseconds every);

  // `lost`: what could not be written for it and was given up.
  void tell(const Error& error, MonoTime now, std::uint64_t lost);
  // It works again. True where something had been told.
  bool over();

 private:
  std::string event_, path_;
  std::chrono::milliseconds every_;
  std::string told_;  // the code of the failure that was told last; empty: all is well
  MonoTime next_{};
  std::uint64_t lost_ = 0;
};

}  // namespace portcullis::store::internal
