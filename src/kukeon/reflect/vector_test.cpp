// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "kukeon/reflect/json.h"
#include "kukeon/reflect/test_documents.h"
#include "kukeon/reflect/test_vector.h"
#include "kukeon/reflect/yaml.h"

namespace kukeon::reflect {
namespace {

using testing::Cell;

TEST(TestVector, JsonIsReadAndWrittenByteForByte) {
  EXPECT_EQ(to_json(from_json<Cell>(testing::cell_json)), testing::cell_json);
}

TEST(TestVector, YamlIsReadAndWrittenByteForByte) {
  EXPECT_EQ(to_yaml(from_yaml<Cell>(testing::cell_yaml)), testing::cell_yaml);
}

TEST(TestVector, JsonBecomesTheYamlOfThePair) {
  EXPECT_EQ(to_yaml(from_json<Cell>(testing::cell_json)), testing::cell_yaml);
}

TEST(TestVector, BothTextsMeanTheSameCell) {
  EXPECT_EQ(from_yaml<Cell>(testing::cell_yaml), from_json<Cell>(testing::cell_json));
}

TEST(TestVector, AnEmptyDocumentKeepsItsNulls) {
  EXPECT_EQ(
      to_json(Cell{}),
      R"({"apiVersion":"","kind":"","metadata":{"name":"","labels":null},"spec":{"id":"",)"
      R"("realmId":"","spaceId":"","stackId":"","containers":null},"status":{"state":"Pending",)"
      R"("cgroupPath":"","network":{},"containers":null,"createdAt":"0001-01-01T00:00:00Z",)"
      R"("updatedAt":"0001-01-01T00:00:00Z","readyAt":"0001-01-01T00:00:00Z"}})");
}

TEST(TestVector, TheYamlOfAnEmptyDocumentDropsTimesAndShowsEmptyLists) {
  EXPECT_EQ(to_yaml(Cell{}), R"(apiVersion: ""
kind: ""
metadata:
    name: ""
    labels: {}
spec:
    id: ""
    realmId: ""
    spaceId: ""
    stackId: ""
    containers: []
status:
    state: Pending
    cgroupPath: ""
    containers: []
)");
}

}  // namespace
}  // namespace kukeon::reflect
