// SPDX-License-Identifier: Apache-2.0
#include "kukeon/v1beta1/documents.h"

#include <gtest/gtest.h>

#include "kukeon/reflect/diff.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/yaml.h"
#include "kukeon/v1beta1/golden_texts.h"

namespace kukeon::v1beta1 {
namespace {

using reflect::from_json;
using reflect::from_yaml;
using reflect::to_json;
using reflect::to_yaml;

TEST(EmptyDocuments, AreWrittenByteForByte) {
  EXPECT_EQ(to_json(RealmDoc{}), golden::empty_realm);
  EXPECT_EQ(to_json(SpaceDoc{}), golden::empty_space);
  EXPECT_EQ(to_json(StackDoc{}), golden::empty_stack);
  EXPECT_EQ(to_json(CellDoc{}), golden::empty_cell);
  EXPECT_EQ(to_json(ContainerDoc{}), golden::empty_container);
}

TEST(EmptyDocuments, AreReadFromNothing) {
  EXPECT_EQ(to_json(from_json<CellDoc>("{}")), golden::empty_cell);
  EXPECT_EQ(to_json(from_yaml<ContainerDoc>("{}")), golden::empty_container);
}

TEST(CellPair, IsReadAndWrittenByteForByte) {
  EXPECT_EQ(to_json(from_json<CellDoc>(golden::cell_json)), golden::cell_json);
  EXPECT_EQ(to_yaml(from_yaml<CellDoc>(golden::cell_yaml)), golden::cell_yaml);
  EXPECT_EQ(to_yaml(from_json<CellDoc>(golden::cell_json)), golden::cell_yaml);
  EXPECT_EQ(from_yaml<CellDoc>(golden::cell_yaml), from_json<CellDoc>(golden::cell_json));
}

// Every field once, so that a key, its place or its omitempty cannot change unnoticed.
TEST(FullDocuments, KeepTheOrderOfTheContract) {
  const std::string_view realm =
      R"({"apiVersion":"v1beta1","kind":"Realm","metadata":{"name":"r","labels":{}},"spec":)"
      R"({"namespace":"r.kukeon.io","registryCredentials":[{"username":"u","password":"p",)"
      R"("serverAddress":"ghcr.io"}]},"status":{"state":"Creating","cgroupPath":"/kukeon/r",)"
      R"("subtreeControllers":["cpu"],"createdAt":"2026-01-01T00:00:00Z",)"
      R"("updatedAt":"2026-01-01T00:00:00Z","readyAt":"2026-01-01T00:00:00Z","reason":"R",)"
      R"("message":"m","cgroupReady":true,"containerdNamespaceReady":true}})";
  EXPECT_EQ(to_json(from_json<RealmDoc>(realm)), realm);

  const std::string_view space =
      R"({"apiVersion":"v1beta1","kind":"Space","metadata":{"name":"s","labels":null},"spec":)"
      R"({"realmId":"r","cniConfigPath":"/c","network":{"egress":{"default":"deny","allow":)"
      R"([{"host":"h","ports":[80]},{"cidr":"10.0.0.0/8"}]}},"defaults":{"container":{"user":"u",)"
      R"("readOnlyRootFilesystem":false,"capabilities":{"drop":["ALL"]},"securityOpts":["x"],)"
      R"("tmpfs":[{"path":"/t","sizeBytes":1,"options":["o"]}],"resources":{"memoryLimitBytes":0,)"
      R"("cpuShares":2,"pidsLimit":3}}}},"status":{"state":"Ready","cgroupPath":"/kukeon/r/s",)"
      R"("subtreeControllers":["cpu"],"createdAt":"2026-01-01T00:00:00Z",)"
      R"("updatedAt":"2026-01-01T00:00:00Z","readyAt":"2026-01-01T00:00:00Z","reason":"R",)"
      R"("message":"m","cgroupReady":true}})";
  EXPECT_EQ(to_json(from_json<SpaceDoc>(space)), space);

  const std::string_view container =
      R"({"apiVersion":"","kind":"","metadata":{"name":"","labels":null},"spec":{"id":"a",)"
      R"("containerdId":"s_t_c_a","realmId":"r","spaceId":"s","stackId":"t","cellId":"c","root":true,)"
      R"("image":"i","command":"c","args":[],"workingDir":"/w","env":["A=b"],"ports":["80"],)"
      R"("volumes":[{"kind":"tmpfs","source":"/s","target":"/t","readOnly":true,"sizeBytes":5,)"
      R"("mode":493}],"networks":["n"],"networksAliases":["x"],"privileged":true,"hostNetwork":true,)"
      R"("hostPID":true,"hostCgroup":true,"user":"u","readOnlyRootFilesystem":true,"capabilities":{},)"
      R"("securityOpts":["o"],"tmpfs":[{"path":"/p"}],"resources":{},"secrets":[{"name":"n",)"
      R"("fromFile":"/f","fromEnv":"E","mountPath":"/m"}],"cniConfigPath":"/c","restartPolicy":"always",)"
      R"("attachable":true,"tty":{"prompt":"p","onInit":[{"script":"s"},{}],"logFile":"/l"}},"status":)"
      R"({"name":"a","id":"a","state":"Pausing","restartCount":1,"restartTime":"2026-01-01T00:00:00Z",)"
      R"("startTime":"2026-01-01T00:00:00Z","finishTime":"2026-01-01T00:00:00Z","exitCode":137,)"
      R"("exitSignal":"SIGKILL"}})";
  EXPECT_EQ(to_json(from_json<ContainerDoc>(container)), container);

  const std::string_view cell_spec =
      R"({"id":"c","realmId":"r","spaceId":"s","stackId":"t","rootContainerId":"root",)"
      R"("tty":{"default":"a"},"containers":[],"autoDelete":true,"nestedCgroupRuntime":true})";
  EXPECT_EQ(to_json(from_json<CellSpec>(cell_spec)), cell_spec);
}

TEST(Yaml, ReadsAnOctalMode) {
  const auto mount = from_yaml<VolumeMount>("kind: tmpfs\ntarget: /t\nmode: 0755\n");
  EXPECT_EQ(mount.mode, 493U);
  EXPECT_EQ(to_yaml(mount), "kind: tmpfs\ntarget: /t\nmode: 493\n");
}

TEST(States, AreReadAsLabelsOrNumbersOfTheDocument) {
  EXPECT_EQ(from_json<SpaceStatus>(R"({"state":1})").state, SpaceState::ready);
  EXPECT_EQ(from_json<SpaceStatus>(R"({"state":"Failed"})").state, SpaceState::failed);
  for (const auto* text : {R"({"state":"Creating"})", R"({"state":4})", R"({"state":null})",
                           R"({"state":"ready"})", R"({"state":"2"})"}) {
    EXPECT_THROW(from_json<SpaceStatus>(text), Error) << text;
  }
  EXPECT_EQ(reflect::label(static_cast<CellState>(9)), "Unknown");
}

TEST(NewCellDoc, HasEmptyListsAndNoKind) {
  EXPECT_EQ(
      to_json(new_cell_doc()),
      R"({"apiVersion":"","kind":"","metadata":{"name":"","labels":{}},"spec":{"id":"",)"
      R"("realmId":"","spaceId":"","stackId":"","containers":[]},"status":{"state":"Unknown",)"
      R"("cgroupPath":"","network":{},"containers":[],"createdAt":"0001-01-01T00:00:00Z",)"
      R"("updatedAt":"0001-01-01T00:00:00Z","readyAt":"0001-01-01T00:00:00Z"}})");
}

TEST(NewContainerDoc, CopiesADocumentAndItsListsAreNeverNull) {
  ContainerDoc from;
  from.spec.args = {"x"};
  from.status.state = ContainerState::ready;
  const ContainerDoc doc = new_container_doc(from);
  EXPECT_EQ(doc, from);
  EXPECT_FALSE(doc.spec.env.is_null());
  EXPECT_FALSE(doc.metadata.labels.is_null());
  EXPECT_EQ(new_container_doc().status.state, ContainerState::pending);
}

TEST(Diff, TellsWhatAChangeMeans) {
  RealmDoc before;
  RealmDoc after;
  after.spec.containerd_namespace = "x";
  after.spec.registry_credentials.push_back(
      {.username = "u", .password = "hush", .server_address = ""});
  after.status.state = RealmState::ready;
  const auto differences = reflect::diff(before, after);
  ASSERT_EQ(differences.size(), 2U);
  EXPECT_EQ(differences[0].path, "spec.namespace");
  EXPECT_TRUE(differences[0].tags.has(reflect::Tag::immutable));
  EXPECT_TRUE(differences[1].tags.has(reflect::Tag::live));
  EXPECT_EQ(differences[1].after, "(secret)");
}

// A field whose change has no class would be a change that no plan can explain.
template <class T>
void expect_change_classes() {
  reflect::for_each_field<T>([](const auto& row) {
    const bool classed =
        (row.tags.bits & (reflect::change_class_mask | reflect::Tag::derived).bits) != 0;
    EXPECT_TRUE(classed || row.name == "containers") << row.name;
    EXPECT_TRUE(row.doc.ends_with('.')) << row.name;
  });
}

TEST(Specs, GiveEveryFieldAChangeClass) {
  expect_change_classes<RealmSpec>();
  expect_change_classes<SpaceSpec>();
  expect_change_classes<StackSpec>();
  expect_change_classes<CellSpec>();
  expect_change_classes<ContainerSpec>();
  expect_change_classes<Metadata>();
}

}  // namespace
}  // namespace kukeon::v1beta1
