// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/nft.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include <thread>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/files.h"
#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"
#include "kukeon/kernel/isolation.h"

namespace kukeon::kernel {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;

class NftTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = isolate_process()) GTEST_SKIP() << *reason;
    nft_.emplace();
  }
  std::optional<Nft> nft_;
};

TEST_F(NftTest, AppliesARulesetAndListsIt) {
  nft_->run(
      "add table inet t\nadd set inet t s { type ipv4_addr; }\nadd element inet t s { 10.0.0.1 "
      "}\n");
  EXPECT_THAT(nft_->list("list table inet t"), Optional(HasSubstr("10.0.0.1")));
  EXPECT_THAT(nft_->list("list table inet t", Nft::Format::json),
              Optional(HasSubstr("\"nftables\"")));
}

TEST_F(NftTest, ListsNothingOfWhatDoesNotExist) {
  EXPECT_EQ(nft_->list("list table inet nowhere"), std::nullopt);
  nft_->run("add table inet t");
  EXPECT_EQ(nft_->list("list chain inet t nowhere"), std::nullopt);
}

TEST_F(NftTest, AppliesNothingWhenOneCommandFails) {
  try {
    nft_->run("add table inet t\nadd rule inet t nowhere accept\n");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("nft: "));
    EXPECT_THAT(error.what(), Not(HasSubstr("Error:")));
  }
  EXPECT_EQ(nft_->list("list table inet t"), std::nullopt);
}

TEST_F(NftTest, NamesASyntaxError) {
  try {
    nft_->run("add tabel inet t\n");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("syntax error"));
  }
  nft_->run("add table inet t");  // and is usable afterwards
}

TEST_F(NftTest, ServesThreadsOneAtATime) {
  nft_->run("add table inet t\nadd set inet t s { type ipv4_addr; }\n");
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([this, t] {
        for (int i = 0; i < 20; ++i) {
          nft_->run(fmt::format("add element inet t s {{ 10.0.{}.{} }}\n", t, i));
        }
      });
    }
  }
  const std::string listing = nft_->list("list set inet t s").value();
  EXPECT_EQ(split(listing, ',').size(), 80U);
}

TEST_F(NftTest, KeepsItsSocketFromTheProgramsWeStart) {
  Command command;
  command.argv = {"ls", "-l", "/proc/self/fd"};
  const Output output = run(command, std::chrono::seconds{10});
  EXPECT_THAT(output.out, Not(HasSubstr("socket:")));
}

}  // namespace
}  // namespace kukeon::kernel
