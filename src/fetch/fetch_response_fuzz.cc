// Properties of answers as the client reads them: how the bytes are cut never matters; limits hold; what ends well has
// an end that its head or the connection gave it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "fetch/test_answers.h"

namespace {

using namespace portcullis;
using State = fetch::internal::AnswerReader::State;

void check_reader(std::string_view text, fetch::internal::AnswerLimits limits) {
  fetch::internal::AnswerReader reader(limits);
  const State before = reader.take(text);
  const State state = before == State::kNeedMore ? reader.on_eof() : before;
  CHECK(state != State::kNeedMore);
  CHECK(reader.untouched() == text.empty());
  CHECK(reader.body().size() <= limits.body);
  if (state == State::kFailed) {
    CHECK(reader.code().substr(0, 6) == "fetch." && !reader.problem().empty() && !reader.reusable());
    return;
  }
  CHECK(reader.head().status >= 200 && reader.head().status <= 599);
  // What ended only because the connection did can have no successor.
  CHECK(!reader.reusable() || (before == State::kDone && reader.head().body != http::BodyKind::kUntilClose));
  CHECK(reader.head().body != http::BodyKind::kLength || reader.body().size() == reader.head().content_length);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const fetch::internal::AnswerLimits limits{std::size_t{1} + data[0] * 16U, std::size_t{data[1]} * 4U};
  const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);
  const std::string whole = fetch::testing::answer_outcome(text, size, limits);
  CHECK(fetch::testing::answer_outcome(text, 1, limits) == whole);
  CHECK(fetch::testing::answer_outcome(text, 2 + size % 11, limits) == whole);
  check_reader(text, limits);
  return 0;
}
