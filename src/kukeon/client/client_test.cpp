// SPDX-License-Identifier: Apache-2.0
#include "kukeon/client/client.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kukeon/api/cell_methods.h"
#include "kukeon/api/daemon_methods.h"
#include "kukeon/api/realm_methods.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"

namespace kukeon::client {
namespace {

using namespace std::chrono_literals;
using ::testing::StartsWith;

template <class Body>
Error failure_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  return Error{kinds::unknown, "nothing was thrown"};
}

// A daemon that follows a script: for each connection a list of answers, one to each line it reads;
// it hangs up after the last. `{id}` in an answer is the request's id.
class ScriptedDaemon {
 public:
  using Script = std::vector<std::string>;

  ScriptedDaemon(const std::string& path, std::vector<Script> connections)
      : listener_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 ||
        ::listen(listener_.get(), 8) < 0) {
      throw Error::from_errno("listen");
    }
    thread_ = std::jthread{[this, connections = std::move(connections)] {
      for (const Script& script : connections) {
        serve(script);
        hung_up_.release();
      }
    }};
  }
  ~ScriptedDaemon() { ::shutdown(listener_.get(), SHUT_RDWR); }

  void await_hang_up() {
    if (!hung_up_.try_acquire_for(10s)) throw Error{kinds::unknown, "the daemon did not hang up"};
  }

  // Lines read so far; whole after the daemon's scripts have ended.
  std::vector<std::string> finish() {
    thread_.join();
    return requests_;
  }

 private:
  void serve(const Script& script) {
    const Fd client{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (!client) return;
    for (const std::string& answer : script) {
      std::string line;
      char byte = 0;
      while (::read(client.get(), &byte, 1) == 1 && byte != '\n') line += byte;
      requests_.push_back(line);
      const std::string id = line.substr(line.rfind(':') + 1, line.size() - line.rfind(':') - 2);
      std::string text = answer;
      if (const auto at = text.find("{id}"); at != std::string::npos) text.replace(at, 4, id);
      (void)!::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL);
    }
  }

  Fd listener_;
  std::vector<std::string> requests_;
  std::counting_semaphore<> hung_up_{0};
  std::jthread thread_;
};

constexpr const char* pong =
    R"({"id":{id},"result":{"OK":true,"Version":"v1","Err":null},"error":null})";

class ClientTest : public ::testing::Test {
 protected:
  Client client() { return Client{std::make_unique<UnixTransport>(socket)}; }

  TemporaryDirectory directory;
  std::string socket = (directory.path() / "kukeond.sock").string();
};

TEST_F(ClientTest, CountsIdsFromZeroOnOneConnection) {
  ScriptedDaemon daemon{socket, {{pong, pong}}};
  auto caller = client();
  EXPECT_EQ(caller.call<api::Ping>().version, "v1");
  EXPECT_EQ(caller.call<api::Ping>().version, "v1");
  EXPECT_EQ(daemon.finish(),
            (std::vector<std::string>{R"({"method":"KukeonV1.Ping","params":[{}],"id":0})",
                                      R"({"method":"KukeonV1.Ping","params":[{}],"id":1})"}));
}

TEST_F(ClientTest, ThrowsTheErrorOfTheDaemonVerbatim) {
  ScriptedDaemon daemon{
      socket,
      {{R"({"id":{id},"result":{"Result":{},"Err":{"Kind":"RealmNotFound","Message":"realm not found: x"}},"error":null})",
        R"({"id":{id},"result":{"Result":{},"Err":{"Kind":"Party","Message":"hm"}},"error":null})",
        pong}}};
  auto caller = client();
  const Error known = failure_of([&] { caller.call<api::StopCell>({}); });
  EXPECT_TRUE(known.is(kinds::realm_not_found));
  EXPECT_STREQ(known.what(), "realm not found: x");
  const Error other = failure_of([&] { caller.call<api::StopCell>({}); });
  EXPECT_TRUE(other.is(kinds::unknown));
  EXPECT_STREQ(other.what(), "hm");
  EXPECT_TRUE(caller.call<api::Ping>().ok);
}

TEST_F(ClientTest, ListsComeAsLists) {
  ScriptedDaemon daemon{
      socket,
      {{R"({"id":{id},"result":{"Realms":[{"metadata":{"name":"a"}}],"Err":null},"error":null})",
        R"({"id":{id},"result":{"Realms":null,"Err":null},"error":null})"}}};
  auto caller = client();
  const auto realms = caller.call<api::ListRealms>();
  ASSERT_EQ(realms.size(), 1U);
  EXPECT_EQ(realms[0].metadata.name, "a");
  EXPECT_TRUE(caller.call<api::ListRealms>().empty());
}

TEST_F(ClientTest, ErrorStringLeavesTheConnectionUsable) {
  ScriptedDaemon daemon{
      socket,
      {{R"({"id":{id},"result":null,"error":"rpc: can't find method KukeonV1.Ping"})",
        R"({"id":{id},"result":null,"error":""})", pong}}};
  auto caller = client();
  const Error refused = failure_of([&] { caller.call<api::Ping>(); });
  EXPECT_TRUE(refused.is(kinds::rpc));
  EXPECT_STREQ(refused.what(), "rpc: can't find method KukeonV1.Ping");
  EXPECT_STREQ(failure_of([&] { caller.call<api::Ping>(); }).what(), "unspecified error");
  EXPECT_TRUE(caller.call<api::Ping>().ok);
}

TEST_F(ClientTest, DropsResponsesToOthers) {
  ScriptedDaemon daemon{
      socket,
      {{std::string{R"({"id":77,"result":{"OK":false,"Version":"no"},"error":null})"} + pong}}};
  EXPECT_EQ(client().call<api::Ping>().version, "v1");
}

TEST_F(ClientTest, TakesResponsesInPiecesAndWithAnySpacing) {
  ScriptedDaemon daemon{socket,
                        {{"\n  {\"ID\" : {id},\r\n \"Result\":{\"ok\":true,\"version\":\"x\"} }"}}};
  EXPECT_EQ(client().call<api::Ping>().version, "x");
}

TEST_F(ClientTest, ResultOfTheWrongTypeEndsTheConnection) {
  ScriptedDaemon daemon{socket, {{R"({"id":{id},"result":{"OK":"yes"},"error":null})"}, {pong}}};
  auto caller = client();
  const Error error = failure_of([&] { caller.call<api::Ping>(); });
  EXPECT_TRUE(error.is(kinds::rpc));
  EXPECT_THAT(error.what(), StartsWith("reading body "));
  EXPECT_TRUE(caller.call<api::Ping>().ok);  // on a new connection
}

TEST_F(ClientTest, BrokenResponsesEndTheConnection) {
  for (const char* answer : {R"({"id":"0","result":{}})", R"({"id":0,"result":null,"error":null})",
                             R"({"id":0,"error":{"a":1}})", "[1]", R"({"id":0,"result":{},})"}) {
    {
      ScriptedDaemon daemon{socket, {{answer}, {pong}}};
      auto caller = client();
      EXPECT_TRUE(failure_of([&] { caller.call<api::Ping>(); }).is(kinds::rpc)) << answer;
      EXPECT_TRUE(caller.call<api::Ping>().ok) << answer;
    }
    fs::remove(socket);
  }
}

TEST_F(ClientTest, SaysUnexpectedEofWhenTheDaemonVanishesInACall) {
  ScriptedDaemon daemon{socket, {{R"({"id":0,"resu)"}, {pong}}};
  auto caller = client();
  const Error error = failure_of([&] { caller.call<api::Ping>(); });
  EXPECT_TRUE(error.is(kinds::rpc));
  EXPECT_STREQ(error.what(), "unexpected EOF");
  EXPECT_TRUE(caller.call<api::Ping>().ok);
}

TEST_F(ClientTest, ReconnectsToADaemonThatWasRestartedBetweenCalls) {
  ScriptedDaemon daemon{socket, {{pong}, {pong}}};
  auto caller = client();
  EXPECT_TRUE(caller.call<api::Ping>().ok);
  daemon.await_hang_up();
  EXPECT_TRUE(caller.call<api::Ping>().ok);
  const auto requests = daemon.finish();
  EXPECT_EQ(requests[0], requests[1]);  // ids start again
}

TEST_F(ClientTest, CloseIsIdempotentAndTheNextCallConnectsAnew) {
  ScriptedDaemon daemon{socket, {{pong}, {pong}}};
  auto caller = client();
  caller.close();
  EXPECT_TRUE(caller.call<api::Ping>().ok);
  caller.close();
  caller.close();
  EXPECT_TRUE(caller.call<api::Ping>().ok);
}

TEST_F(ClientTest, GivesUpAtTheTimeout) {
  // Answers the first call with nothing, then waits for a second line.
  ScriptedDaemon daemon{socket, {{"", ""}, {pong}}};
  auto caller = client();
  const Error error = failure_of([&] { caller.call<api::Ping>({}, 30ms); });
  EXPECT_TRUE(error.is(kinds::deadline_exceeded));
  EXPECT_STREQ(error.what(), "context deadline exceeded");
  EXPECT_TRUE(caller.call<api::Ping>({}, 10s).ok);
}

TEST_F(ClientTest, ThreadsMayShareOne) {
  ScriptedDaemon daemon{socket, {ScriptedDaemon::Script(80, pong)}};
  auto caller = client();
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 10; ++i) good += caller.call<api::Ping>().ok ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(good, 80);
}

// ---- dialling

TEST_F(ClientTest, SaysThatNothingIsThere) {
  const Error error = failure_of([&] { client().call<api::Ping>(); });
  EXPECT_TRUE(error.is(kinds::dial));
  EXPECT_EQ(error.what(),
            fmt::format("dial kukeond at {0}: dial unix {0}: connect: no such file or directory",
                        socket));
}

TEST_F(ClientTest, SaysThatAPlainFileRefuses) {
  write_file_in_place(socket, "x");
  EXPECT_EQ(failure_of([&] { client().call<api::Ping>(); }).what(),
            fmt::format("dial kukeond at {0}: dial unix {0}: connect: connection refused", socket));
}

TEST_F(ClientTest, SaysHowToGetPermission) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  ScriptedDaemon daemon{socket, {{pong}}};
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(socket.c_str(), 0600), 0);
  std::string text;
  // Effective ids are per thread only through the raw system call.
  std::jthread{[&] {
    if (::syscall(SYS_setresuid, -1, 65534, -1) != 0) return;
    text = failure_of([&] { client().call<api::Ping>(); }).what();
  }}.join();
  EXPECT_EQ(
      text,
      fmt::format(
          "dial kukeond at {0}: permission denied \xE2\x80\x94 add yourself to the kukeon group "
          "(sudo usermod -aG kukeon $USER), then log out and back in: dial unix {0}: "
          "connect: permission denied",
          socket));
}

TEST_F(ClientTest, DialsAgainAfterAFailure) {
  auto caller = client();
  EXPECT_THROW(caller.call<api::Ping>(), Error);
  ScriptedDaemon daemon{socket, {{pong}}};
  EXPECT_TRUE(caller.call<api::Ping>().ok);
}

TEST_F(ClientTest, DialDoesNotWaitLongerThanItsTimeout) {
  // A backlog that is full and stays so.
  const Fd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(socket.begin(), socket.end(), address.sun_path);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  std::vector<Fd> fill;
  for (;;) {
    Fd one{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (::connect(one.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) break;
    fill.push_back(std::move(one));
  }
  Client caller{std::make_unique<UnixTransport>(socket, DialOptions{.timeout = 30ms})};
  EXPECT_EQ(failure_of([&] { caller.call<api::Ping>(); }).what(),
            fmt::format("dial kukeond at {0}: dial unix {0}: i/o timeout", socket));
}

TEST(Dial, TakesUnixPathsAsTheyStand) {
  EXPECT_NE(dial("unix:///run/kukeon/kukeond.sock"), nullptr);
  EXPECT_NE(dial("unix://relative/path"), nullptr);
}

TEST(Dial, RefusesOtherSchemes) {
  const auto refusal = [](std::string_view address) {
    const Error error = failure_of([&] { dial(address); });
    EXPECT_TRUE(error.is(kinds::unsupported_scheme)) << address;
    return std::string{error.what()};
  };
  EXPECT_EQ(refusal("unix://"), "unsupported kukeon host scheme: unix path is empty");
  EXPECT_EQ(refusal("ssh://host"),
            "unsupported kukeon host scheme: ssh transport not yet implemented");
  for (const std::string address : {"", "/run/x.sock", "unix:/x", "UNIX:///x", "http://x"}) {
    EXPECT_EQ(refusal(address),
              fmt::format("unsupported kukeon host scheme: \"{}\" (expected unix:// or ssh://)",
                          address));
  }
}

// ---- private daemon

Client child(const std::string& script) {
  return Client{
      std::make_unique<ChildTransport>(Command{{"/bin/sh", "-c", script}, {}, {}, false, {}})};
}

TEST(Child, AnswersOverItsStandardStreamsAndEndsWithTheClient) {
  const TemporaryDirectory directory;
  const std::string ended = (directory.path() / "ended").string();
  {
    auto caller = child(R"(read -r line; echo '{"id":0,"result":{"OK":true,"Version":"child"}}'; )"
                        R"(read -r line; echo end > )" +
                        ended);
    EXPECT_EQ(caller.call<api::Ping>().version, "child");
    EXPECT_FALSE(fs::exists(ended));
  }
  // It saw the end of its input, and we waited for it.
  EXPECT_TRUE(fs::exists(ended));
}

TEST(Child, TellsHowItEnded) {
  EXPECT_STREQ(failure_of([] { child("exit 3").call<api::Ping>(); }).what(),
               "unexpected EOF (kukeond exited with code 3)");
  EXPECT_STREQ(failure_of([] { child("kill -9 $$").call<api::Ping>(); }).what(),
               "unexpected EOF (kukeond was killed by signal 9)");
}

TEST(Child, CannotBeStarted) {
  Client caller{
      std::make_unique<ChildTransport>(Command{{"/nonexistent/kukeond"}, {}, {}, false, {}})};
  const Error error = failure_of([&] { caller.call<api::Ping>(); });
  EXPECT_TRUE(error.is(kinds::dial));
  EXPECT_THAT(error.what(), StartsWith("start a private kukeond: start /nonexistent/kukeond"));
}

}  // namespace
}  // namespace kukeon::client
