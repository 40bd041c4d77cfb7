// SPDX-License-Identifier: Apache-2.0
#include "kukeon/base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "kukeon/base/error_kinds.h"

namespace kukeon {
namespace {

using ::testing::ElementsAre;

TEST(Error, SaysTheWholeChainOutermostFirst) {
  try {
    during("creating cell default/web/front", [] {
      during("attaching to network default-web", [] {
        throw Error{kinds::address_exhausted, "no free address in 10.88.0.0/24"};
      });
    });
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "creating cell default/web/front: attaching to network default-web: "
                 "no free address in 10.88.0.0/24");
    EXPECT_EQ(error.message(), "no free address in 10.88.0.0/24");
    EXPECT_THAT(error.context(),
                ElementsAre("attaching to network default-web", "creating cell default/web/front"));
    EXPECT_TRUE(error.is(kinds::address_exhausted));
  }
}

TEST(Error, DuringPassesTheValueThrough) {
  int value = 0;
  int& reference = during("x", [&]() -> int& { return value; });
  EXPECT_EQ(&reference, &value);
}

TEST(Error, DuringLeavesOtherExceptionsAlone) {
  EXPECT_THROW(during("x", [] { throw std::runtime_error{"y"}; }), std::runtime_error);
}

TEST(Error, OfErrnoNamesTheCauseAndKeepsTheNumber) {
  const Error error = Error::from_errno("open /x", ENOENT);
  EXPECT_STREQ(error.what(), "open /x: no such file or directory");
  EXPECT_EQ(error.os_error(), ENOENT);
  EXPECT_TRUE(error.is(kinds::os_error));
}

TEST(Error, OfErrnoTellsPermissionAndFullDiskApart) {
  EXPECT_TRUE(Error::from_errno("x", EACCES).is(kinds::permission_denied));
  EXPECT_TRUE(Error::from_errno("x", EPERM).is(kinds::permission_denied));
  EXPECT_TRUE(Error::from_errno("x", ENOSPC).is(kinds::disk_full));
  EXPECT_STREQ(Error::from_errno("x", 99999).what(), "x: errno 99999");
}

TEST(ErrorKinds, TheWireKnowsItsWordsAndNoOthers) {
  ASSERT_NE(kinds::find_wire_kind("CellNotFound"), nullptr);
  EXPECT_EQ(*kinds::find_wire_kind("CellNotFound"), kinds::cell_not_found);
  EXPECT_EQ(kinds::find_wire_kind("cellnotfound"), nullptr);
  EXPECT_EQ(kinds::find_wire_kind("OsError"), nullptr);
  for (const ErrorKind* kind : kinds::wire) {
    EXPECT_TRUE(kind->on_wire) << kind->word;
    EXPECT_EQ(kinds::find_wire_kind(kind->word), kind) << kind->word << " stands there twice";
  }
}

TEST(CurrentExceptionText, SpeaksForAnyException) {
  const auto text_of = [](auto&& body) {
    try {
      body();
    } catch (...) {
      return current_exception_text();
    }
    return std::string{};
  };
  EXPECT_EQ(text_of([] { throw Error{kinds::not_found, "gone"}; }), "gone");
  EXPECT_EQ(text_of([] { throw 5; }), "unknown exception");
}

}  // namespace
}  // namespace kukeon
