// For the tests of this room only: a directory of its own, notes of made-up clients, and a journal over them.
#pragma once

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/strings.h"
#include "base/test_temporary_directory.h"
#include "store/internal/sqlite.h"
#include "store/journal_file.h"
#include "store/journal_reader.h"

namespace portcullis::store {

inline constexpr WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};

// A client of the tests: `chain` names its certificates, leaf first.
struct TestPeer {
  std::string subject;
  std::vector<std::string> chain;
};

inline std::string fake_digest(const std::string& name) { return (name + std::string(32, '.')).substr(0, 32); }

inline JournalPeer describe_test_peer(const void* opaque) {
  const auto& peer = *static_cast<const TestPeer*>(opaque);
  JournalPeer out{.subject = peer.subject,
                  .issuer = "CN=Issuer",
                  .serial = "0A",
                  .sha1 = hex_lower((peer.subject + std::string(20, '.')).substr(0, 20)),
                  .not_before = kNow,
                  .not_after = kNow + std::chrono::hours(1)};
  for (const std::string& name : peer.chain) out.chain.push_back({fake_digest(name), "DER of " + name});
  return out;
}

inline std::shared_ptr<const TestPeer> test_peer(const std::string& name,
                                                 const std::vector<std::string>& above = {"ca"}) {
  auto peer = std::make_shared<TestPeer>();
  peer->subject = "CN=" + name;
  peer->chain.push_back(name);
  for (const std::string& authority : above) peer->chain.push_back(authority);
  return peer;
}

inline JournalNote test_note(std::string_view reason = {}, std::string_view client = "192.0.2.1") {
  JournalNote note;
  note.event = reason.empty() ? JournalEvent::kHandshake : JournalEvent::kRequest;
  note.outcome = reason.empty() ? JournalOutcome::kAdmitted : JournalOutcome::kRefused;
  note.at = kNow;
  note.connection = 1;
  note.client = {*IpAddress::parse(client), 40'000};
  note.local = {*IpAddress::parse("192.0.2.99"), 443};
  note.reason = reason;
  note.listener = "strict";
  return note;
}

struct JournalTest : testing::Test {
  JournalFile::Options options(std::uint64_t entries = 100) const {
    return {.limits = JournalLimits::of(entries), .describe = describe_test_peer, .started = started, .process = 7};
  }
  std::unique_ptr<JournalFile> open(std::uint64_t entries = 100) {
    auto file = JournalFile::open(path, options(entries), &set_aside);
    EXPECT_TRUE(file) << (file ? "" : file.error().message);
    return file ? std::move(*file) : nullptr;
  }
  static Result<void> append(JournalFile& file, const std::vector<JournalNote>& notes) {
    std::vector<JournalSlot> slots(notes.size());
    std::vector<const JournalSlot*> pointers;
    for (std::size_t i = 0; i < notes.size(); ++i) {
      slots[i].assign(notes[i]);
      pointers.push_back(&slots[i]);
    }
    return file.append(pointers, {}, kNow);
  }
  std::vector<JournalEntry> all(JournalQuery query = {}) const {
    auto reader = JournalReader::open(path);
    EXPECT_TRUE(reader) << (reader ? "" : reader.error().message);
    if (!reader) return {};
    query.limit = JournalQuery::kMostPerPage;
    auto page = reader->find(query);
    EXPECT_TRUE(page) << (page ? "" : page.error().message);
    return page ? std::move(page->entries) : std::vector<JournalEntry>();
  }
  std::int64_t number(const std::string& sql) const {
    auto database = internal::Database::open(path, internal::Database::Mode::kReader);
    EXPECT_TRUE(database);
    return database ? database->number_of(sql).value_or(-1) : -1;
  }
  // Runs SQL of a test's own on the file.
  void change(const std::string& sql) const {
    auto database = internal::Database::open(path, internal::Database::Mode::kWriter);
    ASSERT_TRUE(database);
    const auto done = database->run(sql);
    ASSERT_TRUE(done) << done.error().message;
  }
  static std::string content(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write(const std::string& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  }

  const TemporaryDirectory directory;
  const std::string dir = directory.path();
  std::string path = dir + "/journal.db";
  WallTime started = kNow;
  bool set_aside = false;
};

}  // namespace portcullis::store
