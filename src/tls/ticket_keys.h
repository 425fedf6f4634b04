// TicketKeys: what stateless session tickets are sealed with, AES-256-CBC and then HMAC-SHA-256 over name, IV and
// ciphertext. Either keys of this process, which live in memory and change on their own, or the keys of a file, which
// several machines share. Shared by all doors and workers; locked for a look-up only. Thread-safe. Keys are wiped when
// they go.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace portcullis::tls {

struct TicketKey {
  TicketKey() = default;
  ~TicketKey();
  TicketKey(const TicketKey&) = delete;
  TicketKey& operator=(const TicketKey&) = delete;

  std::array<unsigned char, 16> name{};  // says in clear text which key sealed a ticket
  std::array<unsigned char, 32> cipher{};
  std::array<unsigned char, 32> mac{};
};
using TicketKeyPtr = std::shared_ptr<const TicketKey>;

class TicketKeys {
 public:
  // How long a key of this process seals. Its predecessor goes on opening tickets for as long again.
  static constexpr std::chrono::hours kSealsFor{12};
  static constexpr std::size_t kMostKeys = 16;
  static constexpr std::size_t kMostFileBytes = 16 * 1024;

  // Keys of this process, from OpenSSL's generator for private values; the first is made when it is needed.
  static std::shared_ptr<TicketKeys> of_this_process();

  // The keys of a file's text: 1 to kMostKeys lines of 160 hexadecimal digits, each an 80-byte key (16 name, 32 cipher,
  // 32 MAC; `openssl rand -hex 80`). The first seals; all open. Empty lines and lines that begin with `#` are skipped;
  // anything else refuses the whole file. Error `tls.ticket_keys`: which line, and why; never a key.
  static Result<std::shared_ptr<TicketKeys>> parse(std::string_view text);

  // The key to seal with at `now`; null when no random bytes could be had.
  TicketKeyPtr sealing(MonoTime now);
  // The key of that name, where it still opens tickets at `now`; null otherwise.
  TicketKeyPtr find(std::string_view name, MonoTime now);

 private:
  explicit TicketKeys(bool renewed) : renewed_(renewed) {}
  void renew(MonoTime now);

  const bool renewed_;
  std::mutex mutex_;
  std::vector<TicketKeyPtr> keys_;  // the sealing one first
  MonoTime made_{};                 // the first of them, where they are renewed
};

}  // namespace portcullis::tls
