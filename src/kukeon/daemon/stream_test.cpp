// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "kukeon/api/daemon_methods.h"
#include "kukeon/base/files.h"
#include "kukeon/daemon/server.h"

namespace kukeon::daemon {
namespace {

Router with_ping() {
  Router router;
  router.on<api::Ping>([](const auto&) { return api::Ping::Reply{.ok = true, .version = "v1"}; });
  return router;
}

constexpr std::string_view ping = R"({"method":"KukeonV1.Ping","params":[{}],"id":1})";
constexpr std::string_view pong =
    "{\"id\":1,\"result\":{\"OK\":true,\"Version\":\"v1\",\"Err\":null},\"error\":null}\n";

struct Pipe {
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) throw Error::from_errno("pipe");
    read = Fd{ends[0]};
    write = Fd{ends[1]};
  }
  Fd read;
  Fd write;
};

TEST(Stream, ServesPipesUntilTheyEnd) {
  const Router router = with_ping();
  Pipe requests;
  Pipe answers;
  write_all(requests.write.get(), std::string{ping} + "\n", "requests");
  requests.write.reset();
  serve_stream(router, requests.read.get(), answers.write.get());
  answers.write.reset();
  std::string all(4096, '\0');
  all.resize(static_cast<std::size_t>(::read(answers.read.get(), all.data(), all.size())));
  EXPECT_EQ(all, pong);
}

TEST(Stream, TellsItsHandlersThatTheClientHungUp) {
  Router router;
  std::latch began{1};
  bool was_told = false;
  router.on<api::ApplyDocuments>(
      [&](const api::ApplyDocuments::Request&, const std::stop_token& gone) {
        began.count_down();
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock{mutex};
        never.wait_for(lock, gone, std::chrono::seconds{10}, [] { return false; });
        was_told = gone.stop_requested();
        return api::ApplyDocuments::Result{};
      });
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Fd client{ends[0]};
  const Fd server{ends[1]};
  std::jthread serving{[&] { serve_stream(router, server.get(), server.get()); }};
  write_all(client.get(), R"({"method":"KukeonV1.ApplyDocuments","params":[{}],"id":1})",
            "request");
  began.wait();
  client.reset();
  serving.join();
  EXPECT_TRUE(was_told);
}

TEST(Stream, ServesRegularFiles) {
  const Router router = with_ping();
  const TemporaryDirectory directory;
  write_file_in_place(directory.path() / "in", ping);
  const Fd in = open_file((directory.path() / "in").string(), O_RDONLY);
  const Fd out = open_file((directory.path() / "out").string(), O_WRONLY | O_CREAT, 0600);
  serve_stream(router, in.get(), out.get());
  EXPECT_EQ(read_file(directory.path() / "out"), pong);
}

TEST(Stream, EndsOnBadInput) {
  const Router router = with_ping();
  Pipe requests;
  Pipe answers;
  write_all(requests.write.get(), "[1,2]" + std::string{ping}, "requests");
  serve_stream(router, requests.read.get(), answers.write.get());
  answers.write.reset();
  char byte = 0;
  EXPECT_EQ(::read(answers.read.get(), &byte, 1), 0);
}

TEST(Stream, SurvivesAPeerThatDoesNotTakeItsAnswers) {
  const Router router = with_ping();
  Pipe requests;
  Pipe answers;
  answers.read.reset();
  write_all(requests.write.get(), ping, "requests");
  requests.write.reset();
  serve_stream(router, requests.read.get(), answers.write.get());
}

}  // namespace
}  // namespace kukeon::daemon
