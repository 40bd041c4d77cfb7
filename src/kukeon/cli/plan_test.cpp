// SPDX-License-Identifier: Apache-2.0
// plan, diff, apply --plan and --prune, delete -f, against a daemon that answers what it is told.
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kukeon/api/daemon_methods.h"
#include "kukeon/api/document_methods.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/cli/fake_daemon.h"

namespace kukeon::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

api::PlannedChange a_change(const std::string& kind, const std::string& path,
                            const std::string& action) {
  return {.kind = kind, .name = path.substr(path.rfind('/') + 1), .path = path, .action = action};
}

class PlanCommands : public ::testing::Test {
 protected:
  PlanCommands() {
    daemon_.on<api::PlanDocuments>([this](const auto& request) {
      asked_ = request;
      return plan_;
    });
    daemon_.on<api::ApplyDocuments>([this](const auto& request) {
      applied_ = request;
      api::ApplyDocuments::Result result;
      result.resources.push_back({.kind = "Cell", .name = "web", .action = "created"});
      return result;
    });
    plan_.hash = "sha256:abc";
  }

  FakeDaemon daemon_;
  api::PlanDocuments::Result plan_;
  api::PlanDocuments::Request asked_;
  std::optional<api::ApplyDocuments::Request> applied_;
};

TEST_F(PlanCommands, PlanIsPrintedForPeople) {
  api::PlannedChange cell = a_change("Cell", "r/s/t/web", "update");
  cell.changed.push_back({"spec.autoDelete", "false", "true", "live"});
  cell.containers.push_back({"app", "recreate", {{"image", R"("a")", R"("b")", "recreate"}}});
  cell.containers.push_back({"side", "add", {}});
  cell.objects.push_back({"replace", "container app"});
  plan_.changes = {a_change("Realm", "r", "none"), a_change("Space", "r/s", "create"), cell,
                   a_change("Cell", "r/s/t/old", "delete")};
  plan_.changes[1].index = -1;
  const Ran ran = run_kuke({"plan", "-f", "-"}, daemon_, "x");
  EXPECT_EQ(ran.out,
            "+ space r/s (implied)\n"
            "~ cell r/s/t/web\n"
            "    spec.autoDelete: false -> true (live)\n"
            "    ~ container app (recreate)\n"
            "        image: \"a\" -> \"b\" (recreate)\n"
            "    + container side (add)\n"
            "    * replace container app\n"
            "- cell r/s/t/old\n"
            "\n"
            "Plan: 1 to create, 1 to change, 1 to delete, 1 unchanged.\n"
            "Hash: sha256:abc\n");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(asked_.raw_yaml.data, "x");
  EXPECT_EQ(run_kuke({"apply", "-f", "-", "--dry-run"}, daemon_, "x").out, ran.out);
  EXPECT_FALSE(applied_);
  EXPECT_THAT(run_kuke({"plan", "-f", "-", "-o", "json"}, daemon_).out,
              StartsWith("{\n  \"hash\": \"sha256:abc\",\n  \"changes\": ["));
  EXPECT_THAT(run_kuke({"plan", "-f", "-", "-o", "yaml"}, daemon_).out,
              StartsWith("hash: sha256:abc\nchanges:\n"));
}

TEST_F(PlanCommands, PlanThatWouldFailFails) {
  plan_.changes = {a_change("Cell", "r/s/t/web", "refuse")};
  plan_.changes[0].error = "cell \"web\" has breaking changes";
  const Ran ran = run_kuke({"plan", "-f", "-"}, daemon_);
  EXPECT_THAT(ran.out, StartsWith("! cell r/s/t/web: cell \"web\" has breaking changes\n"));
  EXPECT_EQ(ran.err, "Error: config error: some resources would fail to apply\n");
  EXPECT_EQ(ran.code, 1);
}

TEST_F(PlanCommands, DiffSaysByItsCodeWhetherAnythingDiffers) {
  plan_.changes = {a_change("Cell", "r/s/t/web", "none")};
  const Ran same = run_kuke({"diff", "-f", "-"}, daemon_);
  EXPECT_EQ(same.code, 0);
  EXPECT_EQ(same.out, "");
  plan_.changes[0].action = "start";
  const Ran other = run_kuke({"diff", "-f", "-"}, daemon_);
  EXPECT_EQ(other.code, 1);
  EXPECT_EQ(other.out, "> cell r/s/t/web\n");
  EXPECT_EQ(other.err, "");
  EXPECT_EQ(run_kuke({"diff", "-f", "/nowhere"}, daemon_).code, 2);
  EXPECT_EQ(run_kuke({"diff"}, daemon_).code, 2);
  daemon_.on<api::PlanDocuments>([](const auto&) -> api::PlanDocuments::Result {
    throw Error{kinds::validation_failed, "validation failed:"};
  });
  EXPECT_EQ(run_kuke({"diff", "-f", "-"}, daemon_).code, 2);
}

TEST_F(PlanCommands, ApplySendsTheSetThatItsFileIs) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "site.yaml";
  write_file_in_place(file, "x");
  run_kuke({"apply", "-f", (directory.path() / "." / "site.yaml").string()}, daemon_);
  EXPECT_EQ(applied_->set, file.string());
  EXPECT_EQ(applied_->plan, "");
  run_kuke({"apply", "-f", file.string(), "--set", "site"}, daemon_);
  EXPECT_EQ(applied_->set, "site");
  run_kuke({"apply", "-f", "-"}, daemon_, "x");
  EXPECT_EQ(applied_->set, "");
  EXPECT_THAT(run_kuke({"apply", "-f", "-", "--prune"}, daemon_).err, HasSubstr("needs --set"));
}

TEST_F(PlanCommands, ApplyOfAPlanAsksFirstWhetherTheDaemonKnowsPlans) {
  EXPECT_EQ(run_kuke({"apply", "-f", "-", "--plan", "sha256:123"}, daemon_).code, 0);
  EXPECT_EQ(applied_->plan, "sha256:123");
  FakeDaemon old;
  bool applied = false;
  old.on<api::ApplyDocuments>([&](const auto&) {
    applied = true;
    return api::ApplyDocuments::Result{};
  });
  const Ran ran = run_kuke({"apply", "-f", "-", "--plan", "sha256:123"}, old);
  EXPECT_THAT(ran.err, HasSubstr("can't find method"));
  EXPECT_FALSE(applied);
}

TEST_F(PlanCommands, PruneDeletesOnlyWhatSomebodyAgreedTo) {
  plan_.changes = {a_change("Cell", "r/s/t/old", "delete")};
  const Ran refused = run_kuke({"apply", "-f", "-", "--prune", "--set", "a"}, daemon_, "yes\n");
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.err,
            "This deletes:\n  - cell r/s/t/old\n"
            "Error: nobody can be asked whether to delete this; give --yes\n");
  EXPECT_FALSE(applied_);
  EXPECT_EQ(run_kuke({"apply", "-f", "-", "--prune", "--set", "a", "-y"}, daemon_).code, 0);
  EXPECT_TRUE(applied_->prune);
  EXPECT_EQ(applied_->plan, "sha256:abc") << "what was agreed to, nothing else";
  plan_.changes = {};
  EXPECT_EQ(run_kuke({"apply", "-f", "-", "--prune", "--set", "a"}, daemon_).code, 0);
}

TEST_F(PlanCommands, DeleteOfAFileTellsOfEachDocument) {
  api::DeleteDocuments::Request asked;
  daemon_.on<api::DeleteDocuments>([&](const auto& request) {
    asked = request;
    api::DeleteDocuments::Result result;
    result.resources = {
        {.index = 1,
         .kind = "Cell",
         .name = "web",
         .action = "deleted",
         .details = {{"containers", "2 deleted"}}},
        {.index = 2, .kind = "Cell", .name = "gone", .action = "not found"},
        {.index = 0,
         .kind = "Space",
         .name = "blog",
         .action = "deleted",
         .cascaded = {"stack:a", "stack:b"}},
    };
    return result;
  });
  const Ran ran = run_kuke({"delete", "-f", "-", "--cascade"}, daemon_, "x");
  EXPECT_EQ(ran.out,
            "Cell \"web\": deleted\n  - containers: 2 deleted\n"
            "Cell \"gone\": not found\n"
            "Space \"blog\": deleted\n  - 2 stack(s) deleted (cascade)\n");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(asked.raw_yaml.data, "x");
  EXPECT_TRUE(asked.cascade);
  EXPECT_FALSE(asked.force);
  EXPECT_THAT(run_kuke({"delete", "-f", "-", "-o", "json"}, daemon_).out,
              HasSubstr("\"action\": \"deleted\",\n      \"details\""));
  EXPECT_THAT(run_kuke({"delete"}, daemon_).out, HasSubstr("Available Commands:"));
  EXPECT_THAT(run_kuke({"delete", "nonsense"}, daemon_).err,
              HasSubstr("unknown command \"nonsense\" for \"kuke delete\""));
}

}  // namespace
}  // namespace kukeon::cli
