// SPDX-License-Identifier: Apache-2.0
#include "kukeon/daemon/event_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "kukeon/api/daemon_methods.h"
#include "kukeon/base/files.h"
#include "kukeon/daemon/server.h"
#include "kukeon/daemon/test_client.h"

namespace kukeon::daemon {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TestClient;

constexpr std::string_view pong =
    R"({"id":1,"result":{"OK":true,"Version":"v1","Err":null},"error":null})";

std::string watch(std::string_view args, int id = 7) {
  return fmt::format(R"({{"method":"KukeonV1.WatchEvents","params":[{{{}}}],"id":{}}})", args, id);
}

class EventWatchTest : public ::testing::Test {
 protected:
  EventWatchTest() {
    router_.on<api::Ping>(
        [](const auto&) { return api::Ping::Reply{.ok = true, .version = "v1"}; });
  }

  void start(std::size_t most = EventWatch::most_waiting, std::int64_t kept = 100) {
    store_ = std::make_unique<store::Store>(directory_.path(), nullptr, kept);
    watch_.emplace(store_->journal(), most);
    watch_->add_handlers(router_);
    server_.emplace(router_, ServerOptions{.socket = socket_});
  }
  void record(const std::string& cell, store::EventType type = store::EventType::started) {
    store::Event event;
    event.type = type;
    event.path = {.realm = "r", .space = "s", .stack = "t", .cell = cell};
    event.message = "about " + cell;
    store_->record(event);
  }
  // Until so many calls wait.
  void await_waiting(std::size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (watch_->waiting() != count && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    ASSERT_EQ(watch_->waiting(), count);
  }

  TemporaryDirectory directory_;
  std::string socket_ = (directory_.path() / "kukeond.sock").string();
  std::unique_ptr<store::Store> store_;
  Router router_;
  std::optional<EventWatch> watch_;
  std::optional<Server> server_;
};

TEST_F(EventWatchTest, WhatIsThereIsAnsweredAtOnceAndThePlaceToGoOnWithIt) {
  start();
  record("web");
  TestClient client{socket_};
  const std::string answer = client.ask(watch(R"("TimeoutSeconds":100)"));
  EXPECT_THAT(answer, HasSubstr(R"("sequence":1,)"));
  EXPECT_THAT(answer, HasSubstr(R"("type":"start","kind":"Cell","name":"web","realmId":"r",)"
                                R"("spaceId":"s","stackId":"t","message":"about web")"));
  EXPECT_THAT(answer, HasSubstr(R"("Next":1,"Lost":0},"Err":null},"error":null})"));
  EXPECT_THAT(client.ask(watch(R"("After":1)")), HasSubstr(R"({"Events":[],"Next":1,"Lost":0})"));
}

TEST_F(EventWatchTest, WaitingCallIsAnsweredByTheFirstEventOfItsFilter) {
  start();
  TestClient client{socket_};
  client.send(watch(R"("TimeoutSeconds":100,"CellName":"web","Types":["stop"])"));
  await_waiting(1);
  record("other", store::EventType::stopped);
  record("web");
  record("web", store::EventType::stopped);
  const std::string answer = client.line().value_or("<end>");
  EXPECT_THAT(answer, HasSubstr(R"("sequence":3,)"));
  EXPECT_THAT(answer, Not(HasSubstr("other")));
}

TEST_F(EventWatchTest, CallThatWaitedInVainSaysHowFarTheJournalIs) {
  start();
  TestClient client{socket_};
  client.send(watch(R"("TimeoutSeconds":1,"CellName":"web")"));
  await_waiting(1);
  record("other");
  EXPECT_THAT(client.line().value_or("<end>"), HasSubstr(R"({"Events":[],"Next":1,"Lost":0})"));
}

TEST_F(EventWatchTest, WhoComesTooLateIsToldHowManyAreLost) {
  start(10, 2);
  for (int i = 0; i < 5; ++i) record("web");
  TestClient client{socket_};
  EXPECT_THAT(client.ask(watch(R"("After":1)")), HasSubstr(R"("Next":5,"Lost":2})"));
}

TEST_F(EventWatchTest, UnknownTypeIsRefusedWithThoseThatExist) {
  start();
  TestClient client{socket_};
  EXPECT_THAT(client.ask(watch(R"("Types":["explode"])")),
              HasSubstr(R"(unknown event type \"explode\"; it is one of create, start, exit)"));
}

TEST_F(EventWatchTest, TwoHundredWaitingClientsDoNotStopAPing) {
  start();
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<TestClient>(socket_));
    clients.back()->send(watch(R"("TimeoutSeconds":100)"));
  }
  await_waiting(200);
  TestClient other{socket_};
  EXPECT_EQ(other.ask(R"({"method":"KukeonV1.Ping","params":[{}],"id":1})"), pong);
  record("web");
  for (auto& client : clients) {
    EXPECT_THAT(client->line().value_or("<end>"), HasSubstr(R"("sequence":1,)"));
  }
  EXPECT_EQ(watch_->waiting(), 0U);
}

TEST_F(EventWatchTest, OneClientMayWaitAndAskSomethingElseMeanwhile) {
  start();
  TestClient client{socket_};
  client.send(watch(R"("TimeoutSeconds":100)"));
  await_waiting(1);
  EXPECT_EQ(client.ask(R"({"method":"KukeonV1.Ping","params":[{}],"id":1})"), pong);
  record("web");
  EXPECT_THAT(client.line().value_or("<end>"), HasSubstr(R"({"id":7,)"));
}

TEST_F(EventWatchTest, ClientBeyondTheLastThatMayWaitGetsAClearAnswer) {
  start(2);
  TestClient client{socket_};
  client.send(watch(R"("TimeoutSeconds":100)", 1) + watch(R"("TimeoutSeconds":100)", 2));
  await_waiting(2);
  EXPECT_THAT(client.ask(watch(R"("TimeoutSeconds":100)", 3)),
              HasSubstr("2 clients wait for events already"));
}

TEST_F(EventWatchTest, ClientThatHangsUpIsForgotten) {
  start();
  {
    TestClient client{socket_};
    client.send(watch(R"("TimeoutSeconds":100)"));
    await_waiting(1);
  }
  await_waiting(0);
}

TEST_F(EventWatchTest, DaemonThatStopsAnswersWhoeverWaits) {
  start();
  TestClient client{socket_};
  client.send(watch(R"("TimeoutSeconds":100)"));
  await_waiting(1);
  EXPECT_TRUE(server_->stop(10s));
  EXPECT_THAT(client.line().value_or("<end>"), HasSubstr(R"({"Events":[],"Next":0,"Lost":0})"));
  EXPECT_TRUE(client.ends());
}

TEST_F(EventWatchTest, ServerThatGoesAwayWithWaitingCallsLeavesNothingBehind) {
  start();
  TestClient client{socket_};
  for (int i = 0; i < 20; ++i) client.send(watch(R"("TimeoutSeconds":100)", i));
  await_waiting(20);
  server_.reset();
  EXPECT_EQ(watch_->waiting(), 0U);
}

TEST_F(EventWatchTest, PrivateDaemonAnswersAWaitingCallWhenItsInputEnds) {
  start();
  int to[2];
  int from[2];
  ASSERT_EQ(::pipe(to), 0);
  ASSERT_EQ(::pipe(from), 0);
  std::jthread serving{[&] { serve_stream(router_, to[0], from[1]); }};
  const std::string request = watch(R"("TimeoutSeconds":100)");
  write_all(to[1], request, "ask");
  await_waiting(1);
  ::close(to[1]);
  serving.join();
  char answer[512];
  const ssize_t n = ::read(from[0], answer, sizeof answer);
  ASSERT_GT(n, 0);
  EXPECT_THAT(std::string(answer, static_cast<std::size_t>(n)), HasSubstr(R"("Next":0)"));
  for (const int fd : {to[0], from[0], from[1]}) ::close(fd);
}

}  // namespace
}  // namespace kukeon::daemon
