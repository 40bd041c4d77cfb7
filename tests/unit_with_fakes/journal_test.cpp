// SPDX-License-Identifier: Apache-2.0
// What the engine writes into the journal.
#include "kukeon/engine/journal.h"

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "unit_with_fakes/engine_on_fakes.h"

namespace kukeon::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class EngineJournal : public EngineOnFakes {
 protected:
  // "create default/default/default/web", of everything since the last call.
  std::vector<std::string> told() {
    const store::EventPage page = engine().journal().read(after_, 100);
    after_ = page.next;
    std::vector<std::string> out;
    for (const store::Event& event : page.events) {
      out.push_back(fmt::format("{} {}", reflect::label(event.type), event.path.key()));
    }
    return out;
  }
  store::Event newest() {
    return engine().journal().read(engine().journal().newest() - 1, 1).events.at(0);
  }

  const model::Path app = [] {
    model::Path path = web;
    path.container = "app";
    return path;
  }();

 private:
  std::int64_t after_ = 0;
};

TEST_F(EngineJournal, LifeOfACellIsToldFromItsCreationToItsEnd) {
  EXPECT_THAT(told(), ElementsAre("create default", "create default/default",
                                  "create default/default/default"));
  engine().create_cell(a_cell("web", {"app"}));
  engine().stop_cell(web);
  engine().start_cell(web);
  engine().kill_cell(web);
  EXPECT_EQ(newest().message, "cell \"web\" stopped with SIGKILL");
  engine().delete_cell(web);
  const std::string cell = " default/default/default/web";
  EXPECT_THAT(told(), ElementsAre("create" + cell, "start" + cell, "stop" + cell, "start" + cell,
                                  "stop" + cell, "delete" + cell));
}

TEST_F(EngineJournal, CallThatChangesNothingIsNotTold) {
  engine().create_cell(a_cell("web", {"app"}));
  engine().stop_cell(web);
  told();
  engine().stop_cell(web);
  engine().create_realm([] {
    model::Realm realm;
    realm.metadata.name = "default";
    return realm;
  }());
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(EngineJournal, FailureSaysWhyInOneLine) {
  runtime_.fail("start_task", "default_default_web_app", Error{kinds::unknown, "told\nto fail"});
  EXPECT_THROW(engine().create_cell(a_cell("web", {"app"})), Error);
  const store::Event event = newest();
  EXPECT_EQ(event.type, store::EventType::failed);
  EXPECT_THAT(event.message, HasSubstr("told to fail"));
  EXPECT_EQ(event.data.at("reason"), "CreateCellFailed");
}

TEST_F(EngineJournal, ContainerOfARunningCellIsToldByItsOwnPath) {
  engine().create_cell(a_cell("web", {"app"}));
  told();
  engine().stop_container(app);
  engine().start_container(app);
  engine().delete_container(app);
  const std::string container = " default/default/default/web/app";
  EXPECT_THAT(told(), ElementsAre("stop" + container, "start" + container, "delete" + container));
}

TEST_F(EngineJournal, ApplyTellsWhatItChanged) {
  model::Cell cell = a_cell("web", {"app"});
  engine().create_cell(cell);
  cell.spec.containers[0].args = {"61"};
  engine().execute(engine().plan({{.index = 0, .document = cell}}));
  EXPECT_EQ(newest().message, "cell \"web\" updated: container \"app\" updated: args");
}

TEST_F(EngineJournal, RepairOfALayerNamesWhatWasMissing) {
  network_.lose_space("k-703e8b3a");
  model::Space space;
  space.metadata.name = space.spec.realm_name = "default";
  engine().create_space(space);
  EXPECT_EQ(newest().type, store::EventType::repaired);
  EXPECT_EQ(newest().data.at("repair"), "network");
}

TEST(JournalSentence, OfAnExitNamesCodeOrSignalForPeopleAndPrograms) {
  const model::Path path{.realm = "r", .space = "s", .stack = "t", .cell = "c", .container = "w"};
  const store::Event clean = journal::exited(path, 3, 77);
  EXPECT_EQ(clean.message, "container \"w\" exited with code 3");
  EXPECT_EQ(clean.data.at("exitCode"), "3");
  EXPECT_EQ(clean.data.at("pid"), "77");
  EXPECT_FALSE(clean.data.contains("signal"));
  const store::Event killed = journal::exited(path, 137);
  EXPECT_EQ(killed.message, "container \"w\" terminated by SIGKILL (exit code 137)");
  EXPECT_EQ(killed.data.at("signal"), "SIGKILL");
  EXPECT_EQ(journal::restarted(path, 4).data.at("attempt"), "4");
}

}  // namespace
}  // namespace kukeon::engine
