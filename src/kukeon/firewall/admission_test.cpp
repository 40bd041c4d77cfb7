// SPDX-License-Identifier: Apache-2.0
#include "kukeon/firewall/admission.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "kukeon/base/error.h"
#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"
#include "kukeon/kernel/isolation.h"

namespace kukeon::firewall {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ForwardAdmissionTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (const auto reason = kernel::isolate_process()) GTEST_SKIP() << *reason;
    try {
      if (!iptables({"-S", "FORWARD"}).exit.ok())
        GTEST_SKIP() << GetParam() << " does not work here";
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
    nft_.emplace();
    admission_.emplace(*nft_);
  }
  static Output iptables(const std::vector<std::string>& words) {
    Command command;
    command.argv = {GetParam(), "-w"};
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    return run(command, std::chrono::seconds{10});
  }
  static std::vector<std::string> forward_chain() {
    const Output listing = iptables({"-S", "FORWARD"});
    EXPECT_TRUE(listing.exit.ok()) << listing.err;
    return split(trim(listing.out), '\n');
  }

  std::optional<kernel::Nft> nft_;
  std::optional<ForwardAdmission> admission_;
};

constexpr const char* established =
    "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "
    "\"kukeon-forward:established\" -j ACCEPT";
constexpr const char* ingress =
    "-A FORWARD ! -i k-+ -o k-+ -m comment --comment \"kukeon-forward:ingress\" -j ACCEPT";
constexpr const char* foreign = "-A FORWARD -i docker0 -j ACCEPT";

TEST_P(ForwardAdmissionTest, EntersAChainThatDropsAheadOfItsRulesAndOnlyOnce) {
  iptables({"-P", "FORWARD", "DROP"});
  iptables({"-A", "FORWARD", "-i", "docker0", "-j", "ACCEPT"});
  EXPECT_TRUE(admission_->ensure());
  EXPECT_TRUE(admission_->ensure());
  EXPECT_THAT(forward_chain(), ElementsAre("-P FORWARD DROP", ingress, established, foreign));
}

TEST_P(ForwardAdmissionTest, PutsBackWhatSomebodyFlushed) {
  iptables({"-P", "FORWARD", "DROP"});
  admission_->ensure();
  iptables({"-F", "FORWARD"});
  EXPECT_TRUE(admission_->ensure());
  EXPECT_THAT(forward_chain(), ElementsAre("-P FORWARD DROP", ingress, established));
}

TEST_P(ForwardAdmissionTest, LeavesAChainThatAcceptsAlone) {
  EXPECT_FALSE(admission_->ensure());
  EXPECT_THAT(forward_chain(), ElementsAre("-P FORWARD ACCEPT"));
}

TEST_P(ForwardAdmissionTest, RemovesItsOwnRulesAndNoOthers) {
  iptables({"-P", "FORWARD", "DROP"});
  iptables({"-A", "FORWARD", "-i", "docker0", "-j", "ACCEPT"});
  admission_->ensure();
  EXPECT_THAT(admission_->inventory(), ::testing::SizeIs(2));
  iptables({"-P", "FORWARD", "ACCEPT"});
  admission_->remove();
  admission_->remove();
  EXPECT_THAT(admission_->inventory(), IsEmpty());
  EXPECT_THAT(forward_chain(), ElementsAre("-P FORWARD ACCEPT", foreign));
}

INSTANTIATE_TEST_SUITE_P(BothPacketFilters, ForwardAdmissionTest,
                         ::testing::Values("iptables-nft", "iptables-legacy"));

TEST(ForwardAdmission, MakesNoTableOnAHostWithoutOne) {
  if (const auto reason = kernel::isolate_process()) GTEST_SKIP() << *reason;
  kernel::Nft nft;
  ForwardAdmission admission{nft};
  EXPECT_FALSE(admission.ensure());
  admission.remove();
  EXPECT_THAT(admission.inventory(), IsEmpty());
  EXPECT_EQ(nft.list("list table ip filter"), std::nullopt);
}

}  // namespace
}  // namespace kukeon::firewall
