#include "tls/ticket_keys.h"

#include <algorithm>
#include <bitset>
#include <optional>
#include <string>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/strings.h"

namespace portcullis::tls {
namespace {

constexpr std::size_t kKeyBytes = 80;
// Of 64 random bytes about 57 differ, and fewer than this never. It refuses zeros, counters and words as keys.
constexpr std::size_t kLeastDifferentBytes = 24;

template <std::size_t size>
bool read_hex(std::string_view& text, std::array<unsigned char, size>& out) {
  for (unsigned char& byte : out) {
    const int high = hex_value(text[0]), low = hex_value(text[1]);
    if (high < 0 || low < 0) return false;
    byte = static_cast<unsigned char>(high << 4 | low);
    text.remove_prefix(2);
  }
  return true;
}

bool looks_random(const TicketKey& key) {
  std::bitset<256> seen;
  for (const unsigned char byte : key.cipher) seen.set(byte);
  for (const unsigned char byte : key.mac) seen.set(byte);
  return seen.count() >= kLeastDifferentBytes && key.cipher != key.mac;
}

tl::unexpected<Error> bad_line(std::size_t line, const char* why) {
  return fail("tls.ticket_keys", "line " + std::to_string(line) + " " + why);
}

// One line as a key; `why` when it is none.
std::shared_ptr<TicketKey> read_key(std::string_view line, const char*& why) {
  if (line.size() != 2 * kKeyBytes) {
    why = "is not 160 hexadecimal digits long (80 bytes); make one with `openssl rand -hex 80`";
    return nullptr;
  }
  auto key = std::make_shared<TicketKey>();
  if (!read_hex(line, key->name) || !read_hex(line, key->cipher) || !read_hex(line, key->mac)) {
    why = "holds something else than hexadecimal digits";
    return nullptr;
  }
  if (!looks_random(*key)) {
    why = "is no random key; make one with `openssl rand -hex 80`";
    return nullptr;
  }
  return key;
}

}  // namespace

TicketKey::~TicketKey() {
  OPENSSL_cleanse(cipher.data(), cipher.size());
  OPENSSL_cleanse(mac.data(), mac.size());
}

std::shared_ptr<TicketKeys> TicketKeys::of_this_process() { return std::shared_ptr<TicketKeys>(new TicketKeys(true)); }

Result<std::shared_ptr<TicketKeys>> TicketKeys::parse(std::string_view text) {
  if (text.size() > kMostFileBytes) return fail("tls.ticket_keys", "the file is over 16 KiB");
  std::shared_ptr<TicketKeys> made(new TicketKeys(false));
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const char* why = nullptr;
    std::shared_ptr<TicketKey> key = read_key(line, why);
    if (key == nullptr) return bad_line(number, why);
    for (const TicketKeyPtr& other : made->keys_) {
      if (other->name == key->name) return bad_line(number, "repeats the name (first 16 bytes) of a key above it");
      if (other->cipher == key->cipher || other->mac == key->mac) return bad_line(number, "repeats a key above it");
    }
    if (made->keys_.size() == kMostKeys) return bad_line(number, "is one key too many: 16 at most");
    made->keys_.push_back(std::move(key));
  }
  if (made->keys_.empty()) return fail("tls.ticket_keys", "the file holds no key");
  return made;
}

void TicketKeys::renew(MonoTime now) {
  if (!renewed_) return;
  const auto age = now - made_;
  if (!keys_.empty() && age < kSealsFor) return;
  // Nobody asked for a long time: the key that should be the previous one is too old even for that.
  if (age >= 2 * kSealsFor) keys_.clear();
  auto key = std::make_shared<TicketKey>();
  if (RAND_bytes(key->name.data(), static_cast<int>(key->name.size())) != 1 ||
      RAND_priv_bytes(key->cipher.data(), static_cast<int>(key->cipher.size())) != 1 ||
      RAND_priv_bytes(key->mac.data(), static_cast<int>(key->mac.size())) != 1) {
    keys_.clear();
    return;
  }
  keys_.insert(keys_.begin(), std::move(key));
  if (keys_.size() > 2) keys_.pop_back();
  made_ = now;
}

TicketKeyPtr TicketKeys::sealing(MonoTime now) {
  const std::lock_guard lock(mutex_);
  renew(now);
  return keys_.empty() ? nullptr : keys_.front();
}

TicketKeyPtr TicketKeys::find(std::string_view name, MonoTime now) {
  const std::lock_guard lock(mutex_);
  renew(now);
  const auto found = std::find_if(keys_.begin(), keys_.end(), [name](const TicketKeyPtr& key) {
    return std::string_view(reinterpret_cast<const char*>(key->name.data()), key->name.size()) == name;
  });
  return found == keys_.end() ? nullptr : *found;
}

}  // namespace portcullis::tls
