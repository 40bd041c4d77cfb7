// SPDX-License-Identifier: Apache-2.0
#include "kukeon/store/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/store/store.h"

namespace kukeon::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const model::Path cell{.realm = "r", .space = "s", .stack = "t", .cell = "c"};

Event event_of(const model::Path& path, EventType type = EventType::started,
               const std::string& message = {}) {
  return {.sequence = 0, .time = {}, .type = type, .path = path, .message = message, .data = {}};
}

std::vector<std::int64_t> sequences(const EventPage& page) {
  std::vector<std::int64_t> out;
  for (const Event& event : page.events) out.push_back(event.sequence);
  return out;
}

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() { open(); }

  void open(std::int64_t kept = Journal::kept_by_default) {
    store_.reset();
    store_ = std::make_unique<Store>(directory_.path(), nullptr, kept);
  }
  void record(int count) {
    for (int i = 0; i < count; ++i) store_->record(event_of(cell));
  }
  const Journal& journal() const { return store_->journal(); }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_F(JournalTest, EventComesBackAsItWasRecordedAndIsStillThereAfterAReopen) {
  Event event = event_of({.realm = "r", .space = "s", .stack = "t", .cell = "c", .container = "w"},
                         EventType::exited, "container \"w\" exited with code 137");
  event.time = Timestamp::parse("2026-05-14T21:10:38.5Z");
  event.data["exitCode"] = "137";
  store_->record(event);
  event.sequence = 1;
  EXPECT_THAT(journal().read(0, 10).events, ElementsAre(event));
  open();
  EXPECT_THAT(journal().read(0, 10).events, ElementsAre(event));
}

TEST_F(JournalTest, EventWithoutATimeIsStampedWhenItIsRecorded) {
  record(1);
  EXPECT_FALSE(journal().read(0, 10).events.at(0).time.is_zero());
}

TEST_F(JournalTest, EventIsRecordedExactlyIfItsChangeIs) {
  model::Realm realm;
  realm.metadata.name = "r";
  store_->write([&](Changes& changes) {
    changes.put(realm, Intent::running, 0).record(event_of({.realm = "r"}, EventType::created));
  });
  EXPECT_THROW(store_->write([&](Changes& changes) {
    changes.record(event_of({.realm = "r"}, EventType::updated));
    changes.put(realm, Intent::running, 7);
  }),
               Error);
  EXPECT_EQ(journal().newest(), 1);
  record(1);
  const EventPage page = journal().read(0, 10);
  EXPECT_THAT(sequences(page), ElementsAre(1, 2));
  EXPECT_EQ(page.events[1].type, EventType::started);
}

TEST_F(JournalTest, OnlyTheNewestAreKeptAndWhoCameTooLateIsToldHowManyItLost) {
  open(5);
  record(8);
  const EventPage all = journal().read(0, 100);
  EXPECT_THAT(sequences(all), ElementsAre(4, 5, 6, 7, 8));
  EXPECT_EQ(all.lost, 3);
  EXPECT_EQ(journal().read(2, 100).lost, 1);
  EXPECT_EQ(journal().read(3, 100).lost, 0);
  EXPECT_THAT(sequences(journal().read(6, 100)), ElementsAre(7, 8));
}

TEST_F(JournalTest, SequencesGoOnAfterTrimmingAndAReopen) {
  open(2);
  record(7);
  open(2);
  EXPECT_EQ(journal().newest(), 7);
  record(1);
  const EventPage page = journal().read(0, 100);
  EXPECT_THAT(sequences(page), ElementsAre(7, 8));
  EXPECT_EQ(page.lost, 6);
}

// A commit without an fsync may be gone after a power cut, and its sequence have been seen.
TEST_F(JournalTest, SequencesOfAnotherBootAreNotUsedAgain) {
  record(3);
  store_->write([](Changes& changes) { changes.set_fact("journal_boot", "an earlier one"); });
  open();
  EXPECT_GT(journal().newest(), 3);
  open();  // the reservation outlives a daemon that recorded nothing
  record(1);
  EXPECT_GT(journal().newest(), 1000);
  EXPECT_EQ(journal().read(3, 10).events.size(), 1U);
}

TEST_F(JournalTest, PagesFollowEachOtherWithoutGapOrRepetition) {
  record(7);
  std::vector<std::int64_t> seen;
  std::int64_t after = 0;
  for (int i = 0; i < 4; ++i) {
    const EventPage page = journal().read(after, 3);
    for (const std::int64_t sequence : sequences(page)) seen.push_back(sequence);
    after = page.next;
  }
  EXPECT_THAT(seen, ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_EQ(after, 7);
}

TEST_F(JournalTest, FilterChoosesByPathTypeAndTimeAndTheNextPageIsBehindWhatItPassedOver) {
  model::Path other = cell;
  other.cell = "other";
  model::Path container = cell;
  container.container = "w";
  store_->record(event_of(cell));
  store_->record(event_of(other));
  store_->record(event_of(container, EventType::exited));
  Event old = event_of(cell);
  old.time = Timestamp::parse("2001-01-01T00:00:00Z");
  store_->record(old);

  EXPECT_THAT(sequences(journal().read(0, 10, {.path = cell})), ElementsAre(1, 3, 4));
  EXPECT_THAT(sequences(journal().read(0, 10, {.path = container})), ElementsAre(3));
  EXPECT_THAT(sequences(journal().read(0, 10, {.types = {EventType::exited}})), ElementsAre(3));
  const EventPage recent =
      journal().read(0, 10, {.path = cell, .since = Timestamp::parse("2020-01-01T00:00:00Z")});
  EXPECT_THAT(sequences(recent), ElementsAre(1, 3));
  EXPECT_EQ(recent.next, 4);
}

TEST_F(JournalTest, ReaderOfAnotherJournalGetsThisOneFromItsBeginning) {
  record(2);
  EXPECT_THAT(sequences(journal().read(500, 10)), ElementsAre(1, 2));
}

TEST_F(JournalTest, EventThatIsNotUnderstoodIsPassedOver) {
  record(1);
  {
    Database database{directory_.path() / "state.db"};
    database.execute("INSERT INTO journal VALUES (2, 0, 'newer', 'r', '{\"type\":\"newer\"}')");
  }
  open();
  record(1);
  EXPECT_THAT(sequences(journal().read(0, 10)), ElementsAre(1, 3));
}

TEST_F(JournalTest, WaiterWakesWithTheFirstEventItHasNotSeen) {
  record(2);
  EXPECT_TRUE(journal().wait(1, steady_clock::now(), {}));
  EXPECT_FALSE(journal().wait(2, steady_clock::now() + milliseconds{10}, {}));
  auto woken = std::async(std::launch::async,
                          [&] { return journal().wait(2, steady_clock::now() + seconds{60}, {}); });
  record(1);
  EXPECT_TRUE(woken.get());
}

TEST_F(JournalTest, WaiterEndsWhenItIsStopped) {
  std::stop_source stop;
  auto woken = std::async(std::launch::async, [&] {
    return journal().wait(0, steady_clock::now() + seconds{60}, stop.get_token());
  });
  stop.request_stop();
  EXPECT_FALSE(woken.get());
}

TEST_F(JournalTest, WritersAndReadersOfManyThreadsSeeEveryEventOnceAndInOrder) {
  constexpr int writers = 4;
  constexpr int each = 200;
  std::atomic<int> ordered{0};
  const auto follow = [&] {
    std::int64_t after = 0;
    std::vector<std::int64_t> seen;
    while (after < writers * each && journal().wait(after, steady_clock::now() + seconds{60}, {})) {
      const EventPage page = journal().read(after, 50);
      for (const std::int64_t sequence : sequences(page)) seen.push_back(sequence);
      after = page.next;
    }
    std::vector<std::int64_t> all(writers * each);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i) + 1;
    if (seen == all) ++ordered;
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back(follow);
    for (int i = 0; i < writers; ++i) threads.emplace_back([&] { record(each); });
  }
  EXPECT_EQ(ordered, 3);
  open();
  EXPECT_EQ(journal().read(0, 10000).events.size(), std::size_t{writers} * each);
}

}  // namespace
}  // namespace kukeon::store
