#include "server/live_connections.h"

namespace portcullis::server {

void LiveConnections::add(LiveConnection& connection) {
  connection.previous = last_;
  connection.next = nullptr;
  (last_ == nullptr ? first_ : last_->next) = &connection;
  last_ = &connection;
}

void LiveConnections::remove(LiveConnection& connection) {
  for (Walk* walk = walks_; walk != nullptr; walk = walk->other_) {
    if (walk->at_ == &connection) walk->at_ = connection.next;
  }
  (connection.previous == nullptr ? first_ : connection.previous->next) = connection.next;
  (connection.next == nullptr ? last_ : connection.next->previous) = connection.previous;
}

LiveConnections::Walk::Walk(LiveConnections& list) : list_(list), at_(list.first_), other_(list.walks_) {
  list_.walks_ = this;
}

LiveConnections::Walk::~Walk() {
  Walk** place = &list_.walks_;
  while (*place != this) place = &(*place)->other_;
  *place = other_;
}

LiveConnection* LiveConnections::Walk::next() {
  LiveConnection* const found = at_;
  if (found != nullptr) at_ = found->next;
  return found;
}

}  // namespace portcullis::server
