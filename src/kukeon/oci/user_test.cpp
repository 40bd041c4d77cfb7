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

TEST(ResolveUser, RefusesALineWithoutEnd) {
  AccountFiles endless = files;
  endless.group = "wheel:x:10:" + std::string(1 << 17, 'a');
  EXPECT_THROW(resolve_user("app", endless), Error);
}

}  // namespace
}  // namespace kukeon::oci
