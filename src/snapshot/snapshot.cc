#include "snapshot/snapshot.h"

#include "base/strings.h"

namespace portcullis::snapshot {

const Listener* Address::find(std::string_view gateway, std::string_view listener) const {
  for (const Listener& candidate : listeners) {
    if (equals_ignore_case(candidate.name, listener) && equals_ignore_case(candidate.gateway, gateway)) {
      return &candidate;
    }
  }
  return nullptr;
}

const Address* Snapshot::find(const Endpoint& local) const {
  for (const auto& address : addresses) {
    if (address->local == local) return address.get();
  }
  return nullptr;
}

}  // namespace portcullis::snapshot
