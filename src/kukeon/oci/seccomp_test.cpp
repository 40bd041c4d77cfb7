// SPDX-License-Identifier: Apache-2.0
#include "kukeon/oci/seccomp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/oci/capabilities.h"
#include "kukeon/reflect/json.h"

namespace kukeon::oci {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr SeccompHost amd64{
    .word = "amd64", .name = "SCMP_ARCH_X86_64", .kernel_major = 6, .kernel_minor = 1};
constexpr SeccompHost arm64{
    .word = "arm64", .name = "SCMP_ARCH_AARCH64", .kernel_major = 4, .kernel_minor = 7};

std::string converted(const std::string& profile, const reflect::StringList& capabilities = {},
                      const SeccompHost& host = amd64) {
  return seccomp_filter(profile, capabilities, host);
}

// A profile whose one rule allows `reboot` under a condition, and whether it is in the filter.
bool applies(const std::string& condition, const reflect::StringList& capabilities = {},
             const SeccompHost& host = amd64) {
  return converted(fmt::format(R"({{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
      {{"names":["reboot"],"action":"SCMP_ACT_ALLOW",{}}}]}})",
                               condition),
                   capabilities, host)
      .contains("reboot");
}

std::string error_of(const std::string& profile) {
  try {
    converted(profile);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string rule_error(const std::string& rule) {
  return error_of(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[)" + rule + "]}");
}

TEST(SeccompFilter, IsTheOciFormOfADockerProfile) {
  EXPECT_EQ(converted(R"({
    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "defaultErrno": "ENOSYS",
    "archMap": [
      {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
      {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
    "syscalls": [
      {"names": ["accept", "bind"], "action": "SCMP_ACT_ALLOW", "args": [], "comment": "",
       "includes": {}, "excludes": {}},
      {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "includes": {}, "excludes": {},
       "args": [{"index": 0, "value": 4294967295, "valueTwo": 0, "op": "SCMP_CMP_EQ"}]},
      {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": null,
       "includes": {"caps": ["CAP_SYS_ADMIN"]}},
      {"names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "errno": "EPERM",
       "excludes": {"caps": ["CAP_SYS_ADMIN"]}}]})"),
            R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,)"
            R"("architectures":["SCMP_ARCH_X86_64"],"syscalls":[)"
            R"({"names":["accept","bind"],"action":"SCMP_ACT_ALLOW"},)"
            R"({"names":["personality"],"action":"SCMP_ACT_ALLOW",)"
            R"("args":[{"index":0,"value":4294967295,"op":"SCMP_CMP_EQ"}]},)"
            R"({"names":["clone"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]})");
}

TEST(SeccompFilter, KeepsAnOciProfileAsItIs) {
  const std::string profile =
      R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,)"
      R"("architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"],)"
      R"("flags":["SECCOMP_FILTER_FLAG_LOG"],"listenerPath":"/run/agent.sock",)"
      R"("listenerMetadata":"x","syscalls":[{"names":["a"],"action":"SCMP_ACT_TRACE",)"
      R"("errnoRet":0,"args":[{"index":5,"value":18446744073709551615,"valueTwo":7,)"
      R"("op":"SCMP_CMP_MASKED_EQ"}]}]})";
  EXPECT_EQ(converted(profile), profile);
}

TEST(SeccompFilter, TakesTheOldFormWithOneNameARule) {
  EXPECT_EQ(converted(R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],
                          "syscalls":[{"name":"ptrace","action":"SCMP_ACT_KILL"}]})"),
            R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],)"
            R"("syscalls":[{"names":["ptrace"],"action":"SCMP_ACT_KILL"}]})");
}

TEST(SeccompFilter, TakesTheErrnoByNameBeforeItsNumber) {
  EXPECT_THAT(converted(R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrno":"ENOSYS","syscalls":[
                {"names":["a"],"action":"SCMP_ACT_ERRNO","errnoRet":9,"errno":"EINVAL"},
                {"names":["b"],"action":"SCMP_ACT_ERRNO","errno":"5"}]})"),
              testing::AllOf(HasSubstr(R"("defaultErrnoRet":38)"),
                             HasSubstr(R"(["a"],"action":"SCMP_ACT_ERRNO","errnoRet":22)"),
                             HasSubstr(R"(["b"],"action":"SCMP_ACT_ERRNO","errnoRet":5)")));
}

// A runtime refuses an errno on an action that has none.
TEST(SeccompFilter, HasNoErrnoWhereTheActionHasNone) {
  EXPECT_THAT(converted(R"({"defaultAction":"SCMP_ACT_KILL","defaultErrnoRet":1,"syscalls":[
                {"names":["a"],"action":"SCMP_ACT_ALLOW","errnoRet":1}]})"),
              Not(HasSubstr("rrnoRet")));
}

TEST(SeccompFilter, IncludesWantEveryCapabilityAndOneArchitecture) {
  EXPECT_TRUE(applies(R"("includes":{"caps":["CAP_A","CAP_B"]})", {"CAP_B", "CAP_C", "CAP_A"}));
  EXPECT_FALSE(applies(R"("includes":{"caps":["CAP_A","CAP_B"]})", {"CAP_A"}));
  EXPECT_TRUE(applies(R"("includes":{"arches":["arm64","amd64"]})"));
  EXPECT_FALSE(applies(R"("includes":{"arches":["arm64"]})"));
  EXPECT_TRUE(applies(R"("includes":{"arches":["arm64"]})", {}, arm64));
  EXPECT_FALSE(applies(R"("includes":{"arches":["amd64"],"caps":["CAP_A"]})"));
}

TEST(SeccompFilter, ExcludesWantOneOfThem) {
  EXPECT_FALSE(applies(R"("excludes":{"caps":["CAP_A","CAP_B"]})", {"CAP_B"}));
  EXPECT_TRUE(applies(R"("excludes":{"caps":["CAP_A","CAP_B"]})", {"CAP_C"}));
  EXPECT_FALSE(applies(R"("excludes":{"arches":["arm64","amd64"]})"));
  EXPECT_TRUE(applies(R"("excludes":{"arches":["arm64"]})"));
}

TEST(SeccompFilter, KnowsWhichKernelARuleNeeds) {
  EXPECT_TRUE(applies(R"("includes":{"minKernel":"4.8"})"));
  EXPECT_TRUE(applies(R"("includes":{"minKernel":"6.1"})"));
  EXPECT_FALSE(applies(R"("includes":{"minKernel":"6.2"})"));
  EXPECT_FALSE(applies(R"("includes":{"minKernel":"4.8"})", {}, arm64));
  EXPECT_FALSE(applies(R"("excludes":{"minKernel":"4.8"})"));
  EXPECT_TRUE(applies(R"("excludes":{"minKernel":"4.8"})", {}, arm64));
}

TEST(SeccompFilter, NamesNoArchitectureThatTheProfileDoesNotKnow) {
  const std::string profile =
      R"({"defaultAction":"SCMP_ACT_ALLOW","archMap":[{"architecture":"SCMP_ARCH_S390X"}]})";
  EXPECT_EQ(converted(profile), R"({"defaultAction":"SCMP_ACT_ALLOW"})");
}

TEST(SeccompFilter, RefusesWhatIsNoProfile) {
  EXPECT_EQ(error_of("[]"), "seccomp profile: is no JSON object");
  EXPECT_THAT(error_of("{"), HasSubstr("line 1"));
  EXPECT_EQ(error_of("{}"), "seccomp profile: \"\" is no action");
  EXPECT_EQ(error_of(R"({"defaultAction":"SCMP_ACT_ERNO"})"),
            "seccomp profile: \"SCMP_ACT_ERNO\" is no action; did you mean SCMP_ACT_ERRNO?");
  EXPECT_EQ(error_of(R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":["amd64"]})"),
            "seccomp profile: \"amd64\" is no architecture");
  EXPECT_EQ(error_of(R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],
                         "archMap":[{"architecture":"SCMP_ARCH_X86"}]})"),
            "seccomp profile: has both architectures and archMap; keep one");
  EXPECT_THAT(error_of(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":{}})"),
              HasSubstr("syscalls"));
  EXPECT_EQ(rule_error(R"({"action":"SCMP_ACT_LOG"})"),
            "rule 0: seccomp profile: a rule names no system call");
  EXPECT_EQ(rule_error(R"({"names":["a"],"action":"ALLOW"})"),
            "rule 0: seccomp profile: \"ALLOW\" is no action");
  EXPECT_EQ(rule_error(R"({"names":["a"],"action":"SCMP_ACT_LOG",
                           "args":[{"index":6,"op":"SCMP_CMP_EQ"}]})"),
            "rule 0: seccomp profile: a system call has no argument 6");
  EXPECT_EQ(rule_error(R"({"names":["a"],"action":"SCMP_ACT_LOG","args":[{"op":"=="}]})"),
            "rule 0: seccomp profile: \"==\" is no comparison");
  EXPECT_EQ(rule_error(R"({"names":["a"],"action":"SCMP_ACT_ERRNO","errno":"EWHAT"})"),
            "seccomp profile: \"EWHAT\" is no errno");
  EXPECT_EQ(rule_error(R"({"names":["a"],"action":"SCMP_ACT_LOG",
                           "includes":{"minKernel":"new"}})"),
            "seccomp profile: minKernel \"new\" is no <major>.<minor>");
}

TEST(SeccompFilter, HasBounds) {
  std::string rules;
  for (int i = 0; i < 4097; ++i) {
    rules += R"({"names":["a"],"action":"SCMP_ACT_LOG"},)";
  }
  rules.pop_back();
  EXPECT_EQ(rule_error(rules), "seccomp profile: has more than 4096 rules");
  std::string names;
  for (int i = 0; i < 16385; ++i) names += R"("a",)";
  names.pop_back();
  EXPECT_EQ(rule_error(R"({"action":"SCMP_ACT_LOG","names":[)" + names + "]}"),
            "seccomp profile: names more than 16384 calls");
  EXPECT_THAT(rule_error(std::string(20, '[') + std::string(20, ']')), HasSubstr("deep"));
}

// --- the profile that kukeon was built with ---

// Names of the rules with an action, and with or without conditions on arguments.
std::set<std::string> named(const std::string& filter, std::string_view action, bool with_args) {
  std::set<std::string> names;
  const auto tree = reflect::parse_json(filter);
  for (const auto& rule : tree.find("syscalls")->items) {
    if (rule.find("action")->text != action || (rule.find("args") != nullptr) != with_args)
      continue;
    for (const auto& name : rule.find("names")->items) names.insert(name.text);
  }
  return names;
}

TEST(DefaultSeccompProfile, KeepsModulesClocksAndTracingFromAPlainContainer) {
  const auto filter = seccomp_filter(default_seccomp_profile(), default_capabilities(), amd64);
  EXPECT_THAT(filter, HasSubstr(R"("architectures":["SCMP_ARCH_X86_64"])"));
  const auto allowed = named(filter, "SCMP_ACT_ALLOW", false);
  for (const char* name : {"read", "execve", "futex", "openat2", "chroot", "arch_prctl"}) {
    EXPECT_TRUE(allowed.contains(name)) << name;
  }
  for (const char* name : {"bpf", "init_module", "kexec_load", "open_by_handle_at", "acct",
                           "swapon", "settimeofday", "perf_event_open", "s390_runtime_instr"}) {
    EXPECT_FALSE(allowed.contains(name)) << name;
  }
}

TEST(DefaultSeccompProfile, GivesWithEveryCapabilityTheCallsBehindIt) {
  const auto with = [](const std::string& capability) {
    auto capabilities = default_capabilities();
    capabilities.push_back(capability);
    return named(seccomp_filter(default_seccomp_profile(), capabilities, amd64), "SCMP_ACT_ALLOW",
                 false);
  };
  EXPECT_TRUE(with("CAP_SYS_ADMIN").contains("bpf"));
  EXPECT_TRUE(with("CAP_SYS_MODULE").contains("init_module"));
  EXPECT_TRUE(with("CAP_SYS_TIME").contains("settimeofday"));
  EXPECT_FALSE(with("CAP_SYS_TIME").contains("init_module"));
  const auto none =
      named(seccomp_filter(default_seccomp_profile(), {}, amd64), "SCMP_ACT_ALLOW", false);
  EXPECT_FALSE(none.contains("chroot"));
}

TEST(DefaultSeccompProfile, HoldsForOtherArchitectures) {
  const auto filter = seccomp_filter(default_seccomp_profile(), default_capabilities(), arm64);
  EXPECT_THAT(filter, HasSubstr(R"("architectures":["SCMP_ARCH_AARCH64"])"));
  EXPECT_FALSE(named(filter, "SCMP_ACT_ALLOW", false).contains("arch_prctl"));
}

TEST(DefaultSeccompFilters, AreTheSameForTheSameCapabilitiesInAnyOrder) {
  DefaultSeccompFilters filters{amd64};
  const auto one = filters.for_capabilities({"CAP_CHOWN", "CAP_SYS_TIME"});
  EXPECT_EQ(one, filters.for_capabilities({"CAP_SYS_TIME", "CAP_CHOWN"}));
  EXPECT_EQ(one, seccomp_filter(default_seccomp_profile(), {"CAP_CHOWN", "CAP_SYS_TIME"}, amd64));
  EXPECT_NE(one, filters.for_capabilities({"CAP_CHOWN"}));
  // Many sets, from many threads: bounded, and right.
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) filters.for_capabilities({fmt::format("CAP_{}", i)});
    });
  }
  threads.clear();
  EXPECT_EQ(one, filters.for_capabilities({"CAP_CHOWN", "CAP_SYS_TIME"}));
}

TEST(SeccompHost, IsThisMachine) {
  const auto host = SeccompHost::here();
  EXPECT_GE(host.kernel_major, 3);
  EXPECT_FALSE(host.word.empty());
}

}  // namespace
}  // namespace kukeon::oci
