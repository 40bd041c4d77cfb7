// SPDX-License-Identifier: Apache-2.0
#include "kukeon/daemon/server.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <latch>
#include <mutex>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kukeon/api/cell_methods.h"
#include "kukeon/api/daemon_methods.h"
#include "kukeon/api/image_methods.h"
#include "kukeon/api/realm_methods.h"
#include "kukeon/api/space_methods.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/log.h"
#include "kukeon/daemon/listen_socket.h"
#include "kukeon/daemon/test_client.h"

namespace kukeon::daemon {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::TestClient;

// Lets threads through once it is open.
class Gate {
 public:
  void open() {
    {
      const std::lock_guard lock{mutex_};
      open_ = true;
    }
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock{mutex_};
    ++waiting_;
    changed_.notify_all();
    if (!changed_.wait_for(lock, 20s, [&] { return open_; }))
      throw std::runtime_error{"gate stayed shut"};
  }
  // Until `count` threads have arrived.
  void await_arrivals(int count) {
    std::unique_lock lock{mutex_};
    if (!changed_.wait_for(lock, 20s, [&] { return waiting_ >= count; }))
      throw std::runtime_error{"nobody came"};
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

std::string ping(std::string_view id) {
  return fmt::format(R"({{"method":"KukeonV1.Ping","params":[{{}}],"id":{}}})", id);
}
std::string pong(std::string_view id) {
  return fmt::format(R"({{"id":{},"result":{{"OK":true,"Version":"v1","Err":null}},"error":null}})",
                     id);
}

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    router.on<api::Ping>([](const auto&) { return api::Ping::Reply{.ok = true, .version = "v1"}; });
    router.on<api::GetRealm>([](const api::GetRealm::Request& request) {
      return api::GetRealm::Result{.doc = request.doc, .metadata_exists = true};
    });
    router.on<api::StopCell>([](const auto&) -> api::StopCell::Result {
      throw Error{kinds::space_not_found, "space not found: s"};
    });
    router.on<api::KillCell>(
        [](const auto&) -> api::KillCell::Result { throw std::logic_error{"a bug"}; });
    // Waits at the gate, and tells which call it was.
    router.on<api::DeleteImage>([this](const api::DeleteImage::Request& request) {
      gate.pass();
      return api::DeleteImage::Result{.ref = request.ref};
    });
    router.on<api::LoadImage>([](const api::LoadImage::Request& request) {
      return api::LoadImage::Result{.realm = std::to_string(request.tarball.data.size())};
    });
    // As many bytes as asked for.
    router.on<api::ListImages>([](const api::ListImages::Request& request) {
      return api::ListImages::Result{
          .realm = std::string(static_cast<std::size_t>(std::stoul(request.realm)), 'x')};
    });
  }

  Server& start(ServeLimits limits = {}) {
    server.emplace(router, ServerOptions{.socket = socket, .limits = limits});
    return *server;
  }

  TemporaryDirectory directory;
  std::string socket = (directory.path() / "d" / "kukeond.sock").string();
  fs::path pid_file = directory.path() / "d" / "kukeond.pid";
  Gate gate;
  Router router;
  std::optional<Server> server;
};

// ---- wire.md §2.1, row by row

TEST_F(ServerTest, EchoesAnIdOfAnyType) {
  start();
  TestClient client{socket};
  EXPECT_EQ(client.ask(ping("7")), pong("7"));
  EXPECT_EQ(client.ask(ping(R"("seven")")), pong(R"("seven")"));
  EXPECT_EQ(client.ask(ping(R"({"a": [1,  true]})")), pong(R"({"a":[1,true]})"));
}

TEST_F(ServerTest, AnswersRequestsWithoutAnId) {
  start();
  TestClient client{socket};
  EXPECT_EQ(client.ask(R"({"method":"KukeonV1.Ping","params":[{}]})"), pong("null"));
  EXPECT_EQ(client.ask(ping("null")), pong("null"));
}

TEST_F(ServerTest, IgnoresExtraMembersAndTheCaseOfNames) {
  start();
  TestClient client{socket};
  EXPECT_EQ(client.ask(R"({"jsonrpc":"2.0","METHOD":"KukeonV1.Ping","Params":[{}],"ID":1})"),
            pong("1"));
}

TEST_F(ServerTest, RefusesUnknownMethodsAndStaysUsable) {
  start();
  TestClient client{socket};
  const auto refusal = [&](std::string_view method) {
    return client.ask(fmt::format(R"({{"method":"{}","params":[{{}}],"id":1}})", method));
  };
  EXPECT_EQ(refusal("KukeonV1.Nope"),
            R"({"id":1,"result":null,"error":"rpc: can't find method KukeonV1.Nope"})");
  EXPECT_EQ(refusal("KukeonV1.ping"),
            R"({"id":1,"result":null,"error":"rpc: can't find method KukeonV1.ping"})");
  EXPECT_EQ(refusal("KukeonV2.Ping"),
            R"({"id":1,"result":null,"error":"rpc: can't find service KukeonV2.Ping"})");
  EXPECT_EQ(refusal("Ping"),
            R"({"id":1,"result":null,"error":"rpc: service/method request ill-formed: Ping"})");
  EXPECT_EQ(client.ask(R"({"id":1})"),
            R"({"id":1,"result":null,"error":"rpc: service/method request ill-formed: "})");
  EXPECT_EQ(client.ask("null "),
            R"({"id":null,"result":null,"error":"rpc: service/method request ill-formed: "})");
  EXPECT_EQ(client.ask(ping("2")), pong("2"));
}

TEST_F(ServerTest, NeedsParams) {
  start();
  TestClient client{socket};
  const std::string missing =
      R"({"id":1,"result":null,"error":"jsonrpc: request body missing params"})";
  EXPECT_EQ(client.ask(R"({"method":"KukeonV1.Ping","id":1})"), missing);
  EXPECT_EQ(client.ask(R"({"method":"KukeonV1.Ping","params":null,"id":1})"), missing);
  EXPECT_EQ(client.ask(R"({"method":"KukeonV1.Ping","params":{},"id":1})"),
            R"({"id":1,"result":null,"error":"json: cannot unmarshal object into Go value of type )"
            R"([1]interface {}"})");
}

TEST_F(ServerTest, EmptyParamsAreAllZeroAndFurtherOnesAreIgnored) {
  start();
  TestClient client{socket};
  for (const char* params : {"[]", "[null]", "[{},5,\"x\"]"}) {
    EXPECT_EQ(client.ask(fmt::format(R"({{"method":"KukeonV1.Ping","params":{},"id":1}})", params)),
              pong("1"));
  }
}

TEST_F(ServerTest, WrongTypesAreAnErrorStringAndTheConnectionStaysUsable) {
  start();
  TestClient client{socket};
  for (const char* args : {R"({"Doc":"x"})", R"({"Doc":{"metadata":{"name":5}}})", R"("x")",
                           R"({"Doc":{"status":{"state":"Party"}}})"}) {
    const std::string answer =
        client.ask(fmt::format(R"({{"method":"KukeonV1.GetRealm","params":[{}],"id":1}})", args));
    EXPECT_THAT(answer, StartsWith(R"({"id":1,"result":null,"error":")")) << args;
  }
  EXPECT_THAT(client.ask(R"({"method":"KukeonV1.LoadImage","params":[{"Tarball":"!"}],"id":1})"),
              HasSubstr("illegal base64"));
  EXPECT_EQ(client.ask(ping("2")), pong("2"));
}

TEST_F(ServerTest, HangsUpOnBadJsonWithoutAnAnswer) {
  start();
  for (const char* text : {"{\"method\" 5}", "[1,2]", "7 ", "\"x\"", R"({"method":5,"id":1})", "}",
                           "{\"id\":1,}", "hello world "}) {
    TestClient client{socket};
    client.send(text);
    EXPECT_TRUE(client.ends()) << text;
  }
}

TEST_F(ServerTest, AnswersWhatRunsBeforeItHangsUpOnBadJson) {
  start();
  TestClient client{socket};
  client.send(R"({"method":"KukeonV1.DeleteImage","params":[{"Ref":"a"}],"id":1}])");
  client.send(ping("2"));
  gate.await_arrivals(1);
  EXPECT_FALSE(client.hears_within(50ms));
  gate.open();
  EXPECT_THAT(client.line().value_or(""), StartsWith(R"({"id":1,"result":{"Result":)"));
  EXPECT_TRUE(client.ends());
}

TEST_F(ServerTest, TakesValuesBackToBackAndInPieces) {
  start();
  TestClient client{socket};
  client.send(ping("1") + ping("2") + " \r\n\t" + ping("3"));
  std::set<std::string> answers;
  for (int i = 0; i < 3; ++i) answers.insert(client.line().value_or(""));
  EXPECT_EQ(answers, (std::set<std::string>{pong("1"), pong("2"), pong("3")}));
  for (const char byte : ping("4")) client.send({&byte, 1});
  EXPECT_EQ(client.line(), pong("4"));
}

TEST_F(ServerTest, TruncatedObjectIsClosedInSilence) {
  start();
  TestClient client{socket};
  client.send(R"({"method":"KukeonV1.Ping")");
  client.shut_writing();
  EXPECT_TRUE(client.ends());
}

TEST_F(ServerTest, FailureOfAHandlerIsInErrAndTheResultIsZero) {
  start();
  TestClient client{socket};
  const std::string answer = client.ask(
      R"({"method":"KukeonV1.StopCell","params":[{"Doc":{"metadata":{"name":"c"}}}],"id":1})");
  EXPECT_THAT(
      answer,
      StartsWith(
          R"({"id":1,"result":{"Result":{"Cell":{"apiVersion":"","kind":"","metadata":{"name":"")"));
  EXPECT_THAT(
      answer,
      HasSubstr(
          R"("Stopped":false},"Err":{"Kind":"SpaceNotFound","Message":"space not found: s"}},"error":null})"));
}

TEST_F(ServerTest, OutlivesAHandlerThatThrowsSomethingElse) {
  start();
  TestClient client{socket};
  EXPECT_THAT(client.ask(R"({"method":"KukeonV1.KillCell","params":[{}],"id":1})"),
              HasSubstr(R"("Err":{"Kind":"Unknown","Message":"a bug"})"));
  EXPECT_EQ(client.ask(ping("2")), pong("2"));
}

// ---- concurrency

TEST_F(ServerTest, AnswersInTheOrderOfCompletion) {
  start();
  TestClient client{socket};
  client.send(R"({"method":"KukeonV1.DeleteImage","params":[{"Ref":"slow"}],"id":1})");
  gate.await_arrivals(1);
  EXPECT_EQ(client.ask(ping("2")), pong("2"));
  gate.open();
  EXPECT_THAT(client.line().value_or(""), StartsWith(R"({"id":1,)"));
}

TEST_F(ServerTest, ReadsDoNotWaitBehindLongOperations) {
  start({.workers = 2});
  TestClient busy{socket};
  for (int i = 0; i < 10; ++i) {
    busy.send(fmt::format(R"({{"method":"KukeonV1.DeleteImage","params":[{{}}],"id":{}}})", i));
  }
  gate.await_arrivals(2);
  TestClient client{socket};
  EXPECT_EQ(client.ask(ping("1")), pong("1"));
  gate.open();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(busy.line());
}

TEST_F(ServerTest, AnswersFiveHundredPipelinedCallsEachOnce) {
  start();
  TestClient client{socket};
  std::string requests;
  for (int i = 0; i < 500; ++i) {
    requests += i == 0 ? R"({"method":"KukeonV1.DeleteImage","params":[{}],"id":0})"
                       : ping(std::to_string(i));
  }
  client.send(requests);
  std::set<std::string> answers;
  for (int i = 1; i < 500; ++i) answers.insert(client.line().value_or("<end>"));
  for (int i = 1; i < 500; ++i) EXPECT_TRUE(answers.contains(pong(std::to_string(i)))) << i;
  gate.open();
  EXPECT_THAT(client.line().value_or(""), StartsWith(R"({"id":0,)"));
}

TEST_F(ServerTest, FinishesRunningCallsAfterAHalfClose) {
  start();
  TestClient client{socket};
  client.send(R"({"method":"KukeonV1.DeleteImage","params":[{"Ref":"a"}],"id":1})");
  client.send(ping("2"));
  client.shut_writing();
  EXPECT_EQ(client.line(), pong("2"));
  gate.await_arrivals(1);
  gate.open();
  EXPECT_THAT(client.line().value_or(""), StartsWith(R"({"id":1,)"));
  EXPECT_TRUE(client.ends());
}

TEST_F(ServerTest, FinishesEveryPipelinedCallAfterAHalfCloseEvenBeyondItsLimits) {
  start({.calls = 4});
  TestClient client{socket};
  for (int i = 0; i < 100; ++i) client.send(ping(std::to_string(i)));
  client.shut_writing();
  std::set<std::string> answers;
  while (auto line = client.line()) answers.insert(*line);
  EXPECT_EQ(answers.size(), 100U);
}

TEST_F(ServerTest, WorkGoesOnAfterTheClientLeft) {
  start();
  {
    TestClient client{socket};
    client.send(R"({"method":"KukeonV1.DeleteImage","params":[{}],"id":1})");
    gate.await_arrivals(1);
  }
  gate.open();
  TestClient other{socket};
  EXPECT_EQ(other.ask(ping("1")), pong("1"));
  EXPECT_TRUE(server->stop(10s));
}

// Runs until its client is gone, or ten seconds; then says which.
struct UntilGone {
  explicit UntilGone(Router& router) {
    router.on<api::ApplyDocuments>(
        [this](const api::ApplyDocuments::Request&, const std::stop_token& gone) {
          began.count_down();
          std::mutex mutex;
          std::condition_variable_any never;
          std::unique_lock lock{mutex};
          never.wait_for(lock, gone, 10s, [] { return false; });
          was_told.set_value(gone.stop_requested());
          return api::ApplyDocuments::Result{};
        });
  }
  std::latch began{1};
  std::promise<bool> was_told;
};
constexpr const char* until_gone = R"({"method":"KukeonV1.ApplyDocuments","params":[{}],"id":1})";

TEST_F(ServerTest, HandlerIsToldThatItsClientHungUp) {
  UntilGone handler{router};
  start();
  {
    TestClient client{socket};
    client.send(until_gone);
    handler.began.wait();
  }
  EXPECT_TRUE(handler.was_told.get_future().get());
}

TEST_F(ServerTest, HandlerIsToldOfAHangUpAlsoAfterAHalfClose) {
  UntilGone handler{router};
  start();
  {
    TestClient client{socket};
    client.send(until_gone);
    client.shut_writing();
    handler.began.wait();
  }
  EXPECT_TRUE(handler.was_told.get_future().get());
}

TEST_F(ServerTest, ClientThatOnlyShutItsSideHasNotHungUp) {
  std::promise<bool> asked;
  router.on<api::ApplyDocuments>(
      [&](const api::ApplyDocuments::Request&, const std::stop_token& gone) {
        gate.pass();
        asked.set_value(gone.stop_requested());
        return api::ApplyDocuments::Result{};
      });
  start();
  TestClient client{socket};
  client.send(until_gone);
  client.send(ping("2"));
  client.shut_writing();
  EXPECT_EQ(client.line(), pong("2"));
  gate.await_arrivals(1);
  gate.open();
  EXPECT_FALSE(asked.get_future().get());
  EXPECT_THAT(client.line().value_or(""), StartsWith(R"({"id":1,)"));
}

TEST_F(ServerTest, ServesTwoHundredClientsAtOnce) {
  start();
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> clients;
    std::latch all_connected{200};
    for (int i = 0; i < 200; ++i) {
      clients.emplace_back([&, i] {
        TestClient client{socket};
        all_connected.arrive_and_wait();
        for (int n = 0; n < 20; ++n) {
          const std::string id = std::to_string(i * 100 + n);
          if (client.ask(ping(id)) == pong(id)) ++good;
        }
      });
    }
  }
  EXPECT_EQ(good, 4000);
}

TEST_F(ServerTest, ThousandIdleConnectionsCostNoThreadEach) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit wanted = before;
  wanted.rlim_cur = std::min<rlim_t>(before.rlim_max, 4096);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &wanted), 0);
  if (wanted.rlim_cur < 2200) GTEST_SKIP() << "only " << wanted.rlim_cur << " descriptors";
  start();
  std::vector<std::unique_ptr<TestClient>> idle;
  for (int i = 0; i < 1000; ++i) idle.push_back(std::make_unique<TestClient>(socket));
  EXPECT_EQ(idle.back()->ask(ping("1")), pong("1"));
  EXPECT_EQ(idle.front()->ask(ping("2")), pong("2"));
  const auto threads = std::distance(fs::directory_iterator{"/proc/self/task"}, {});
  EXPECT_LT(threads, 40);
  EXPECT_TRUE(server->stop(10s));
  EXPECT_TRUE(idle[500]->ends());
  ::setrlimit(RLIMIT_NOFILE, &before);
}

// ---- limits

TEST_F(ServerTest, StopsReadingFromAClientThatDoesNotRead) {
  std::atomic<int> calls = 0;
  router.on<api::ListImages>([&](const auto&) {
    ++calls;
    return api::ListImages::Result{.realm = std::string(64 << 10, 'x')};
  });
  start({.calls = 4, .unsent = 256 << 10});
  TestClient client{socket};
  // Long ones, so that the socket's buffers hold few.
  const std::string request =
      fmt::format(R"({{"method":"KukeonV1.ListImages","params":[{{"x":"{}"}}],"id":1}})",
                  std::string(8192, 'x'));
  // Our own sends stall once the server no longer reads: its buffer and ours are full.
  std::string many;
  for (int i = 0; i < 1000; ++i) many += request;
  std::size_t sent = 0;
  for (std::size_t last = 1; last != 0;) {
    last = client.send_what_fits(std::string_view{many}.substr(sent));
    sent += last;
    if (last == 0 && calls < 4) last = 1;
    std::this_thread::yield();
  }
  EXPECT_LT(sent, many.size());
  EXPECT_LE(calls, 64);

  TestClient other{socket};
  EXPECT_EQ(other.ask(ping("1")), pong("1"));

  // Once it reads again, every request that went out whole is answered.
  client.shut_writing();
  std::size_t answers = 0;
  while (client.line()) ++answers;
  EXPECT_EQ(answers, sent / request.size());
}

TEST_F(ServerTest, RefusesARequestBeyondTheLimit) {
  start({.frame = 256 << 10, .image_frame = 2 << 20});
  TestClient client{socket};
  const std::string filler(512 << 10, 'a');
  client.send_what_fits(R"({"method":"KukeonV1.Ping","params":[{"x":")");
  EXPECT_THROW(
      {
        for (int i = 0; i < 100; ++i) client.send(filler);
      },
      Error);
  TestClient other{socket};
  EXPECT_EQ(other.ask(ping("1")), pong("1"));
}

TEST_F(ServerTest, LetsAnImageBeLargerThanOtherRequests) {
  start({.frame = 256 << 10, .image_frame = 2 << 20});
  TestClient client{socket};
  // 1 MiB of base64 is 768 KiB of image.
  client.send(ping("0"));
  client.send(R"({"method":"KukeonV1.LoadImage","params":[{"Realm":"r","Tarball":")");
  client.send(std::string(1 << 20, 'A'));
  client.send(R"("}],"id":1})");
  EXPECT_EQ(client.line(), pong("0"));
  EXPECT_THAT(client.line().value_or("<end>"), HasSubstr(R"("Realm":"786432")"));
  EXPECT_EQ(client.ask(ping("2")), pong("2"));

  client.send_what_fits(R"({"method":"KukeonV1.LoadImage","params":[{"Tarball":")");
  EXPECT_THROW(client.send(std::string(8 << 20, 'A')), Error);
}

TEST_F(ServerTest, ALongRequestThatIsBadEndsTheConnectionBeforeThoseBehindIt) {
  start();
  TestClient client{socket};
  client.send("{\"method\":\"KukeonV1.Ping\",\"params\":[{\"x\":\"" + std::string(1 << 20, 'a') +
              "\"},],\"id\":1}" + ping("2"));
  EXPECT_TRUE(client.ends());
}

TEST_F(ServerTest, BigAnswersArriveWhole) {
  start();
  TestClient client{socket};
  for (int i = 0; i < 8; ++i) {
    client.send(R"({"method":"KukeonV1.ListImages","params":[{"Realm":"2000000"}],"id":1})");
  }
  for (int i = 0; i < 8; ++i) {
    const std::string line = client.line().value_or("");
    EXPECT_GT(line.size(), 2000000U);
    EXPECT_TRUE(line.ends_with(R"("error":null})"));
  }
}

TEST_F(ServerTest, BacksOffWhenDescriptorsRunOut) {
  start();
  std::promise<void> failed;
  std::atomic<int> lines = 0;
  log::set_sink(log::Level::warn, [&](log::Level, const std::string& line) {
    if (line.find("cannot accept") != std::string::npos && ++lines == 1) failed.set_value();
  });
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  // Once it has answered, the server has opened whatever it opens for itself.
  TestClient first{socket};
  ASSERT_EQ(first.ask(ping("0")), pong("0"));
  const Fd next_free{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  rlimit tight = before;
  // Room for the client's end only.
  tight.rlim_cur = static_cast<rlim_t>(next_free.get()) + 2;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  std::optional<TestClient> client;
  EXPECT_NO_THROW(client.emplace(socket));
  const bool came = failed.get_future().wait_for(10s) == std::future_status::ready;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(came);
  ASSERT_TRUE(client);
  EXPECT_EQ(client->ask(ping("1")), pong("1"));
  EXPECT_LE(lines, 3);
  server.reset();
  log::set_sink(log::Level::error, nullptr);
}

// ---- socket, pid file, stop

TEST_F(ServerTest, MakesItsDirectoryAndFiles) {
  start();
  struct stat info {};
  ASSERT_EQ(::stat(socket.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  ASSERT_EQ(::stat(fs::path{socket}.parent_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0755U);
  ASSERT_EQ(::stat(pid_file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0644U);
  EXPECT_EQ(read_file(pid_file), fmt::format("{}\n", ::getpid()));
}

TEST_F(ServerTest, OpensTheSocketToAGroup) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root for chown";
  server.emplace(router, ServerOptions{.socket = socket, .socket_gid = 12345});
  struct stat info {};
  ASSERT_EQ(::stat(socket.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0660U);
  EXPECT_EQ(info.st_gid, 12345U);
}

TEST_F(ServerTest, ReplacesWhatADeadDaemonLeft) {
  make_directories(fs::path{socket}.parent_path(), 0755);
  {
    // A socket whose owner ended without unlinking it.
    const Fd dead{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(socket.begin(), socket.end(), address.sun_path);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(dead.get(), 1), 0);
  }
  start();
  EXPECT_EQ(TestClient{socket}.ask(ping("1")), pong("1"));
}

TEST_F(ServerTest, ReplacesAPlainFile) {
  make_directories(fs::path{socket}.parent_path(), 0755);
  write_file_in_place(socket, "x");
  start();
  EXPECT_EQ(TestClient{socket}.ask(ping("1")), pong("1"));
}

TEST_F(ServerTest, RefusesTheSocketOfALivingDaemonAndLeavesItAlone) {
  start();
  try {
    Server second{router, ServerOptions{.socket = socket}};
    FAIL() << "a second server started";
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::failed_precondition));
    EXPECT_EQ(error.message(),
              fmt::format("another kukeond (pid {}) is serving {}", ::getpid(), socket));
  }
  EXPECT_EQ(TestClient{socket}.ask(ping("1")), pong("1"));
  EXPECT_TRUE(fs::exists(pid_file));
}

TEST_F(ServerTest, RefusesAPathThatIsTooLong) {
  EXPECT_THROW((Server{router, ServerOptions{.socket = "/tmp/" + std::string(200, 'a')}}), Error);
}

TEST_F(ServerTest, StopsCleanly) {
  start();
  TestClient client{socket};
  EXPECT_EQ(client.ask(ping("1")), pong("1"));
  EXPECT_TRUE(server->stop(10s));
  EXPECT_TRUE(client.ends());
  EXPECT_FALSE(fs::exists(socket));
  EXPECT_FALSE(fs::exists(pid_file));
  EXPECT_THROW(TestClient{socket}, Error);
  EXPECT_TRUE(server->stop(0s));
}

TEST_F(ServerTest, LetsRunningCallsFinishWhenItStops) {
  start();
  TestClient client{socket};
  client.send(R"({"method":"KukeonV1.DeleteImage","params":[{}],"id":1})");
  gate.await_arrivals(1);
  std::jthread opener{[&] {
    // stop() has closed the listening socket by the time that nobody can connect.
    for (;;) {
      try {
        TestClient probe{socket};
      } catch (const Error&) {
        break;
      }
      std::this_thread::yield();
    }
    gate.open();
  }};
  EXPECT_TRUE(server->stop(15s));
  EXPECT_THAT(client.line().value_or("<end>"), StartsWith(R"({"id":1,)"));
  EXPECT_TRUE(client.ends());
}

TEST_F(ServerTest, SaysSoWhenACallOutlivesTheGrace) {
  start();
  TestClient client{socket};
  client.send(R"({"method":"KukeonV1.DeleteImage","params":[{}],"id":1})");
  gate.await_arrivals(1);
  EXPECT_FALSE(server->stop(20ms));
  EXPECT_FALSE(fs::exists(socket));
  EXPECT_TRUE(client.ends());
  gate.open();
}

TEST_F(ServerTest, LeavesASocketThatIsNoLongerItsOwn) {
  start();
  fs::remove(socket);
  write_file_in_place(socket, "someone else's");
  EXPECT_TRUE(server->stop(10s));
  EXPECT_TRUE(fs::exists(socket));
}

TEST(Peer, IsWhoConnected) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const Fd a{ends[0]};
  const Fd b{ends[1]};
  const Peer peer = peer_of(a.get());
  EXPECT_EQ(peer.pid, ::getpid());
  EXPECT_EQ(peer.uid, ::geteuid());
  EXPECT_TRUE(may_connect(a.get(), peer, 0));
}

TEST(Peer, StrangersNeedTheGroup) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const Fd a{ends[0]};
  const Fd b{ends[1]};
  const Peer stranger{.pid = 1, .uid = 54321, .gid = 54321};
  EXPECT_FALSE(may_connect(a.get(), stranger, 0));
  EXPECT_FALSE(may_connect(a.get(), stranger, 12345));
  EXPECT_TRUE(may_connect(a.get(), stranger, 54321));
}

}  // namespace
}  // namespace kukeon::daemon
