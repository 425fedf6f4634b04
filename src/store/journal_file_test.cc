#include "store/journal_file.h"

#include <csignal>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store/test_journal.h"

namespace portcullis::store {
namespace {

using namespace std::chrono_literals;

struct JournalFileTest : JournalTest {};

TEST_F(JournalFileTest, KeepsEverythingThatANoteSays) {
  auto file = open();
  JournalNote note = test_note("client_cert.expired", "2001:db8::7");
  note.connection = 41;
  note.request = 3;
  note.log_value = "FAILED:certificate has expired";
  note.detail = "said so";
  note.gateway = "gw";
  note.sni = "a.test";
  note.host = "b.test";
  note.protocol = "TLSv1.3";
  note.cipher = "TLS_AES_128_GCM_SHA256";
  note.resumed = true;
  note.peer = test_peer("leaf", {"int", "root"});
  ASSERT_TRUE(append(*file, {note}));
  const auto entries = all();
  ASSERT_EQ(entries.size(), 1U);
  const JournalEntry& entry = entries[0];
  EXPECT_EQ(entry.time, kNow);
  EXPECT_EQ(entry.run_started, started);
  EXPECT_EQ(entry.connection, 41U);
  EXPECT_EQ(entry.request, 3U);
  EXPECT_EQ(entry.event, "request");
  EXPECT_EQ(entry.outcome, "refused");
  EXPECT_EQ(entry.reason, "client_cert.expired");
  EXPECT_EQ(entry.log_value, "FAILED:certificate has expired");
  EXPECT_EQ(entry.detail, "said so");
  EXPECT_EQ(entry.gateway, "gw");
  EXPECT_EQ(entry.listener, "strict");
  EXPECT_EQ(entry.address, "192.0.2.99:443");
  EXPECT_EQ(entry.client, "2001:db8::7");
  EXPECT_EQ(entry.client_port, 40'000);
  EXPECT_EQ(entry.sni, "a.test");
  EXPECT_EQ(entry.host, "b.test");
  EXPECT_EQ(entry.protocol, "TLSv1.3");
  EXPECT_EQ(entry.cipher, "TLS_AES_128_GCM_SHA256");
  EXPECT_TRUE(entry.resumed);
  EXPECT_EQ(entry.subject, "CN=leaf");
  EXPECT_EQ(entry.issuer, "CN=Issuer");
  EXPECT_EQ(entry.serial, "0A");
  EXPECT_EQ(entry.sha256, hex_lower(fake_digest("leaf")));
  EXPECT_EQ(entry.not_before, kNow);
  EXPECT_EQ(entry.not_after, kNow + 1h);
  auto reader = JournalReader::open(path);
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->chain(entry.chain).value(), (std::vector<std::string>{"DER of leaf", "DER of int", "DER of root"}));
}

TEST_F(JournalFileTest, KeepsWhatWasKnownOfRevocation) {
  auto file = open();
  JournalNote failed = test_note("client_cert.status_request_failed");
  failed.connection = 2;
  failed.revocation = {.source = "ocsp", .status = "failed", .reason = "ocsp.timeout"};
  JournalNote good = test_note();
  good.connection = 3;
  good.event = JournalEvent::kVerdict;
  good.revocation = {.source = "ocsp",
                     .status = "good",
                     .reason = {},
                     .responder = "http://r.test/",
                     .this_update = kNow - 1h,
                     .next_update = kNow + 1h,
                     .revoked_at = {},
                     .age = 1500ms,
                     .latency = 20ms,
                     .cache_hit = true,
                     .allowed = true};
  // Statements are used again: what one entry has the next must not.
  ASSERT_TRUE(append(*file, {test_note(), good, failed}));
  const auto entries = all();
  ASSERT_EQ(entries.size(), 3U);
  const JournalRevocation& of_failed = entries[0].revocation;
  EXPECT_EQ(of_failed.source, "ocsp");
  EXPECT_EQ(of_failed.status, "failed");
  EXPECT_EQ(of_failed.reason, "ocsp.timeout");
  EXPECT_EQ(of_failed.responder, "");
  EXPECT_FALSE(of_failed.this_update || of_failed.next_update || of_failed.age || of_failed.latency);
  EXPECT_FALSE(of_failed.cache_hit || of_failed.allowed);
  const JournalRevocation& of_good = entries[1].revocation;
  EXPECT_EQ(entries[1].event, "verdict");
  EXPECT_EQ(of_good.status, "good");
  EXPECT_EQ(of_good.responder, "http://r.test/");
  EXPECT_EQ(of_good.this_update, kNow - 1h);
  EXPECT_EQ(of_good.next_update, kNow + 1h);
  EXPECT_FALSE(of_good.revoked_at);
  EXPECT_EQ(of_good.age, 1500ms);
  EXPECT_EQ(of_good.latency, 20ms);
  EXPECT_TRUE(of_good.cache_hit && of_good.allowed);
  EXPECT_EQ(entries[2].revocation.source, "");
  EXPECT_EQ(number("SELECT count(*) FROM entry WHERE cache_hit IS NULL"), 1);
}

TEST_F(JournalFileTest, IsReadableByNobodyElse) {
  const mode_t before = umask(0);
  auto file = open();
  ASSERT_TRUE(append(*file, {test_note()}));
  umask(before);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat status {};
    ASSERT_EQ(stat((path + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600U) << suffix;
  }
}

TEST_F(JournalFileTest, AChainAndEachOfItsCertificatesAreThereOnce) {
  auto file = open();
  std::vector<JournalNote> notes;
  for (int i = 0; i < 30; ++i) {
    notes.push_back(test_note());
    notes.back().peer = test_peer("leaf-" + std::to_string(i % 3));
  }
  ASSERT_TRUE(append(*file, notes));
  ASSERT_TRUE(append(*file, notes));
  EXPECT_EQ(number("SELECT count(*) FROM entry"), 60);
  EXPECT_EQ(number("SELECT count(*) FROM chain"), 3);
  EXPECT_EQ(number("SELECT count(*) FROM certificate"), 4) << "three leaves and one CA";
}

TEST_F(JournalFileTest, TheOldestGivesWayWithAChainThatNothingElseNames) {
  auto file = open(10);
  for (int i = 0; i < 25; ++i) {
    JournalNote note = test_note();
    note.connection = static_cast<std::uint64_t>(i);
    note.peer = test_peer("leaf-" + std::to_string(i));
    ASSERT_TRUE(append(*file, {note}));
  }
  const auto entries = all();
  ASSERT_EQ(entries.size(), 10U);
  EXPECT_EQ(entries.front().connection, 24U);
  EXPECT_EQ(entries.back().connection, 15U);
  EXPECT_EQ(file->entries(), 10U);
  EXPECT_EQ(number("SELECT count(*) FROM chain"), 10);
  EXPECT_EQ(number("SELECT count(*) FROM certificate"), 11);
  EXPECT_EQ(number("SELECT count(*) FROM chain_certificate"), 20);
}

TEST_F(JournalFileTest, ABatchLargerThanTheRingLeavesItsEnd) {
  auto file = open(10);
  std::vector<JournalNote> notes;
  for (std::uint64_t i = 0; i < 100; ++i) {
    notes.push_back(test_note());
    notes.back().connection = i;
  }
  ASSERT_TRUE(append(*file, notes));
  const auto entries = all();
  ASSERT_EQ(entries.size(), 10U);
  EXPECT_EQ(entries.back().connection, 90U);
}

TEST_F(JournalFileTest, AdmittedClientsDoNotPushOutRefusalsNorTheOtherWayRound) {
  auto file = open(100);
  ASSERT_TRUE(append(*file, {test_note("client_cert.expired"), test_note("client_cert.missing")}));
  ASSERT_TRUE(append(*file, std::vector<JournalNote>(1'000, test_note())));
  EXPECT_EQ(all({.outcome = JournalOutcome::kRefused}).size(), 2U);
  EXPECT_EQ(file->entries(), 100U);
  ASSERT_TRUE(append(*file, std::vector<JournalNote>(1'000, test_note("tls.handshake_failed"))));
  EXPECT_EQ(all({.outcome = JournalOutcome::kRefused}).size(), 50U);
  EXPECT_EQ(all({.outcome = JournalOutcome::kAdmitted}).size(), 50U);
}

TEST_F(JournalFileTest, IsBoundedInBytesHoweverLargeTheChains) {
  auto opened = options(100'000);
  opened.limits.bytes = JournalLimits::kLeastBytes;
  opened.describe = [](const void* peer) {
    JournalPeer made = describe_test_peer(peer);
    for (JournalCertificate& certificate : made.chain) certificate.der.resize(10'000, 'x');
    return made;
  };
  auto file = JournalFile::open(path, opened);
  ASSERT_TRUE(file);
  for (int batch = 0; batch < 30; ++batch) {
    std::vector<JournalNote> notes;
    for (int i = 0; i < 20; ++i) {
      const std::string name = std::to_string(batch) + "-" + std::to_string(i);
      notes.push_back(test_note());
      notes.back().peer = test_peer("leaf " + name, {"a " + name, "b " + name});
    }
    ASSERT_TRUE(append(**file, notes));
    ASSERT_LE(number("SELECT sum(length(der)) FROM certificate"), 1 << 20);
  }
  EXPECT_GT((*file)->entries(), 15U);
  file->reset();
  EXPECT_LT(std::filesystem::file_size(path), 3U << 20U) << "one batch more, and the rest is used again";
}

TEST_F(JournalFileTest, ALowerLimitForgetsAtOnceAndGivesTheDiskBack) {
  auto file = open(5'000);
  std::vector<JournalNote> notes;
  for (int i = 0; i < 5'000; ++i) {
    notes.push_back(test_note(i % 2 == 0 ? "" : "client_cert.expired"));
    notes.back().connection = static_cast<std::uint64_t>(i);
    notes.back().peer = test_peer("leaf-" + std::to_string(i));
  }
  ASSERT_TRUE(append(*file, notes));
  ASSERT_TRUE(file->set_limits(JournalLimits::of(100)));
  const auto entries = all();
  ASSERT_EQ(entries.size(), 100U);
  EXPECT_EQ(entries.back().connection, 4'900U);
  EXPECT_EQ(number("SELECT count(*) FROM chain"), 100);
  file.reset();
  EXPECT_LT(std::filesystem::file_size(path), 200'000U);
  EXPECT_EQ(open(100)->entries(), 100U);
}

TEST_F(JournalFileTest, OpenedWithALowerLimitItIsTrimmed) {
  ASSERT_TRUE(append(*open(1'000), std::vector<JournalNote>(1'000, test_note())));
  EXPECT_EQ(open(10)->entries(), 10U);
}

TEST_F(JournalFileTest, ConnectionsOfDifferentProcessesAreToldApart) {
  ASSERT_TRUE(append(*open(), {test_note()}));
  ASSERT_TRUE(append(*open(), {test_note()}));  // the same process opened it again
  started = kNow + 1min;
  ASSERT_TRUE(append(*open(), {test_note()}));
  const auto entries = all();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[1].run, entries[2].run);
  EXPECT_NE(entries[0].run, entries[1].run);
  EXPECT_EQ(entries[0].run_started, kNow + 1min);
  EXPECT_EQ(entries[1].run_started, kNow);
}

TEST_F(JournalFileTest, AClockThatGoesBackChangesNoOrder) {
  auto file = open(3);
  for (int i = 0; i < 5; ++i) {
    JournalNote note = test_note();
    note.connection = static_cast<std::uint64_t>(i);
    note.at = kNow - std::chrono::hours(i);
    ASSERT_TRUE(append(*file, {note}));
  }
  const auto entries = all();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].connection, 4U) << "newest by writing, not by its clock";
  EXPECT_EQ(entries[2].connection, 2U);
  EXPECT_EQ(all({.from = kNow - 3h}).size(), 2U);
}

TEST_F(JournalFileTest, CountsOfWhatWasLeftOutAreEntries) {
  auto file = open();
  const LeftOut some{JournalEvent::kRequest, "client_cert.expired", *IpAddress::parse("192.0.2.1"), 4'950, kNow};
  const LeftOut many{JournalEvent::kLeftOut, JournalSampler::kManyReason, {}, 7, kNow};
  ASSERT_TRUE(file->append({}, std::vector{some, many}, kNow + 1s));
  const auto entries = all({.outcome = JournalOutcome::kLeftOut});
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[1].left_out, 4'950U);
  EXPECT_EQ(entries[1].reason, "client_cert.expired");
  EXPECT_EQ(entries[1].client, "192.0.2.1");
  EXPECT_EQ(entries[1].detail, "request since 2026-01-01T00:00:00Z");
  EXPECT_EQ(entries[0].client, "");
  EXPECT_EQ(entries[0].detail, "since 2026-01-01T00:00:00Z");
}

// --- what goes wrong
// --------------------------------------------------------------------------------------------------

TEST_F(JournalFileTest, AProcessThatIsKilledWhileItWritesLeavesWholeTransactions) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto file = JournalFile::open(path, options(100'000));
    if (!file) _exit(1);
    for (std::uint64_t batch = 1;; ++batch) {
      std::vector<JournalNote> notes(10, test_note());
      for (JournalNote& note : notes) {
        note.connection = batch;
        note.peer = test_peer("leaf-" + std::to_string(batch % 7));
      }
      if (!append(**file, notes)) _exit(2);
      // Says which batch is committed.
      if (::write(ready[1], &batch, sizeof batch) != sizeof batch) _exit(3);
    }
  }
  close(ready[1]);
  std::uint64_t batch = 0;
  while (batch < 50) ASSERT_EQ(read(ready[0], &batch, sizeof batch), static_cast<ssize_t>(sizeof batch));
  kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
  std::uint64_t said = 0;
  while (read(ready[0], &said, sizeof said) == static_cast<ssize_t>(sizeof said)) batch = said;
  close(ready[0]);
  auto file = open(100'000);
  EXPECT_FALSE(set_aside);
  EXPECT_GE(file->entries(), batch * 10);
  EXPECT_EQ(file->entries() % 10, 0U) << "half a transaction";
  EXPECT_EQ(number("SELECT count(*) FROM entry WHERE chain IS NULL"), 0);
}

TEST_F(JournalFileTest, ALaterVersionsFileIsLeftAsItIs) {
  ASSERT_TRUE(append(*open(), {test_note()}));
  change("PRAGMA user_version=99");
  const auto file = JournalFile::open(path, options(), &set_aside);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, "store.newer");
  EXPECT_FALSE(set_aside);
  EXPECT_EQ(number("SELECT count(*) FROM entry"), 1);
  EXPECT_EQ(JournalReader::open(path).error().code, "store.newer");
}

// As the version before had it: without the columns about revocation.
constexpr const char* kToSchema1 =
    "DROP VIEW journal; CREATE VIEW journal AS SELECT id FROM entry;"
    "ALTER TABLE entry DROP COLUMN revocation_source; ALTER TABLE entry DROP COLUMN revocation_status;"
    "ALTER TABLE entry DROP COLUMN revocation_reason; ALTER TABLE entry DROP COLUMN responder;"
    "ALTER TABLE entry DROP COLUMN this_update; ALTER TABLE entry DROP COLUMN next_update;"
    "ALTER TABLE entry DROP COLUMN revoked_at; ALTER TABLE entry DROP COLUMN answer_age;"
    "ALTER TABLE entry DROP COLUMN answer_latency; ALTER TABLE entry DROP COLUMN cache_hit;"
    "ALTER TABLE entry DROP COLUMN allowed; PRAGMA user_version=1;";

TEST_F(JournalFileTest, AnEarlierVersionsFileIsBroughtUpToDateAndLosesNothing) {
  JournalNote old = test_note("client_cert.expired");
  old.peer = test_peer("old");
  ASSERT_TRUE(append(*open(), {old}));
  change(kToSchema1);
  EXPECT_EQ(JournalReader::open(path).error().code, "store.older");
  auto file = open();
  EXPECT_FALSE(set_aside);
  JournalNote note = test_note("client_cert.revoked");
  note.revocation = {.source = "crl", .status = "revoked"};
  ASSERT_TRUE(append(*file, {note}));
  const auto entries = all();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].revocation.source, "crl");
  EXPECT_EQ(entries[1].revocation.source, "");
  EXPECT_EQ(entries[1].subject, "CN=old");
  EXPECT_EQ(number("SELECT count(*) FROM journal WHERE revocation_status='revoked'"), 1);
  file.reset();
  open();
  EXPECT_FALSE(set_aside);
  EXPECT_EQ(number("SELECT count(*) FROM entry"), 2);
}

TEST_F(JournalFileTest, AnEarlierVersionsFileWithoutItsEntriesIsDamage) {
  ASSERT_TRUE(append(*open(), {test_note()}));
  change(kToSchema1);
  change("DROP VIEW journal; DROP TABLE entry");
  open();
  EXPECT_TRUE(set_aside);
}

TEST_F(JournalFileTest, AnotherDatabaseIsSetAsideNotWrittenTo) {
  change("CREATE TABLE accounts(x); INSERT INTO accounts VALUES(1)");
  auto file = open();
  EXPECT_TRUE(set_aside);
  ASSERT_TRUE(append(*file, {test_note()}));
  path += ".damaged";
  EXPECT_EQ(number("SELECT x FROM accounts"), 1);
}

TEST_F(JournalFileTest, WhatIsNoDatabaseIsSetAsideAndANewOneBegun) {
  write(path, std::string(50'000, 'x'));
  auto file = open();
  EXPECT_TRUE(set_aside);
  ASSERT_TRUE(append(*file, {test_note()}));
  EXPECT_EQ(all().size(), 1U);
  EXPECT_EQ(content(path + ".damaged"), std::string(50'000, 'x'));
}

TEST_F(JournalFileTest, ATableThatIsMissingIsDamage) {
  ASSERT_TRUE(append(*open(), {test_note()}));
  change("DROP TABLE certificate");
  ASSERT_TRUE(append(*open(), {test_note()}));
  EXPECT_TRUE(set_aside);
  EXPECT_EQ(all().size(), 1U);
}

// Opens, reads and writes whatever has become of the file: the outcome is an Error or a journal that works.
void use_anyhow(JournalTest& test) {
  if (auto reader = JournalReader::open(test.path)) {
    for (const auto& query : {JournalQuery{}, JournalQuery{.subject = "leaf"}}) {
      const auto page = reader->find(query);
      if (!page) continue;
      for (const JournalEntry& entry : page->entries) static_cast<void>(reader->chain(entry.chain));
    }
  }
  auto file = JournalFile::open(test.path, test.options(60), &test.set_aside);
  if (!file) {
    EXPECT_EQ(file.error().code, "store.newer") << file.error().message;
    return;
  }
  JournalNote note = test_note("client_cert.expired");
  note.peer = test_peer("leaf-new");
  const auto appended = JournalTest::append(**file, {note});
  const std::string_view code = appended ? "store.damaged" : appended.error().code;
  EXPECT_EQ(code, "store.damaged");
}

TEST_F(JournalFileTest, TruncationsAndFlippedBitsNeverCrashIt) {
  {
    auto file = open(60);
    std::vector<JournalNote> notes;
    for (int i = 0; i < 60; ++i) {
      notes.push_back(test_note(i % 3 == 0 ? "client_cert.expired" : ""));
      notes.back().peer = test_peer("leaf-" + std::to_string(i));
    }
    ASSERT_TRUE(append(*file, notes));
  }
  const std::string whole = content(path);
  ASSERT_GT(whole.size(), 40'000U);
  std::uint32_t random = 12'345;
  const auto next = [&random] { return random = random * 1'664'525U + 1'013'904'223U; };
  for (int round = 0; round < 400; ++round) {
    SCOPED_TRACE(round);
    std::string broken = whole;
    if (round % 4 == 0) {
      broken.resize(next() % whole.size());
    } else {
      const unsigned flips = 1 + next() % 8;
      // Every second round hits where the structure is: the first bytes of a page.
      for (unsigned i = 0; i < flips; ++i) {
        const std::size_t at =
            round % 2 == 0 ? next() % whole.size() : (next() % (whole.size() / 4'096)) * 4'096 + next() % 128;
        broken[at] = static_cast<char>(broken[at] ^ (1U << (next() % 8)));
      }
    }
    for (const char* suffix : {"-wal", "-shm", ".damaged"}) std::filesystem::remove(path + suffix);
    write(path, broken);
    use_anyhow(*this);
  }
}

TEST_F(JournalFileTest, AFullDiskCostsTheBatchAndNothingElse) {
  auto file = open(100'000);
  ASSERT_TRUE(append(*file, {test_note()}));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 256 * 1024;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  std::uint64_t written = 1;
  std::string code;
  std::string message;
  for (int batch = 0; batch < 100 && code.empty(); ++batch) {
    const auto appended = append(*file, std::vector<JournalNote>(200, test_note("client_cert.expired")));
    if (appended) {
      written += 200;
    } else {
      code = appended.error().code;
      message = appended.error().message;
    }
  }
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old);
  EXPECT_EQ(code, "store.full") << message;
  EXPECT_EQ(file->entries(), written);
  ASSERT_TRUE(append(*file, {test_note()})) << "there is room again";
  EXPECT_EQ(static_cast<std::uint64_t>(number("SELECT count(*) FROM entry")), written + 1);
  EXPECT_EQ(number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check='ok'"), 1);
}

TEST_F(JournalFileTest, AReaderDoesNotStopTheWriter) {
  auto file = open(100'000);
  ASSERT_TRUE(append(*file, std::vector<JournalNote>(300, test_note())));
  auto reader = internal::Database::open(path, internal::Database::Mode::kReader);
  ASSERT_TRUE(reader);
  ASSERT_TRUE(reader->run("BEGIN"));
  ASSERT_EQ(reader->number_of("SELECT count(*) FROM entry").value(), 300);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(append(*file, std::vector<JournalNote>(300, test_note())));
  EXPECT_EQ(reader->number_of("SELECT count(*) FROM entry").value(), 300) << "the reader sees what it began with";
  ASSERT_TRUE(reader->run("COMMIT"));
  EXPECT_EQ(reader->number_of("SELECT count(*) FROM entry").value(), 6'300);
}

TEST_F(JournalFileTest, AFileThatIsMovedAwayIsNoticed) {
  auto file = open();
  EXPECT_TRUE(file->in_place());
  std::filesystem::rename(path, path + ".old");
  EXPECT_FALSE(file->in_place());
}

TEST_F(JournalFileTest, ALinkOrADirectoryInItsPlaceIsRefused) {
  write(dir + "/elsewhere", "");
  std::filesystem::create_symlink(dir + "/elsewhere", path);
  EXPECT_EQ(JournalFile::open(path, options()).error().code, "store.failed");
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_EQ(JournalFile::open(path, options()).error().code, "store.failed");
  EXPECT_EQ(content(dir + "/elsewhere"), "");
}

}  // namespace
}  // namespace portcullis::store
