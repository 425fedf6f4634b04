#include "server/ocsp_memory.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "store/answer_file.h"

namespace portcullis::server {

using clientauth::OcspService;

namespace {

std::function<std::optional<OcspService::Saved>(const Digest&)> look_up_in(const std::string& path) {
  const auto reader = std::make_shared<store::AnswerReader>(path);
  return [reader](const Digest& key) -> std::optional<OcspService::Saved> {
    std::optional<store::SavedAnswer> found = reader->find(key);
    if (!found) return std::nullopt;
    OcspService::Saved answer;
    answer.response = std::move(found->response);
    answer.revoked = found->revoked;
    answer.this_update = found->this_update;
    answer.heard_at = found->heard_at;
    answer.until = found->until;
    return answer;
  };
}

}  // namespace

OcspService::Memory memory_in(store::Store& store) {
  OcspService::Memory memory;
  memory.save = [&store](const Digest& key, OcspService::Saved answer) {
    store.answers().save({.key = key,
                          .response = std::move(answer.response),
                          .revoked = answer.revoked,
                          .this_update = answer.this_update,
                          .heard_at = answer.heard_at,
                          .until = answer.until});
  };
  // A connection of its own: what the store's thread waits for when it writes, nobody waits for who asks.
  const auto look_up = look_up_in(store.answers().path());
  memory.load = [&store, look_up](const Digest& key) -> std::optional<OcspService::Saved> {
    if (!store.answers().enabled()) return std::nullopt;
    return look_up(key);
  };
  return memory;
}

OcspService::Memory saved_in(const std::string& state_dir) {
  OcspService::Memory memory;
  memory.load = look_up_in(store::answers_path(state_dir));
  return memory;
}

bool asks_responders(const snapshot::Snapshot& snapshot) {
  return std::any_of(snapshot.addresses.begin(), snapshot.addresses.end(), [](const auto& address) {
    return std::any_of(address->listeners.begin(), address->listeners.end(), [](const snapshot::Listener& listener) {
      return listener.verifier != nullptr && listener.verifier->policy().ocsp.has_value();
    });
  });
}

}  // namespace portcullis::server
