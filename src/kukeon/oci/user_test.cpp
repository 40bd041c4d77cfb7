// SPDX-License-Identifier: Apache-2.0
#include "kukeon/oci/user.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "kukeon/base/error.h"

namespace kukeon::oci {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const AccountFiles files{
    .passwd =
        "# system\n"
        "root:x:0:0:root:/root:/bin/sh\n"
        "broken line\n"
        "huge:x:4294967296:1::/:/bin/sh\n"
        "\n"
        "app:x:1000:1001:An app:/home/app:/bin/sh\n"
        "  web : x : 33 : 33 ::/:\n"
        "1234:x:77:77::/:/bin/sh",
    .group =
        "root:x:0:root\n"
        "wheel:x:10:root,app\n"
        "audio:x:29: app , web\n"
        "staff:x:50:\n"
        "nonumber:x:x:app\n"
        "web:x:33:",
};

struct Case {
  std::string user;
  std::uint32_t uid;
  std::uint32_t gid;
  std::vector<std::uint32_t> groups;

  friend std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.user; }
};

class Users : public testing::TestWithParam<Case> {};

TEST_P(Users, AreLookedUpInTheImage) {
  const auto& expected = GetParam();
  const auto user = resolve_user(expected.user, files);
  EXPECT_EQ(user.uid, expected.uid);
  EXPECT_EQ(user.gid, expected.gid);
  EXPECT_THAT(user.additional_gids, testing::ElementsAreArray(expected.groups));
}

INSTANTIATE_TEST_SUITE_P(Table, Users,
                         testing::Values(Case{"", 0, 0, {0, 10}},                    //
                                         Case{"  ", 0, 0, {0, 10}},                  //
                                         Case{"root", 0, 0, {0, 10}},                //
                                         Case{"0", 0, 0, {0, 10}},                   //
                                         Case{"app", 1000, 1001, {1001, 10, 29}},    //
                                         Case{"1000", 1000, 1001, {1001, 10, 29}},   //
                                         Case{"web", 33, 33, {33, 29}},              //
                                         Case{"app:staff", 1000, 50, {50, 10, 29}},  //
                                         Case{"app:7", 1000, 7, {7, 10, 29}},        //
                                         Case{"1000:0", 1000, 0, {0, 10, 29}},       //
                                         Case{"4000", 4000, 0, {0}},                 //
                                         Case{"4000:4001", 4000, 4001, {4001}},      //
                                         Case{"4000:staff", 4000, 50, {50}},         //
                                         Case{"1234", 1234, 0, {0}},  // a number first
                                         Case{"2147483647", 2147483647, 0, {0}}));

class BadUsers : public testing::TestWithParam<std::pair<std::string, std::string>> {};

TEST_P(BadUsers, AreNamedInTheError) {
  try {
    resolve_user(GetParam().first, files);
    FAIL() << "accepted " << GetParam().first;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind().word, "InvalidArgument");
    EXPECT_THAT(error.what(), HasSubstr(GetParam().second));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadUsers,
    testing::Values(std::pair{"nobody", R"(the image's /etc/passwd has no user "nobody")"},
                    std::pair{"huge", "has no user"},
                    std::pair{"app:nogroup", R"(the image's /etc/group has no group "nogroup")"},
                    std::pair{"2147483648", "out of range 0 to 2147483647"},
                    std::pair{"-1", "out of range"},
                    std::pair{"99999999999999999999999", "out of range"},
                    std::pair{"0:2147483648", "out of range"}, std::pair{":0", "want user"},
                    std::pair{"app:", "want user"}, std::pair{"a:b:c", "want user"}));

TEST(ResolveUser, NeedsNoFilesForNumbers) {
  const auto user = resolve_user("12:34", {});
  EXPECT_EQ(user.uid, 12U);
  EXPECT_EQ(user.gid, 34U);
  EXPECT_THAT(user.additional_gids, ElementsAre(34U));
  EXPECT_EQ(resolve_user("", {}).uid, 0U);
  EXPECT_THROW(resolve_user("root", {}), Error);
}

// --- files that an image's maker wrote to harm us ---

std::string error_of(std::string_view user, const AccountFiles& hostile) {
  try {
    resolve_user(user, hostile);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(HostileAccounts, WithALineWithoutEndAreRefused) {
  const std::string ten_megabytes(10 << 20, 'a');
  EXPECT_EQ(error_of("app", {.passwd = ten_megabytes, .group = ""}),
            "line 1 of /etc/passwd is longer than 65536 bytes");
  EXPECT_EQ(error_of("app", {.passwd = files.passwd, .group = "\nwheel:x:10:" + ten_megabytes}),
            "line 2 of /etc/group is longer than 65536 bytes");
  EXPECT_EQ(error_of("0", {.passwd = "#" + ten_megabytes + "\nroot:x:0:0::/:\n", .group = ""}),
            "line 1 of /etc/passwd is longer than 65536 bytes");
}

TEST(HostileAccounts, WithTheLongestLineAreRead) {
  std::string members = "app";
  while (members.size() + 5 < (1 << 16) - 11) members += ",user";
  const AccountFiles full{.passwd = files.passwd, .group = "wheel:x:10:" + members};
  EXPECT_THAT(resolve_user("app", full).additional_gids, ElementsAre(1001U, 10U));
}

TEST(HostileAccounts, AreReadToTheEndWithoutANewline) {
  EXPECT_EQ(resolve_user("z", {.passwd = "a:x:1:1\nz:x:26:27", .group = ""}).gid, 27U);
  EXPECT_THAT(resolve_user("z", {.passwd = "z:x:26:27:", .group = "g:x:3:z"}).additional_gids,
              ElementsAre(27U, 3U));
}

TEST(HostileAccounts, WithNulBytesNameNobodyElse) {
  const std::string nul{'\0'};
  const AccountFiles hostile{.passwd = "app" + nul + ":x:0:0::/:\nap" + nul + "p:x:0:0::/:\n" +
                                       "app:x:10" + nul + ":10::/:\napp:x:1000:1000::/:\n",
                             .group = "wheel:x:0:app" + nul + "\n" + nul + "\n"};
  const auto user = resolve_user("app", hostile);
  EXPECT_EQ(user.uid, 1000U);
  EXPECT_THAT(user.additional_gids, ElementsAre(1000U));
}

TEST(HostileAccounts, WithIdsThatAreNoneAreSkipped) {
  for (const std::string id : {"-1", "-0x1", "+1x", "4294967295", "2147483648", "", " ", "0x10",
                               "1e3", "99999999999999999999999"}) {
    const AccountFiles hostile{.passwd = "app:x:" + id + ":5\n", .group = "g:x:" + id + ":app\n"};
    EXPECT_THAT(error_of("app", hostile), HasSubstr("has no user")) << id;
    EXPECT_THAT(error_of("5:g", hostile), HasSubstr("has no group")) << id;
  }
}

TEST(HostileAccounts, WithOneNameTwiceMeanTheFirst) {
  const AccountFiles twice{.passwd = "app:x:1:2\napp:x:0:0\n",
                           .group = "g:x:7:app\ng:x:0:app\nh:x:7:app,app\n"};
  const auto user = resolve_user("app", twice);
  EXPECT_EQ(user.uid, 1U);
  EXPECT_THAT(user.additional_gids, ElementsAre(2U, 7U, 0U));
  EXPECT_EQ(resolve_user("app:g", twice).gid, 7U);
  EXPECT_EQ(resolve_user("1", twice).gid, 2U);
}

TEST(HostileAccounts, WithManyGroupsAreReadInTimeOrRefused) {
  const auto in_groups = [](int count) {
    AccountFiles many{.passwd = "app:x:1:0\n", .group = ""};
    for (int i = 1; i < count; ++i) many.group += "g:x:" + std::to_string(i) + ":app\n";
    return many;
  };
  EXPECT_EQ(resolve_user("app", in_groups(65536)).additional_gids.size(), 65536U);
  EXPECT_EQ(error_of("app", in_groups(65537)),
            "user \"app\": is in more than 65536 groups of the image");
}

}  // namespace
}  // namespace kukeon::oci
