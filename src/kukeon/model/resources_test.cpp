// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kukeon/reflect/yaml.h"

namespace kukeon::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

CgroupResources resources(std::string_view yaml) {
  return reflect::from_yaml<CgroupResources>(yaml);
}

std::vector<std::string> lines(const std::vector<CgroupSetting>& settings) {
  std::vector<std::string> out;
  for (const auto& [file, text] : settings) out.push_back(file + " = " + text);
  return out;
}

template <class T>
std::vector<std::string> problems(std::string_view yaml) {
  std::vector<std::string> out;
  for (const auto& problem : resource_problems(reflect::from_yaml<T>(yaml))) {
    out.push_back(problem.to_string());
  }
  return out;
}

TEST(CgroupSettings, AreTheInterfaceFilesOfEachLimit) {
  const auto settings = cgroup_settings(resources(R"(
cpu: {weight: 200, quota: 50000, cpus: "0-1", mems: "0"}
memory: {min: 1, low: 2, high: 3, max: 4, swap: -1}
io:
  weight: 50
  throttle:
    - {type: rbps, major: 8, minor: 0, rate: 1048576}
    - {type: wiops, major: 8, minor: 0, rate: 100}
    - {type: riops, major: 8, minor: 16, rate: 5}
pids: {max: 64}
)"));
  EXPECT_THAT(
      lines(settings),
      ElementsAre("cpu.max = 50000 100000", "cpu.weight = 200", "cpuset.cpus = 0-1",
                  "cpuset.mems = 0", "io.weight = default 50", "memory.high = 3", "memory.low = 2",
                  "memory.max = 4", "memory.min = 1", "memory.swap.max = max", "pids.max = 64",
                  "io.max = 8:0 rbps=1048576 wiops=100", "io.max = 8:16 riops=5"));
  EXPECT_THAT(controllers_of(settings), ElementsAre("cpu", "cpuset", "io", "memory", "pids"));
}

TEST(CgroupSettings, OfNothingAreNone) {
  EXPECT_THAT(cgroup_settings({}), IsEmpty());
  EXPECT_THAT(cgroup_settings(resources("cpu: {}\nmemory: {}\nio: {}\npids: {}\n")), IsEmpty());
}

TEST(CgroupSettings, GoBackToTheKernelsDefaultsWhenALimitIsLifted) {
  const auto before = resources(R"(
cpu: {weight: 200, period: 50000, cpus: "0"}
memory: {low: 2, max: 4}
io: {weight: 50, throttle: [{type: rbps, major: 8, minor: 0, rate: 9}]}
pids: {max: 64}
)");
  EXPECT_THAT(lines(cgroup_settings({}, before)),
              ElementsAre("cpu.max = max 100000", "cpu.weight = 100", "cpuset.cpus = \n",
                          "io.weight = default 100", "memory.low = 0", "memory.max = max",
                          "pids.max = max", "io.max = 8:0 rbps=max"));
  EXPECT_THAT(lines(cgroup_settings(resources("memory: {max: 8}"), resources("memory: {max: 4}"))),
              ElementsAre("memory.max = 8"));
}

TEST(ResourceProblems, AreToldTogetherWithTheirPaths) {
  EXPECT_THAT(
      problems<CgroupResources>(R"(
cpu: {weight: 0, quota: 5, period: 1, cpus: "0-", mems: "a;b"}
memory: {min: -1, low: -2, high: -2, max: -5, swap: -3}
io: {weight: 20000, throttle: [{type: fast, major: -1, minor: 0, rate: 0}]}
pids: {max: -2}
)"),
      ElementsAre("cpu.weight: must be from 1 to 10000, not 0",
                  "cpu.quota: must be 1000 microseconds or more, or -1 for no limit, not 5",
                  "cpu.period: must be from 1000 to 1000000 microseconds, not 1",
                  "cpu.cpus: must be numbers and ranges like 0-3,7, not \"0-\"",
                  "cpu.mems: must be numbers and ranges like 0-3,7, not \"a;b\"",
                  "memory.min: must be 0 or more, not -1", "memory.low: must be 0 or more, not -2",
                  "memory.high: must be 0 or more, or -1 for no limit, not -2",
                  "memory.max: must be 0 or more, or -1 for no limit, not -5",
                  "memory.swap: must be 0 or more, or -1 for no limit, not -3",
                  "io.weight: must be from 1 to 10000, not 20000",
                  "io.throttle[0].type: must be rbps, wbps, riops or wiops, not \"fast\"",
                  "io.throttle[0].major: must be 0 or more, not -1",
                  "io.throttle[0].rate: must be above 0",
                  "pids.max: must be 0 or more, or -1 for no limit, not -2"));
}

TEST(ResourceProblems, AreNoneForWhatTheKernelTakes) {
  for (const char* yaml :
       {"{}", "cpu: {weight: 1, quota: -1, period: 1000000, cpus: '3-3,5,7-9'}",
        "memory: {min: 0, max: -1, swap: 0}", "pids: {max: 1}",
        "io: {throttle: [{type: wbps, major: 0, minor: 0, rate: 1}, {type: rbps, rate: 1}]}"}) {
    EXPECT_THAT(problems<CgroupResources>(yaml), IsEmpty()) << yaml;
  }
}

TEST(ResourceProblems, NameLimitsThatAreSetTwice) {
  EXPECT_THAT(problems<ContainerResources>("memoryLimitBytes: 5\ncpuShares: 5\npidsLimit: 5\n"
                                           "memory: {max: 6}\ncpu: {weight: 1}\npids: {max: 6}\n"),
              ElementsAre("memory.max: memoryLimitBytes sets the same limit: keep one of them",
                          "cpu.weight: cpuShares sets the same limit: keep one of them",
                          "pids.max: pidsLimit sets the same limit: keep one of them"));
  EXPECT_THAT(problems<ContainerResources>("memoryLimitBytes: 0\nmemory: {max: 6, low: 1}\n"),
              IsEmpty());
  EXPECT_THAT(problems<CgroupResources>("io: {throttle: [{type: rbps, major: 8, rate: 1},"
                                        " {type: rbps, major: 8, rate: 2}]}"),
              ElementsAre("io.throttle[1]: this limit of this device is set twice"));
}

}  // namespace
}  // namespace kukeon::model
