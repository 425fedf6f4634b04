#include "server/revocation_memory.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "store/answer_file.h"
#include "store/list_keeper.h"
#include "x509/sha256.h"

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

std::optional<clientauth::SavedCrl> list_in(const std::string& directory, const std::string& url) {
  auto found = store::find_list(directory, x509::sha256(url), url);
  if (!found) return std::nullopt;
  return clientauth::SavedCrl{std::move(found->bytes), found->fetched_at};
}

// Of any listener's clients.
template <class Holds>
bool any_policy(const snapshot::Snapshot& snapshot, Holds holds) {
  return std::any_of(snapshot.addresses.begin(), snapshot.addresses.end(), [&holds](const auto& address) {
    return std::any_of(address->listeners.begin(), address->listeners.end(),
                       [&holds](const snapshot::Listener& listener) {
                         return listener.verifier != nullptr && holds(listener.verifier->policy());
                       });
  });
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

clientauth::CrlFetcher::Memory lists_memory_in(store::Store& store) {
  clientauth::CrlFetcher::Memory memory;
  memory.save = [&store](const std::string& url, const std::string& bytes, WallTime fetched_at) {
    return store.lists().save({.key = x509::sha256(url), .url = url, .bytes = bytes, .fetched_at = fetched_at});
  };
  memory.load = [&store](const std::string& url) -> std::optional<clientauth::SavedCrl> {
    if (!store.lists().enabled()) return std::nullopt;
    return list_in(store.lists().directory(), url);
  };
  return memory;
}

clientauth::CrlFetcher::Memory saved_lists_in(const std::string& state_dir) {
  clientauth::CrlFetcher::Memory memory;
  memory.load = [directory = store::lists_path(state_dir)](const std::string& url) { return list_in(directory, url); };
  return memory;
}

bool asks_responders(const snapshot::Snapshot& snapshot) {
  return any_policy(snapshot, [](const clientauth::ClientPolicy& policy) { return policy.ocsp.has_value(); });
}

bool fetches_lists(const snapshot::Snapshot& snapshot) {
  return any_policy(snapshot, [](const clientauth::ClientPolicy& policy) { return policy.crl && policy.crl->fetch; });
}

}  // namespace portcullis::server
