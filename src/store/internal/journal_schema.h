// The journal's tables. `refused` is the half of the ring that an entry belongs to. The view `journal` is for people
// with a shell and for tests: it is not what programs read.
#pragma once

#include "store/internal/kept_database.h"

namespace portcullis::store::internal {

// "PCJ1": tells a journal from other databases.
inline constexpr int kJournalApplication = 0x50434a31;

// 2: what was known of revocation.
inline constexpr int kJournalSchema = 2;

extern const DatabaseKind kJournalKind;

}  // namespace portcullis::store::internal
