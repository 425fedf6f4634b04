#include "store/journal_reader.h"

#include "store/test_journal.h"

namespace portcullis::store {
namespace {

using namespace std::chrono_literals;

struct JournalReaderTest : JournalTest {
  // Ten minutes of a day: clients of two listeners, some refused.
  void SetUp() override {
    auto file = open(1'000);
    for (int i = 0; i < 10; ++i) {
      JournalNote note = test_note(i % 5 == 4 ? "client_cert.expired" : "", i < 5 ? "192.0.2.1" : "2001:db8::1");
      note.at = kNow + std::chrono::minutes(i);
      note.connection = static_cast<std::uint64_t>(i);
      note.listener = i < 5 ? "strict" : "other";
      note.gateway = "gw";
      note.peer = test_peer("Device-" + std::to_string(i) + "_100%");
      ASSERT_TRUE(append(*file, {note}));
    }
    JournalNote bare = test_note("client_cert.missing");
    bare.outcome = JournalOutcome::kNoCertificate;
    bare.at = kNow + 10min;
    bare.connection = 10;
    ASSERT_TRUE(append(*file, {bare}));
  }
  std::vector<std::uint64_t> connections(const JournalQuery& query) const {
    std::vector<std::uint64_t> found;
    for (const JournalEntry& entry : all(query)) found.push_back(entry.connection);
    return found;
  }
  std::string refusal_of(const JournalQuery& query) const {
    auto reader = JournalReader::open(path);
    EXPECT_TRUE(reader);
    const auto page = reader->find(query);
    return page ? "" : std::string(page.error().code);
  }
  using Found = std::vector<std::uint64_t>;
};

TEST_F(JournalReaderTest, NewestFirst) { EXPECT_EQ(connections({}), (Found{10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0})); }

TEST_F(JournalReaderTest, ByTimeWithoutItsEnd) {
  EXPECT_EQ(connections({.from = kNow + 2min, .until = kNow + 5min}), (Found{4, 3, 2}));
  EXPECT_EQ(connections({.from = kNow + 1h}), Found{});
}

TEST_F(JournalReaderTest, ByListenerReasonOutcomeConnectionAndClient) {
  EXPECT_EQ(connections({.listener = "other"}), (Found{9, 8, 7, 6, 5}));
  EXPECT_EQ(connections({.gateway = "gw", .listener = "strict"}), (Found{4, 3, 2, 1, 0}));
  EXPECT_EQ(connections({.reason = "client_cert.expired"}), (Found{9, 4}));
  EXPECT_EQ(connections({.reason = "client_cert.*"}), (Found{10, 9, 4}));
  EXPECT_EQ(connections({.reason = "client_cert"}), Found{});
  EXPECT_EQ(connections({.outcome = JournalOutcome::kNoCertificate}), (Found{10}));
  EXPECT_EQ(connections({.outcome = JournalOutcome::kRefused, .connection = 4}), (Found{4}));
  EXPECT_EQ(connections({.client = "2001:db8::1"}), (Found{9, 8, 7, 6, 5}));
  EXPECT_EQ(connections({.run = 12'345}), Found{});
}

TEST_F(JournalReaderTest, BySubjectAsTextWithoutWildcards) {
  EXPECT_EQ(connections({.subject = "device-3"}), (Found{3}));
  EXPECT_EQ(connections({.subject = "_100%"}), (Found{9, 8, 7, 6, 5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(connections({.subject = "Device-%"}), Found{});
  EXPECT_EQ(connections({.subject = "Device_3"}), Found{});
}

TEST_F(JournalReaderTest, ByEitherFingerprintInAnySpelling) {
  const auto entry = all({.connection = 7}).front();
  EXPECT_EQ(connections({.fingerprint = entry.sha256}), (Found{7}));
  EXPECT_EQ(connections({.fingerprint = entry.sha1}), (Found{7}));
  std::string upper;
  for (std::size_t i = 0; i < entry.sha1.size(); i += 2) {
    upper += (i == 0 ? "" : ":");
    for (const char c : entry.sha1.substr(i, 2)) upper += static_cast<char>(std::toupper(c));
  }
  EXPECT_EQ(connections({.fingerprint = upper}), (Found{7}));
  EXPECT_EQ(refusal_of({.fingerprint = "abc"}), "journal.query");
  EXPECT_EQ(refusal_of({.fingerprint = std::string(40, 'g')}), "journal.query");
}

TEST_F(JournalReaderTest, HostileTextFindsNothingAndChangesNothing) {
  const std::string hostile[] = {
      "' OR 1=1 --", "\"; DROP TABLE entry; --", std::string("a\0b", 3),    "\xff\xfe", "%",
      "*",           std::string(100'000, 'x'),  "client_cert.expired' --", "\n",       "?1"};
  for (const std::string& text : hostile) {
    EXPECT_EQ(connections({.listener = text}), Found{});
    EXPECT_EQ(connections({.gateway = text}), Found{});
    EXPECT_EQ(connections({.reason = text}), Found{});
    EXPECT_EQ(connections({.reason = text + ".*"}), Found{});
    EXPECT_EQ(connections({.client = text}), Found{});
    const Found percent{9, 8, 7, 6, 5, 4, 3, 2, 1, 0};  // each subject has one
    EXPECT_EQ(connections({.subject = text}), text == "%" ? percent : Found{});
    EXPECT_EQ(refusal_of({.fingerprint = text}), "journal.query");
  }
  EXPECT_EQ(connections({}).size(), 11U);
}

TEST_F(JournalReaderTest, PageByPageById) {
  auto reader = JournalReader::open(path);
  ASSERT_TRUE(reader);
  JournalQuery query{.limit = 4};
  Found found;
  std::size_t pages = 0;
  for (bool more = true; more; ++pages) {
    const auto page = reader->find(query);
    ASSERT_TRUE(page);
    for (const JournalEntry& entry : page->entries) found.push_back(entry.connection);
    more = page->more;
    query.before = page->entries.back().id;
  }
  EXPECT_EQ(pages, 3U);
  EXPECT_EQ(found, (Found{10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(refusal_of({.limit = 0}), "journal.query");
  EXPECT_EQ(refusal_of({.limit = 1'001}), "journal.query");
}

TEST_F(JournalReaderTest, APageStaysAsItWasWhileEntriesCome) {
  auto reader = JournalReader::open(path);
  ASSERT_TRUE(reader);
  const auto first = reader->find({.limit = 5});
  ASSERT_TRUE(first);
  ASSERT_TRUE(append(*open(1'000), std::vector<JournalNote>(100, test_note())));
  const auto second = reader->find({.before = first->entries.back().id, .limit = 5});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->entries.front().connection, 5U);
}

TEST_F(JournalReaderTest, AReaderWritesNothing) {
  auto database = internal::Database::open(path, internal::Database::Mode::kReader);
  ASSERT_TRUE(database);
  EXPECT_FALSE(database->run("DELETE FROM entry"));
}

TEST_F(JournalReaderTest, WithoutAFileItIsAnError) {
  EXPECT_EQ(JournalReader::open(dir + "/none.db").error().code, "store.failed");
  EXPECT_FALSE(std::filesystem::exists(dir + "/none.db"));
}

}  // namespace
}  // namespace portcullis::store
