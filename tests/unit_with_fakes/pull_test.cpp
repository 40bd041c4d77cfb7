// SPDX-License-Identifier: Apache-2.0
// Pulls with a program in skopeo's place, on a runtime in memory.
#include "kukeon/image/pull.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <future>
#include <thread>

#include "fakes/fake_runtime.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"
#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"
#include "support/test_daemon.h"
#include "support/test_layout.h"

namespace kukeon::image {
namespace {

using namespace std::chrono_literals;
using namespace support;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr const char* ns = "default.kukeon.io";
const std::string name = "registry.example/team/app:1";

model::RegistryCredentials account(std::string address, std::string password = "p4ssw0rd") {
  return {.username = "joe", .password = std::move(password), .server_address = std::move(address)};
}

// A script that does as skopeo: copies the layout beside it, but for blobs that are there. What it
// is told and finds is left for the test to look at; `before` runs first.
class Pull : public testing::Test {
 protected:
  Pull() {
    runtime.create_namespace(ns, {});
    make_directories(home / "seen", 0755);
    serve(Layout{});
    script("");
  }

  void serve(const Layout& layout) {
    fs::remove_all(home / "served");
    write_layout(layout, home / "served");
  }

  void script(const std::string& before) {
    const std::string text = fmt::format(
        R"sh(#!/bin/sh
cd "{0}"
echo "$@" >> seen/argv
env > seen/env
for word; do
  [ "$previous" = --src-authfile ] && {{ cat "$word" > seen/auth; stat -c %a "$word" > seen/mode; }}
  [ "$previous" = --dest-shared-blob-dir ] && blobs=$word
  previous=$word
done
to=${{previous#oci:}}; to=${{to%:image}}
fail() {{ echo "time=\"2026\" level=fatal msg=\"$1\"" >&2; exit 1; }}
count=$(wc -l < seen/argv)
{1}
mkdir -p "$to" "$blobs/sha256"
for blob in served/blobs/sha256/*; do
  [ -e "$blobs/sha256/${{blob##*/}}" ] && [ "$(stat -c %s "$blob")" -ge 4096 ] && continue
  echo "${{blob##*/}}" >> seen/fetched
  cp "$blob" "$blobs/sha256/"
done
cp served/index.json "$to/"
)sh",
        home.string(), before);
    write_file_atomically(home / "skopeo", text, 0755);
  }

  PullOptions options() const {
    return {.program = (home / "skopeo").string(), .deadline = 20s, .pause = 1ms};
  }

  std::string pull(const std::string& reference = name, const Credentials& credentials = {}) {
    return puller.pull(ns, reference, credentials);
  }
  Error refusal(const std::string& reference = name, const Credentials& credentials = {}) {
    try {
      pull(reference, credentials);
    } catch (const Error& error) {
      EXPECT_EQ(std::string{error.what()}.find('\n'), std::string::npos);
      return error;
    }
    return Error{kinds::unknown, "not refused"};
  }

  std::string seen(const std::string& what) const {
    return read_file_if_exists(home / "seen" / what).value_or("");
  }
  std::vector<std::string> lines(const std::string& what) const {
    auto all = split(seen(what), '\n');
    std::erase(all, "");
    return all;
  }
  std::vector<std::string> left_over() const {
    std::vector<std::string> paths;
    if (!fs::exists(pulls)) return paths;
    for (const auto& entry : fs::recursive_directory_iterator{pulls}) {
      if (!entry.is_directory()) paths.push_back(entry.path().filename().string());
    }
    return paths;
  }

  fakes::FakeRuntime runtime;
  TemporaryDirectory scratch;
  const fs::path home = scratch.path() / "home of skopeo";
  const fs::path pulls = scratch.path() / "pulls";
  ImageStore store{
      runtime, scratch.path(), {}, {.architecture = "amd64", .os = "linux", .variant = ""}};
  Puller puller{store, runtime, pulls, options()};
};

std::string hex_of(const std::string& bytes) { return sha256_digest(bytes).substr(7); }

// Large enough for its layers to be worth not fetching.
Layout big(std::size_t layers = 1, char fill = 'x') {
  Layout layout;
  layout.layers.clear();
  for (std::size_t i = 0; i < layers; ++i) {
    layout.layers.push_back(
        TestTar{}.file(fmt::format("f{}", i), std::string(10000 + i, fill)).bytes());
  }
  layout.config = config_of(layout.layers);
  layout.manifest = manifest_of(layout.config, layout.layers);
  return layout;
}

TEST_F(Pull, BringsInWhatTheRegistryHasAndLeavesNoFile) {
  EXPECT_EQ(pull("registry.example/team/app:1"), name);
  EXPECT_EQ(store.get(ns, name).digest, sha256_digest(Layout{}.manifest));
  EXPECT_THAT(runtime.list_leases(ns), IsEmpty());
  EXPECT_THAT(left_over(), IsEmpty());
  EXPECT_THAT(seen("argv"), HasSubstr("docker://registry.example/team/app:1"));
  EXPECT_THAT(seen("argv"), Not(HasSubstr("tls-verify")));
  EXPECT_EQ(seen("auth"), R"({"auths":{}})");
}

TEST_F(Pull, AsksByDigestWhereTheNameHasOne) {
  const std::string digest = sha256_digest(Layout{}.manifest);
  EXPECT_EQ(pull("busybox@" + digest), "docker.io/library/busybox@" + digest);
  EXPECT_THAT(seen("argv"), HasSubstr("docker://docker.io/library/busybox@" + digest));
}

TEST_F(Pull, AllowsPlainHttpOnThisHostAlone) {
  pull("localhost:5000/app");
  EXPECT_THAT(seen("argv"), HasSubstr("--src-tls-verify=false"));
  for (const char* here :
       {"localhost", "LOCALHOST:80", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"})
    EXPECT_TRUE(is_on_this_host(here)) << here;
  for (const char* there :
       {"127.example.com", "127.0.0.1.evil", "localhost.evil", "10.0.0.1", "[::2]"})
    EXPECT_FALSE(is_on_this_host(there)) << there;
}

TEST_F(Pull, ShowsThePasswordToNobodyButTheFileForSkopeo) {
  std::vector<std::string> logged;
  log::set_sink(log::Level::debug,
                [&](log::Level, const std::string& line) { logged.push_back(line); });
  pull(name, {account("other.example", "wrong"), account("https://registry.example/v2/")});
  EXPECT_EQ(seen("auth"), R"({"auths":{"registry.example":{"auth":"am9lOnA0c3N3MHJk"}}})");
  EXPECT_EQ(seen("mode"), "600\n");
  script("fail 'unauthorized: no joe:p4ssw0rd, no am9lOnA0c3N3MHJk'");
  const Error error = refusal(name, {account("")});
  log::set_sink(log::Level::error, nullptr);
  EXPECT_THAT(error.what(),
              AllOf(HasSubstr("unauthorized"), HasSubstr("spec.registryCredentials")));
  for (const std::string& text :
       {seen("argv"), seen("env"), join(logged, "\n"), std::string{error.what()}}) {
    EXPECT_THAT(text, AllOf(Not(HasSubstr("p4ssw0rd")), Not(HasSubstr("am9lOnA0c3N3MHJk"))));
  }
  EXPECT_THAT(left_over(), IsEmpty());
}

TEST(CredentialsFor, PrefersTheRegistrysOwnAndKnowsDockersNames) {
  const Credentials list{account("ghcr.io", "1"), account("", "2"),
                         account("https://index.docker.io/v1/", "3"),
                         account("localhost:5000", "4")};
  const auto password = [&](std::string_view registry) {
    const auto* found = credentials_for(registry, list);
    return found != nullptr ? found->password : "none";
  };
  EXPECT_EQ(password("ghcr.io"), "1");
  EXPECT_EQ(password("GHCR.io"), "1");
  EXPECT_EQ(password("docker.io"), "3");
  EXPECT_EQ(password("registry-1.docker.io"), "3");
  EXPECT_EQ(password("localhost:5000"), "4");
  EXPECT_EQ(password("localhost:5001"), "2");
  EXPECT_EQ(password("ghcr.io.evil"), "2");
  EXPECT_EQ(credentials_for("quay.io", {account("ghcr.io")}), nullptr);
}

TEST_F(Pull, TriesAgainWhatMayPass) {
  script("[ $count -lt 3 ] && fail 'reading blob: read tcp: connection reset by peer'");
  EXPECT_EQ(pull(), name);
  EXPECT_THAT(lines("argv"), SizeIs(3));
}

TEST_F(Pull, GivesUpAfterAFewAttempts) {
  script("fail 'received unexpected HTTP status: 503 Service Unavailable'");
  EXPECT_THAT(refusal().what(), AllOf(HasSubstr("503"), HasSubstr("tried 4 times")));
  EXPECT_THAT(lines("argv"), SizeIs(4));
  EXPECT_THAT(runtime.list_leases(ns), IsEmpty());
}

TEST_F(Pull, DoesNotRepeatWhatTheRegistryRefuses) {
  const std::vector<std::pair<std::string, std::string>> answers{
      {"reading manifest 1 in x: unauthorized: authentication required", "it is private"},
      {"StatusCode: 403, ", "it is private"},
      {"reading manifest 1 in x: manifest unknown: manifest unknown", "no such repository or tag"},
      {"dial tcp 1.2.3.4:443: connect: connection refused", "cannot be reached"},
      {"x509: certificate signed by unknown authority", "/etc/containers/certs.d/registry.example"},
      {"writing blob: happened during read: Digest did not match, expected a, got b",
       "damaged content"},
  };
  for (const auto& [answer, remedy] : answers) {
    fs::remove(home / "seen/argv");
    script(fmt::format("fail '{}'", answer));
    const Error error = refusal();
    EXPECT_THAT(error.what(),
                AllOf(StartsWith("failed to pull image " + name + ": "), HasSubstr(remedy)));
    EXPECT_EQ(error.is(kinds::image_not_found),
              answer.find("manifest unknown") != std::string::npos);
    EXPECT_THAT(lines("argv"), SizeIs(1)) << answer;
    EXPECT_THAT(left_over(), IsEmpty()) << answer;
  }
}

TEST_F(Pull, FetchesNoLayerThatTheRealmHas) {
  serve(big(2));
  pull();
  Layout more = big(2);
  more.layers.push_back(TestTar{}.file("new", std::string(9000, 'n')).bytes());
  more.config = config_of(more.layers);
  more.manifest = manifest_of(more.config, more.layers);
  serve(more);
  fs::remove(home / "seen/fetched");
  pull();
  EXPECT_THAT(lines("fetched"),
              testing::UnorderedElementsAre(hex_of(more.layers[2]), hex_of(more.config),
                                            hex_of(more.manifest)));
  EXPECT_EQ(store.get(ns, name).digest, sha256_digest(more.manifest));
}

TEST_F(Pull, FetchesALayerAfterAllThatWentWhileItWasPulled) {
  const Layout layout = big();
  serve(layout);
  pull("first");
  script(
      fmt::format("[ $count = 2 ] && touch seen/waiting && while [ -e seen/waiting ]; do :; done"));
  auto second = std::async(std::launch::async, [&] { return pull("second"); });
  ASSERT_TRUE(eventually([&] { return fs::exists(home / "seen/waiting"); }));
  store.remove(ns, "first");
  ASSERT_FALSE(runtime.has_blob(ns, sha256_digest(layout.layers[0])));
  fs::remove(home / "seen/waiting");
  EXPECT_EQ(second.get(), "docker.io/library/second:latest");
  EXPECT_TRUE(runtime.has_blob(ns, sha256_digest(layout.layers[0])));
}

TEST_F(Pull, GoesOnFromTheLayersOfAFailedOne) {
  const Layout layout = big(2);
  serve(layout);
  const std::string first = hex_of(layout.layers[0]);
  script(
      fmt::format("[ $count -le 4 ] && mkdir -p $blobs/sha256 $to && "
                  "cp served/blobs/sha256/{0} $blobs/sha256/ && touch $to/oci-put-blob && "
                  "fail 'unexpected EOF'",
                  first));
  EXPECT_THAT(refusal().what(), HasSubstr("unexpected EOF"));
  EXPECT_THAT(left_over(), ElementsAre(first));
  pull();
  EXPECT_THAT(lines("fetched"), Not(testing::Contains(first)));
  EXPECT_THAT(left_over(), IsEmpty());
}

TEST_F(Pull, KeepsOfFailedOnesNoMoreThanItMay) {
  PullOptions few = options();
  few.kept_bytes = 150000;
  few.attempts = 1;
  Puller careful{store, runtime, pulls, few};
  script("mkdir -p $blobs/sha256; head -c 100000 /dev/urandom > $blobs/sha256/$count; fail EOF");
  for (const char* each : {"a", "b", "c"}) EXPECT_THROW(careful.pull(ns, each, {}), Error);
  EXPECT_THAT(left_over(), ElementsAre("3"));
  careful.remove_leftovers();
  EXPECT_FALSE(fs::exists(pulls));
}

TEST_F(Pull, IsOneForAllWhoAskForTheSame) {
  script("touch seen/waiting; while [ -e seen/waiting ]; do :; done");
  std::vector<std::future<std::string>> asked;
  asked.push_back(std::async(std::launch::async, [&] { return pull(); }));
  ASSERT_TRUE(eventually([&] { return fs::exists(home / "seen/waiting"); }));
  for (int i = 0; i < 5; ++i)
    asked.push_back(std::async(std::launch::async, [&] { return pull(); }));
  std::this_thread::yield();
  fs::remove(home / "seen/waiting");
  // One that came when all was over may have asked anew.
  script("");
  for (auto& each : asked) EXPECT_EQ(each.get(), name);
  EXPECT_THAT(lines("argv").size(), testing::Le(2U));
}

TEST_F(Pull, EndsItsProgramWhenItIsStopped) {
  script("echo $$ > seen/pid; exec sleep 600");
  std::stop_source stop;
  auto pulling = std::async(std::launch::async, [&] {
    try {
      puller.pull(ns, name, {}, stop.get_token());
    } catch (const Error& error) {
      return std::string{error.kind().word};
    }
    return std::string{"done"};
  });
  ASSERT_TRUE(eventually([&] { return !trim(seen("pid")).empty(); }));
  const auto pid = static_cast<pid_t>(parse_integer(trim(seen("pid"))).value());
  EXPECT_TRUE(process_exists(pid));
  stop.request_stop();
  EXPECT_EQ(pulling.get(), "Cancelled");
  EXPECT_FALSE(process_exists(pid));
  EXPECT_THAT(left_over(), IsEmpty());
}

TEST_F(Pull, EndsAtItsDeadlineWhenNothingArrivesAndWhenTooMuchDoes) {
  script("exec sleep 600");
  PullOptions short_of_time = options();
  short_of_time.deadline = 50ms;
  PullOptions impatient = options();
  impatient.stall = 50ms;
  PullOptions frugal = options();
  frugal.most_bytes = 50000;
  frugal.stall = 1s;
  const auto failure = [&](const PullOptions& with) {
    try {
      Puller{store, runtime, pulls, with}.pull(ns, name, {});
    } catch (const Error& error) {
      return fmt::format("{} {}", error.kind().word, error.what());
    }
    return std::string{"done"};
  };
  EXPECT_THAT(failure(short_of_time), AllOf(StartsWith("DeadlineExceeded"), HasSubstr(name)));
  EXPECT_THAT(failure(impatient), HasSubstr("has sent nothing"));
  script("mkdir -p $blobs; head -c 1000000 /dev/zero > $blobs/much; exec sleep 600");
  EXPECT_THAT(failure(frugal), HasSubstr("larger than the limit"));
}

TEST_F(Pull, RefusesWhatTheLayoutSaysWronglyAndKeepsNothing) {
  const Layout layout = big();
  const auto objects = runtime.objects();
  const fs::path blob = home / "served" / blob_path(layout.layers[0]);
  const auto serves = [&](const std::string& bytes) {
    serve(layout);
    write_file_in_place(blob, bytes);
    fs::resize_file(blob, bytes.size());
  };
  serves(layout.layers[0].substr(0, 5000));
  EXPECT_THAT(refusal().what(), HasSubstr("has 5000 bytes"));
  std::string other = layout.layers[0];
  other[600] = 'y';
  serves(other);
  EXPECT_THAT(refusal().what(), HasSubstr("digest"));
  serves(std::string(layout.layers[0].size(), 'z'));
  EXPECT_TRUE(refusal().is(kinds::pull_image));
  EXPECT_EQ(runtime.objects(), objects);
}

TEST_F(Pull, SaysHowElseAnImageComesInWhereSkopeoIsNotInstalled) {
  PullOptions without = options();
  without.program = "kukeon-no-such-program";
  for (const std::string& program : {std::string{"kukeon-no-such-program"}, std::string{}}) {
    without.program = program;
    try {
      Puller{store, runtime, pulls, without}.pull(ns, name, {});
      FAIL();
    } catch (const Error& error) {
      EXPECT_TRUE(error.is(kinds::pull_image));
      EXPECT_THAT(error.what(), AllOf(HasSubstr("no registry can be asked"),
                                      HasSubstr("kuke image load"), HasSubstr(name)));
    }
  }
}

TEST_F(Pull, NeverAsksForWhatIsBuiltHere) {
  EXPECT_THAT(refusal("kukeon.internal/web:1").what(), HasSubstr("built on this host"));
  EXPECT_TRUE(refusal("UPPER/case").is(kinds::invalid_image));
  EXPECT_THAT(seen("argv"), IsEmpty());
}

TEST(RegistryAnswer, IsOneLineWithoutWhatNobodyMayRead) {
  const auto answer = understand(
      "time=\"x\" level=warning msg=\"retrying\"\n"
      "time=\"x\" level=fatal msg=\"initializing source docker://r/a:1: Get "
      "\\\"https://cdn.example/b?X-Signature=abc\\\": secret\\n\\tEOF\"\n",
      {"secret"});
  EXPECT_EQ(answer.text, "Get \"https://cdn.example/b\": *** EOF");
  EXPECT_EQ(answer.refusal, Refusal::passing);
  EXPECT_EQ(understand("").text, "no reason was given");
  EXPECT_EQ(understand("first\nlast\n").text, "last");
  EXPECT_LE(understand(std::string(100000, 'x')).text.size(), 400U);
}

}  // namespace
}  // namespace kukeon::image
