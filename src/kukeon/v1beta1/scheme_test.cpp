// SPDX-License-Identifier: Apache-2.0
#include "kukeon/v1beta1/scheme.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "kukeon/base/error_kinds.h"
#include "kukeon/reflect/json.h"
#include "kukeon/v1beta1/golden_texts.h"

namespace kukeon::v1beta1 {
namespace {

using reflect::from_json;
using reflect::to_json;
using testing::Contains;
using testing::HasSubstr;
using testing::StrEq;

template <class Doc>
std::string round_trip(std::string_view json) {
  return to_json(from_model(to_model(from_json<Doc>(json))));
}

std::string with(std::string_view text, std::string_view from, std::string_view to) {
  std::string out{text};
  for (std::size_t at = 0; (at = out.find(from, at)) != std::string::npos; at += to.size()) {
    out.replace(at, from.size(), to);
  }
  return out;
}

std::string headed(std::string_view text, std::string_view kind) {
  return with(with(text, R"("apiVersion":"")", R"("apiVersion":"v1beta1")"), R"("kind":"")",
              R"("kind":")" + std::string{kind} + '"');
}

template <class Doc>
std::string refusal(std::string_view json) {
  try {
    to_model(from_json<Doc>(json));
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::conversion_failed));
    return error.message();
  }
  return "accepted";
}

TEST(RoundTrip, GivesAnEmptyDocumentItsHeading) {
  EXPECT_EQ(round_trip<RealmDoc>("{}"), headed(golden::empty_realm, "Realm"));
  EXPECT_EQ(round_trip<SpaceDoc>("{}"), headed(golden::empty_space, "Space"));
  EXPECT_EQ(round_trip<StackDoc>("{}"), headed(golden::empty_stack, "Stack"));
  EXPECT_EQ(round_trip<ContainerDoc>("{}"), headed(golden::empty_container, "Container"));
  EXPECT_EQ(round_trip<CellDoc>("{}"),
            with(headed(golden::empty_cell, "Cell"), R"("containers":null)", R"("containers":[])"));
}

TEST(RoundTrip, ChangesNothingInTheCellOfThePair) {
  EXPECT_EQ(round_trip<CellDoc>(golden::cell_json), golden::cell_json);
}

TEST(RoundTrip, KeepsNullAndEmptyApart) {
  const auto spec = to_json(from_model(to_model(from_json<ContainerSpec>(
      R"({"args":[],"env":null,"volumes":[],"capabilities":{},"resources":{},"containerdId":"x"})"))));
  EXPECT_EQ(
      spec,
      R"({"id":"","containerdId":"x","realmId":"","spaceId":"","stackId":"","cellId":"",)"
      R"("image":"","command":"","args":[],"env":null,"ports":null,"volumes":[],"networks":null,)"
      R"("networksAliases":null,"privileged":false,"capabilities":{},"resources":{},)"
      R"("restartPolicy":""})");
}

TEST(ToModel, RenamesTheParents) {
  const auto cell = to_model(from_json<CellDoc>(golden::cell_json));
  EXPECT_EQ(cell.path().key(), "default/default/default/web");
  EXPECT_EQ(cell.spec.containers[0].path().key(), "default/default/default/web/app");
  EXPECT_TRUE(cell.status.ready_observed);
}

TEST(ToModel, NeverCarriesAContainerdIdOnADocumentOfItsOwn) {
  const auto container = to_model(from_json<ContainerDoc>(R"({"spec":{"containerdId":"x"}})"));
  EXPECT_EQ(container.spec.containerd_id, "");
  model::Container back;
  back.spec.containerd_id = "x";
  EXPECT_EQ(from_model(back).spec.containerd_id, "");
}

TEST(ToModel, DropsEmptyTerminalBlocks) {
  const auto cell = to_model(
      from_json<CellDoc>(R"({"spec":{"tty":{},"containers":[{"tty":{"onInit":[{"script":""}]}},)"
                         R"({"attachable":true,"tty":{"onInit":[{},{"script":"x"}]}}]}})"));
  EXPECT_FALSE(cell.spec.tty);
  EXPECT_FALSE(cell.spec.containers[0].tty);
  EXPECT_EQ(cell.spec.containers[1].tty->on_init.size(), 2U);
}

TEST(ToModel, WritesTheFlaggedRootDown) {
  const auto cell = to_model(
      from_json<CellDoc>(R"({"spec":{"containers":[{"id":"a"},{"id":"b","root":true}]}})"));
  EXPECT_EQ(cell.spec.root_container_id, "b");
}

TEST(ToModel, LeavesTheFlagOfANamedRootAlone) {
  const auto cell =
      to_model(from_json<CellDoc>(R"({"spec":{"rootContainerId":"a","containers":[{"id":"a"}]}})"));
  EXPECT_FALSE(cell.spec.containers[0].root);
}

TEST(ToModel, RefusesOtherVersions) {
  EXPECT_EQ(refusal<RealmDoc>(R"({"apiVersion":"v2"})"), "unsupported apiVersion for Realm: v2");
  EXPECT_EQ(refusal<ContainerDoc>(R"({"apiVersion":"v1"})"),
            "unsupported apiVersion for Container: v1");
}

TEST(ToModel, RefusesRootsAndTerminalsThatDisagree) {
  EXPECT_EQ(refusal<ContainerDoc>(R"({"spec":{"id":"a","tty":{"prompt":">"}}})"),
            R"(container "a": tty fields require attachable: true)");
  EXPECT_EQ(refusal<CellDoc>(R"({"spec":{"tty":{"default":"x"},"containers":[{"id":"a"}]}})"),
            R"(cell tty.default "x" does not match any container in this cell)");
  EXPECT_EQ(refusal<CellDoc>(R"({"spec":{"tty":{"default":"a"},"containers":[{"id":"a"}]}})"),
            R"(cell tty.default "a" references container that is not attachable)");
  EXPECT_EQ(refusal<CellDoc>(
                R"({"spec":{"containers":[{"id":"a","root":true},{"id":"b","root":true}]}})"),
            "only one container in a cell may have root: true: [a b]");
  EXPECT_EQ(refusal<CellDoc>(R"({"spec":{"rootContainerId":"x","containers":[{"id":"a"}]}})"),
            R"(rootContainerId "x" not found in containers array)");
  EXPECT_EQ(
      refusal<CellDoc>(
          R"({"spec":{"rootContainerId":"a","containers":[{"id":"a"},{"id":"b","root":true}]}})"),
      R"(rootContainerId disagrees with container marked root: true: rootContainerId is "a" but )"
      R"(container "b" has root: true)");
}

TEST(FromModel, RefusesRootsThatDisagree) {
  model::Cell cell;
  cell.spec.root_container_id = "x";
  EXPECT_THROW(from_model(cell), Error);
}

// The label sets of reference v0.5.0 (model.md §2): a peer of that version decodes no other word.
constexpr std::array cell_labels{"Pending", "Ready", "Stopped", "Failed", "Unknown"};
constexpr std::array container_labels{"Pending", "Ready",  "Stopped", "Paused",
                                      "Pausing", "Failed", "Unknown"};

template <class State>
std::vector<State> all_states() {
  std::vector<State> states;
  for (std::size_t i = 0; i < reflect::Labels<State>::words.size(); ++i) {
    states.push_back(static_cast<State>(i));
  }
  return states;
}

TEST(CellStates, InDocumentsAreThoseThatEveryPeerDecodes) {
  for (const CellState state : all_states<CellState>()) {
    model::Cell cell;
    cell.status.state = state;
    const CellDoc doc = from_model(cell);
    EXPECT_THAT(cell_labels, Contains(StrEq(reflect::label(doc.status.state))));
    EXPECT_EQ(state_word(doc.status), reflect::label(state));
    EXPECT_EQ(to_model(from_json<CellDoc>(to_json(doc))).status.state, state);
    EXPECT_EQ(to_model(doc).status.exact_state, "");
  }
}

TEST(ContainerStates, InDocumentsAreThoseThatEveryPeerDecodes) {
  for (const ContainerState state : all_states<ContainerState>()) {
    model::Container container;
    container.status.state = state;
    const ContainerDoc doc = from_model(container);
    EXPECT_THAT(container_labels, Contains(StrEq(reflect::label(doc.status.state))));
    EXPECT_EQ(to_model(from_json<ContainerDoc>(to_json(doc))).status.state, state);

    model::Cell cell;
    cell.status.containers.push_back(container.status);
    const CellDoc cell_doc = from_model(cell);
    EXPECT_THAT(container_labels,
                Contains(StrEq(reflect::label(cell_doc.status.containers[0].state))));
    EXPECT_EQ(to_model(cell_doc).status.containers[0].state, state);
  }
}

TEST(CellStates, AreTakenFromALaterPeersLabelToo) {
  EXPECT_EQ(to_model(from_json<CellDoc>(R"({"status":{"state":"Degraded"}})")).status.state,
            CellState::degraded);
  // A word of a version after this one is no reason to lose the document.
  EXPECT_EQ(to_model(from_json<CellDoc>(R"({"status":{"state":"Ready","exactState":"Odd"}})"))
                .status.state,
            CellState::ready);
}

TEST(CellStates, AreExactOnlyWhereTheLabelIsNot) {
  model::Cell cell;
  cell.status.state = CellState::ready;
  EXPECT_EQ(to_json(from_model(cell)).find("exactState"), std::string::npos);
  cell.status.state = CellState::degraded;
  EXPECT_THAT(to_json(from_model(cell)), HasSubstr(R"("state":"Ready","exactState":"Degraded")"));
}

TEST(SpaceStates, FollowTheTable) {
  const std::pair<model::SpaceState, SpaceState> out[] = {
      {model::SpaceState::pending, SpaceState::pending},
      {model::SpaceState::creating, SpaceState::ready},
      {model::SpaceState::ready, SpaceState::ready},
      {model::SpaceState::deleting, SpaceState::failed},
      {model::SpaceState::failed, SpaceState::failed},
      {model::SpaceState::unknown, SpaceState::unknown},
  };
  for (const auto& [internal, external] : out) {
    model::Space space;
    space.status.state = internal;
    EXPECT_EQ(from_model(space).status.state, external);
  }
  for (const auto state :
       {SpaceState::pending, SpaceState::ready, SpaceState::failed, SpaceState::unknown}) {
    EXPECT_EQ(from_model(to_model(state)), state);
  }
}

}  // namespace
}  // namespace kukeon::v1beta1
