// SPDX-License-Identifier: Apache-2.0
#include "kukeon/store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/reflect/json.h"

namespace kukeon::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ModelShadow : public ShadowRenderer {
 public:
  std::string render(const model::Realm& realm) const override { return reflect::to_json(realm); }
  std::string render(const model::Space& space) const override { return reflect::to_json(space); }
  std::string render(const model::Stack& stack) const override { return reflect::to_json(stack); }
  std::string render(const model::Cell& cell) const override { return reflect::to_json(cell); }
};

model::Realm a_realm(const std::string& name) {
  model::Realm realm;
  realm.metadata.name = name;
  return realm;
}

model::Space a_space(const std::string& realm, const std::string& name) {
  model::Space space;
  space.metadata.name = name;
  space.spec.realm_name = realm;
  return space;
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() { open(); }

  void open() {
    store_.reset();
    store_ = std::make_unique<Store>(directory_.path(), std::make_unique<ModelShadow>());
  }
  template <class T>
  void put(const T& value, Intent intent = Intent::running) {
    store_->write([&](Changes& changes) { changes.put(value, intent); });
  }
  fs::path shadow(const std::string& key) {
    return directory_.path() / "data" / key / "metadata.json";
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, DocumentSurvivesAReopenWithItsIntentAndLeases) {
  put(a_realm("r"), Intent::stopped);
  put(a_space("r", "s"));
  store_->write([](Changes& changes) {
    changes.lease_subnet({.realm = "r", .space = "s"}, "10.88.0.0/24").set_fact("k", "v");
  });
  open();
  const auto realm = store_->find<model::Realm>({.realm = "r"});
  ASSERT_TRUE(realm);
  EXPECT_EQ(realm->intent, Intent::stopped);
  EXPECT_EQ(store_->subnet_of({.realm = "r", .space = "s"}), "10.88.0.0/24");
  EXPECT_EQ(store_->fact("k"), "v");
  EXPECT_FALSE(store_->find<model::Realm>({.realm = "other"}));
}

TEST_F(StoreTest, GenerationCountsSpecsAndRevisionCountsWrites) {
  put(a_realm("r"));
  model::Realm realm = store_->find<model::Realm>({.realm = "r"})->value;
  realm.status.reason = "seen";
  put(realm);
  EXPECT_EQ(store_->find<model::Realm>({.realm = "r"})->generation, 1);
  EXPECT_EQ(store_->find<model::Realm>({.realm = "r"})->revision, 2);
  realm.spec.containerd_namespace = "other";
  put(realm);
  EXPECT_EQ(store_->find<model::Realm>({.realm = "r"})->generation, 2);
}

TEST_F(StoreTest, StaleWriterIsRefusedAndTheWholeTransactionWithIt) {
  put(a_realm("r"));
  EXPECT_THROW(store_->write([](Changes& changes) {
    changes.put(a_realm("new"), Intent::running, 0);
    changes.put(a_realm("r"), Intent::running, 7);
  }),
               Error);
  EXPECT_FALSE(store_->find<model::Realm>({.realm = "new"}));
  EXPECT_FALSE(fs::exists(shadow("new")));
  open();
  EXPECT_FALSE(store_->find<model::Realm>({.realm = "new"}));
}

TEST_F(StoreTest, ChildOfAMissingOrDyingParentIsRefusedByItsKind) {
  const auto refuse = [&] {
    try {
      put(a_space("r", "s"));
      ADD_FAILURE() << "stored";
    } catch (const Error& error) {
      EXPECT_TRUE(error.is(kinds::realm_not_found)) << error.what();
    }
  };
  refuse();
  put(a_realm("r"), Intent::deleted);
  refuse();
}

TEST_F(StoreTest, ParentWithChildrenIsNotErased) {
  put(a_realm("r"));
  put(a_space("r", "s"));
  try {
    store_->write([](Changes& changes) { changes.erase({.realm = "r"}); });
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::resource_has_dependencies)) << error.what();
  }
  EXPECT_TRUE(store_->find<model::Realm>({.realm = "r"}));
  store_->write(
      [](Changes& changes) { changes.erase({.realm = "r", .space = "s"}).erase({.realm = "r"}); });
  EXPECT_THAT(store_->list<model::Realm>(), IsEmpty());
  EXPECT_FALSE(fs::exists(directory_.path() / "data/r"));
}

TEST_F(StoreTest, LifecycleStampsAreSetOnceAndOnEveryWrite) {
  model::Realm realm = a_realm("r");
  put(realm);
  const auto first = store_->find<model::Realm>({.realm = "r"})->value.status;
  EXPECT_FALSE(first.created_at.is_zero());
  EXPECT_TRUE(first.ready_at.is_zero());
  realm.status.state = model::RealmState::ready;
  put(realm);
  const auto second = store_->find<model::Realm>({.realm = "r"})->value.status;
  EXPECT_EQ(second.created_at, first.created_at);
  EXPECT_FALSE(second.ready_at.is_zero());
  put(realm);
  EXPECT_EQ(store_->find<model::Realm>({.realm = "r"})->value.status.ready_at, second.ready_at);
}

TEST_F(StoreTest, ListIsSortedByNamesNotByText) {
  for (const char* name : {"a-b", "a", "b"}) put(a_realm(name));
  put(a_space("a", "z"));
  put(a_space("a-b", "a"));
  std::vector<std::string> keys;
  for (const auto& space : store_->list<model::Space>()) keys.push_back(space->value.path().key());
  EXPECT_THAT(keys, ElementsAre("a/z", "a-b/a"));
  EXPECT_EQ(store_->list<model::Space>({.realm = "a"}).size(), 1U);
}

TEST_F(StoreTest, LeaseBelongsToOne) {
  put(a_realm("r"));
  put(a_space("r", "s"));
  put(a_space("r", "t"));
  store_->write(
      [](Changes& changes) { changes.lease_subnet({.realm = "r", .space = "s"}, "10.88.0.0/24"); });
  EXPECT_THROW(store_->write([](Changes& changes) {
    changes.lease_subnet({.realm = "r", .space = "t"}, "10.88.0.0/24");
  }),
               Error);
  EXPECT_THAT(store_->leased_subnets(), ElementsAre("10.88.0.0/24"));
  store_->write([](Changes& changes) { changes.erase({.realm = "r", .space = "s"}); });
  EXPECT_THAT(store_->leased_subnets(), IsEmpty());
}

TEST_F(StoreTest, ShadowIsRebuiltAndNeverReadBack) {
  put(a_realm("r"));
  write_file_in_place(shadow("r"), "not what was stored");
  open();
  EXPECT_THAT(read_file(shadow("r")), HasSubstr("\"name\":\"r\""));
  EXPECT_EQ(fs::status(shadow("r").parent_path()).permissions() & fs::perms::set_gid,
            fs::perms::set_gid);
}

TEST_F(StoreTest, HalfWrittenShadowOfAKilledDaemonGoesWithItsDocument) {
  put(a_realm("r"));
  write_file_in_place(shadow("r").parent_path() / ".kukeon-a1B2c3.tmp", "{");
  store_->write([](Changes& changes) { changes.erase({.realm = "r"}); });
  EXPECT_FALSE(fs::exists(shadow("r").parent_path()));
}

TEST_F(StoreTest, DatabaseOfANewerKukeonIsRefused) {
  {
    Database database{directory_.path() / "state.db"};
    database.execute("PRAGMA user_version = 99");
  }
  try {
    open();
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("has format 99"));
  }
}

}  // namespace
}  // namespace kukeon::store
