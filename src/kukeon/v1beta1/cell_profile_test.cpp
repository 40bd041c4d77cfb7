// SPDX-License-Identifier: Apache-2.0
#include "kukeon/v1beta1/cell_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "kukeon/base/error.h"

namespace kukeon::v1beta1 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Values = std::map<std::string, std::string, std::less<>>;

ParameterValue from(const Values& values) {
  return [&values](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
}

CellProfile read(std::string_view yaml, const Values& passed = {}, const Values& environment = {}) {
  return read_cell_profile(yaml, from(passed), from(environment));
}

std::string refusal(std::string_view yaml, const Values& passed = {}) {
  try {
    read(yaml, passed);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

constexpr std::string_view agent = R"(apiVersion: v1beta1
kind: CellProfile
metadata:
  name: agent
spec:
  realm: default
  prefix: run
  parameters:
    - name: IMAGE
      default: busybox
    - name: SIZE
      required: true
    - name: TTY
    - name: HOME_DIR
  cell:
    autoDelete: true
    containers:
      - id: main
        image: ${IMAGE}
        attachable: ${TTY}
        args: ["-c", "echo ${IMAGE} ${1:-x} $HOME ${HOME_DIR}", "${HOME_DIR}"]
        tmpfs:
          - {path: /tmp, sizeBytes: "${SIZE}"}
)";

TEST(CellProfile, PutsValuesWhereTheirNamesStand) {
  const CellProfile profile = read(agent, {{"SIZE", "4096"}, {"TTY", "true"}},
                                   {{"IMAGE", "ignored"}, {"HOME_DIR", "/root"}});
  EXPECT_EQ(profile.metadata.name, "agent");
  EXPECT_EQ(profile.spec.prefix, "run");
  const auto& container = profile.spec.cell.containers.at(0);
  EXPECT_EQ(container.image, "busybox");
  EXPECT_TRUE(container.attachable);
  EXPECT_EQ(container.tmpfs.at(0).size_bytes, 4096);
  EXPECT_THAT(container.args, ElementsAre("-c", "echo busybox ${1:-x} $HOME /root", "/root"));
}

TEST(CellProfile, IsEmptyWhereNoValueIsFound) {
  const CellProfile profile = read(agent, {{"SIZE", "1"}, {"TTY", "no"}});
  EXPECT_THAT(profile.spec.cell.containers.at(0).args,
              ElementsAre("-c", "echo busybox ${1:-x} $HOME ", ""));
}

TEST(CellProfile, SaysWhatIsWrongWithEveryPlace) {
  EXPECT_EQ(
      refusal("kind: Cell\nspec:\n  parameters:\n    - name: 1A\n    - {name: B, required: "
              "true}\n    - name: B\n  cell:\n    containers:\n      - image: ${C}\n"),
      "profile is invalid:\n"
      "  line 1, column 7: kind: must be CellProfile, not \"Cell\"\n"
      "  line 1, column 1: metadata.name is required\n"
      "  line 4, column 5: spec.parameters[0]: \"1A\" is no name: letters, digits and _, not a "
      "digit first\n"
      "  line 4, column 5: spec.parameters[1]: parameter \"B\" is required: pass it, or set it "
      "in the environment\n"
      "  line 4, column 5: spec.parameters[2]: parameter \"B\" is declared twice\n"
      "  line 9, column 16: spec.cell.containers[0].image: ${C} is no parameter of this "
      "profile");
}

TEST(CellProfile, IsTypedAfterSubstitution) {
  EXPECT_THAT(refusal(agent, {{"SIZE", "big"}, {"TTY", "true"}}),
              HasSubstr("spec.cell.containers[0].tmpfs[0].sizeBytes: must be a whole number"));
}

TEST(CellProfile, MustNotNameItsCellsOrFieldsThatAreNot) {
  const std::string text =
      "kind: CellProfile\nmetadata: {name: a}\nspec:\n  cell:\n    id: x\n    contaners: []\n";
  EXPECT_EQ(refusal(text),
            "profile is invalid:\n"
            "  line 6, column 5: spec.cell: unknown field \"contaners\" (did you mean "
            "\"containers\"?)\n"
            "  line 5, column 5: spec.cell.id: must be empty: each cell made from a profile gets a "
            "name of its own");
}

TEST(CellProfile, LeavesKeysAndItsOwnParametersAlone) {
  const CellProfile profile = read(
      "kind: CellProfile\nmetadata: {name: a, labels: {'${P}': '${P}'}}\nspec:\n"
      "  parameters: [{name: P, default: x, description: 'for ${P}'}]\n  cell: {}\n");
  EXPECT_EQ(profile.metadata.labels.begin()->first, "${P}");
  EXPECT_EQ(profile.metadata.labels.begin()->second, "x");
  EXPECT_EQ(profile.spec.parameters.at(0).description, "for ${P}");
}

}  // namespace
}  // namespace kukeon::v1beta1
