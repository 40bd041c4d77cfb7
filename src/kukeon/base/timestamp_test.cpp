// SPDX-License-Identifier: Apache-2.0
#include "kukeon/base/timestamp.h"

#include <gtest/gtest.h>

#include "kukeon/base/error.h"

namespace kukeon {
namespace {

std::string again(std::string_view text) { return Timestamp::parse(text).to_string(); }

TEST(Timestamp, ItsDefaultIsGosZeroTime) {
  EXPECT_EQ(Timestamp{}.to_string(), "0001-01-01T00:00:00Z");
  EXPECT_TRUE(Timestamp{}.is_zero());
  EXPECT_TRUE(Timestamp::parse("0001-01-01T00:00:00Z").is_zero());
}

TEST(Timestamp, IsWrittenAsItWasRead) {
  for (const char* text :
       {"2026-05-14T21:10:38Z", "2026-05-14T21:10:38.123456789Z", "2026-05-14T21:10:38.5Z",
        "2026-05-14T21:10:38.000000001Z", "2026-05-14T21:10:38+02:00", "2026-01-01T00:30:00-05:30",
        "2024-02-29T23:59:59Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59.999999999Z"}) {
    EXPECT_EQ(again(text), text);
  }
}

TEST(Timestamp, TrimsTrailingZerosAndCutsPastNineDigits) {
  EXPECT_EQ(again("2026-05-14T21:10:38.500Z"), "2026-05-14T21:10:38.5Z");
  EXPECT_EQ(again("2026-05-14T21:10:38.000Z"), "2026-05-14T21:10:38Z");
  EXPECT_EQ(again("2026-05-14T21:10:38.1234567899Z"), "2026-05-14T21:10:38.123456789Z");
}

TEST(Timestamp, TheSameInstantInAnotherZoneIsEqual) {
  EXPECT_EQ(Timestamp::parse("2026-05-14T23:10:38+02:00"),
            Timestamp::parse("2026-05-14T21:10:38Z"));
}

TEST(Timestamp, KnowsUnixTime) {
  EXPECT_EQ(Timestamp::parse("1970-01-01T00:00:00Z").unix_seconds, 0);
  EXPECT_EQ(Timestamp::parse("2000-03-01T00:00:00Z").unix_seconds, 951868800);
}

TEST(Timestamp, RefusesWhatIsNotRfc3339) {
  for (const char* bad :
       {"", "now", "2026-05-14", "2026-05-14T21:10:38", "2026-05-14 21:10:38Z",
        "2026-5-14T21:10:38Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-05-14T24:00:00Z", "2026-05-14T21:60:00Z", "2026-05-14T21:10:38.Z",
        "2026-05-14T21:10:38+2:00", "2026-05-14T21:10:38Zx", "2026-05-14t21:10:38z"}) {
    EXPECT_THROW(Timestamp::parse(bad), Error) << bad;
  }
}

TEST(Timestamp, TakesABareDateWhereAllowed) {
  EXPECT_EQ(Timestamp::parse("2026-05-14", Timestamp::Date::allowed).to_string(),
            "2026-05-14T00:00:00Z");
  EXPECT_THROW(Timestamp::parse("2026-05-14T", Timestamp::Date::allowed), Error);
}

TEST(Timestamp, CountsInMilliseconds) {
  using namespace std::chrono_literals;
  const Timestamp at{.unix_seconds = 100, .nanoseconds = 999'500'000};
  EXPECT_EQ(at + 1ms, (Timestamp{.unix_seconds = 101, .nanoseconds = 500'000}));
  EXPECT_EQ(at + -2500ms, (Timestamp{.unix_seconds = 98, .nanoseconds = 499'500'000}));
  EXPECT_EQ(at + 1500ms - at, 1500ms);
  EXPECT_EQ(at - (at + 1500ms), -1500ms);
  EXPECT_LT(at, at + 1ms);
  EXPECT_GT(at, at + -1000ms);
}

TEST(Timestamp, NowIsInUtcAndMovesForward) {
  const Timestamp first = Timestamp::now();
  const Timestamp second = Timestamp::now();
  EXPECT_GT(first.unix_seconds, Timestamp::parse("2024-01-01T00:00:00Z").unix_seconds);
  EXPECT_EQ(first.offset_minutes, 0);
  EXPECT_GE(second.unix_seconds, first.unix_seconds);
  EXPECT_EQ(Timestamp::parse(first.to_string()), first);
}

}  // namespace
}  // namespace kukeon
