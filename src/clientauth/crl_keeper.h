// CrlKeeper: keeps the CrlSlots true to the files that their profiles name, and to what was fetched for them. Owned by
// the control side and used on its thread only; outlives snapshots. A file that cannot be read, or holds a list that is
// refused, changes nothing: what it said before stands, and the log says why (`crl.refused`). A file that has vanished
// says what it said until forget_vanished() is called (a reload that succeeds). A profile whose lists are missing or
// too old is not an error here: its clients are refused at the gate.
//
// A list that was fetched is verified like a file's. It counts until a newer one of the same CA and scope comes, from
// whichever URL: what a URL brings can replace that, and take nothing else away. A list that is ahead of the clock
// takes the place of one in force when its time has come; what it revokes is revoked at once.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "clientauth/crl_delivery.h"
#include "clientauth/crl_slot.h"
#include "clientauth/internal/crl_disk.h"
#include "revocation/crl_index.h"
#include "x509/certificate.h"

namespace portcullis::clientauth {

// Host file revocation.crl entry.
struct CrlSettings {
  std::vector<std::string> files;  // absolute paths of files and directories
  bool fetch = false;
};

// Over these; what the trust digest has of them.
Digest settings_digest(const CrlSettings& settings);

class CrlKeeper {
 public:
  // `clock` outlives this; null: the system's.
  explicit CrlKeeper(const revocation::CrlLimits& limits = {}, const Clock* clock = nullptr)
      : limits_(limits), clock_(clock) {}
  CrlKeeper(const CrlKeeper&) = delete;
  CrlKeeper& operator=(const CrlKeeper&) = delete;

  // The slot for lists from these files, signed by one of `authorities`: the living one, looked at anew, or a new one
  // that is filled. `profile` is for the log. Files that have vanished go on saying what they said.
  std::shared_ptr<const CrlSlot> slot(const std::string& profile, const CrlSettings& settings,
                                      const x509::CertificateList& authorities);

  // Forgets what files said that are no longer there: once the configuration that looked for them is in force.
  void forget_vanished();

  // Reads what has changed since the last look. How many slots say something new. Cheap where nothing has: one stat()
  // a file.
  std::size_t look();

  // Puts lists that were fetched in force, in the slots that asked for them and in those that have some from there.
  // Lists of CAs that are not among the delivery's issuers are passed over. A slot for which any is refused keeps what
  // it has. Errors of a slot: those of read_crl_file(), parse_crl() and check_crl_signature(), and
  //   crl.unknown_issuer  no CA certificate of the profile has the name of the list's issuer
  //   crl.superseded      a newer list of that CA and scope is known: a number never goes back
  //   crl.too_many_lists  kMostUrls URLs have lists here that somebody uses, or kMostOfUrl lists came from this one
  //   crl.missing         the slot's profile is no longer served, or fetches nothing
  CrlTaken take(const CrlDelivery& delivery);
  static constexpr std::size_t kMostUrls = 64;  // of one slot
  static constexpr std::size_t kMostOfUrl = 8;  // lists of one slot

  // Whether a slot says something new since this was asked last, whichever call above found it.
  bool take_news() { return std::exchange(news_, false); }

 private:
  struct File {
    internal::FileStamp stamp;  // of what was read last, good or bad
    std::vector<revocation::SignedCrl> lists;
  };
  using Lists = std::vector<revocation::SignedCrl>;
  // A list as it came.
  struct Encoded {
    explicit Encoded(std::string bytes);
    std::string der;
    Digest digest;
  };
  struct Watched {
    std::string profile;
    CrlSettings settings;
    x509::CertificateList authorities;
    std::weak_ptr<CrlSlot> slot;
    std::map<std::string, File> files;
    std::map<std::string, Lists> fetched;  // by URL; never empty lists
  };
  // What all files and URLs together say.
  std::shared_ptr<const revocation::CrlIndex> index_of(const Watched& watched, bool tell) const;
  // Reads what has changed. Whether the index is a new one. `anew`: bad files are tried again, and missing ones
  // named.
  bool refresh(Watched& watched, CrlSlot& slot, bool anew);
  void publish(const Watched& watched, CrlSlot& slot);
  // What was fetched for others counts for a new slot as far as its authorities signed it: no reload forgets a list.
  void inherit(Watched& watched);
  // Whether the slot says something new now; `next_update` becomes earlier where these lists ask for it.
  Result<bool> take_for(Watched& watched, const CrlDelivery& delivery, const std::vector<Encoded>& encoded,
                        std::optional<WallTime>& next_update);
  // `lists`, the content of a file that said `old` before, with those of these that go on counting.
  Lists with_those_in_force(Lists lists, const Lists& old) const;
  WallTime now() const { return clock_ == nullptr ? SystemClock().wall() : clock_->wall(); }
  Result<std::vector<revocation::SignedCrl>> read(const Watched& watched, const std::string& path);
  Result<revocation::SignedCrl> verified(const Watched& watched, const Encoded& list);

  revocation::CrlLimits limits_;
  const Clock* clock_;
  bool news_ = false;
  std::map<Digest, Watched> watched_;  // by settings and authorities
  // A list that several profiles use is held once, read once, and its signature checked once by each CA certificate.
  struct Known {
    std::weak_ptr<const revocation::Crl> crl;
    std::set<Digest> signed_by;  // by the certificate's fingerprint
  };
  std::map<Digest, Known> known_;  // by the list's bytes; of lists that a profile's CA has signed
};

}  // namespace portcullis::clientauth
