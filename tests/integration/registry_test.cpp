// SPDX-License-Identifier: Apache-2.0
// Images from a real registry, through the real daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <random>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/image/archive.h"
#include "kukeon/oci/image_spec.h"
#include "support/daemon_fixture.h"
#include "support/leak_check.h"
#include "support/test_layout.h"
#include "support/test_registry.h"

namespace kukeon {
namespace {

using namespace std::chrono_literals;
using namespace support;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::size_t mib = std::size_t{1} << 20;

std::string incompressible(std::size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  std::mt19937_64 random{seed};
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    const auto word = random();
    std::memcpy(bytes.data() + i, &word, 8);
  }
  return bytes;
}

Layout layout_of(std::vector<std::string> layers) {
  Layout layout;
  layout.layers = std::move(layers);
  layout.config = config_of(layout.layers, oci::Platform::host().architecture);
  layout.manifest = manifest_of(layout.config, layout.layers);
  return layout;
}

Layout small_image(std::string_view content = "hello") {
  return layout_of({TestTar{}.file("hello", content).bytes(),
                    TestTar{}.file("more", incompressible(20000, 1)).bytes()});
}

class Registry : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = TestDaemon::unavailable()) GTEST_SKIP() << *reason;
    if (const auto reason = TestRegistry::unavailable()) GTEST_SKIP() << *reason;
    TestRegistry::make_certificate(storage());
    daemon_.emplace(KUKEON_TEST_BIN_DIR,
                    std::map<std::string, std::string>{
                        {"SSL_CERT_FILE", TestRegistry::certificate(storage()).string()}});
    daemon_->kuke_ok({"apply", "-f", "-"},
                     "kind: Realm\nmetadata: {name: default}\n---\n"
                     "kind: Space\nmetadata: {name: default}\nspec: {realmId: default}\n---\n"
                     "kind: Stack\nmetadata: {name: default}\n"
                     "spec: {realmId: default, spaceId: default}\n");
  }
  void TearDown() override {
    if (!daemon_ || HasFatalFailure()) return;
    EXPECT_THAT(held(), IsEmpty());
  }

  TestDaemon& daemon() { return *daemon_; }
  fs::path storage() const { return directory_.path() / "registry"; }

  Output pull(const std::string& name) { return daemon().kuke({"image", "pull", name}); }
  std::string pull_ok(const std::string& name) { return daemon().kuke_ok({"image", "pull", name}); }
  std::string refusal(const std::string& name) {
    const Output output = pull(name);
    EXPECT_EQ(output.exit.code, 1) << output.out;
    EXPECT_EQ(std::ranges::count(output.err, '\n'), 1) << output.err;
    return output.err;
  }

  void give_credentials(const std::string& server, const std::string& password) {
    daemon().kuke_ok(
        {"apply", "-f", "-"},
        fmt::format("kind: Realm\nmetadata: {{name: default}}\nspec:\n  registryCredentials:\n"
                    "    - {{username: {}, password: {}, serverAddress: \"{}\"}}\n",
                    TestRegistry::user, password, server));
  }

  std::vector<std::string> words(const std::vector<std::string>& ctr) {
    auto all = split(daemon().ctr(ctr).out, '\n');
    std::erase(all, "");
    return all;
  }
  std::vector<std::string> content() { return words({"content", "ls", "-q"}); }
  // What no pull may leave: leases, and files of its own.
  std::vector<std::string> held() {
    auto all = words({"leases", "ls", "-q"});
    for (const fs::path& path : files_of_pulls()) all.push_back(path.string());
    return all;
  }
  std::vector<fs::path> files_of_pulls() {
    std::vector<fs::path> files;
    std::error_code gone;
    for (fs::recursive_directory_iterator it{daemon().run_path() / "scratch", gone}, end;
         !gone && it != end; it.increment(gone)) {
      if (it->is_regular_file(gone)) files.push_back(it->path());
    }
    return files;
  }
  // Bytes of the blob that is arriving now.
  std::uintmax_t arriving() {
    std::uintmax_t bytes = 0;
    for (const fs::path& path : files_of_pulls()) {
      std::error_code gone;
      if (path.filename().string().starts_with("oci-put-blob")) {
        const auto size = fs::file_size(path, gone);
        if (!gone) bytes += size;
      }
    }
    return bytes;
  }
  void collect_garbage() {
    daemon().ctr({"leases", "create", "--id", "collect"});
    daemon().ctr({"leases", "rm", "--sync", "collect"});
  }

  TemporaryDirectory directory_;
  std::optional<TestDaemon> daemon_;
};

TEST_F(Registry, GivesAPublicImageToWhoeverAsks) {
  TestRegistry registry{daemon(), storage()};
  const std::string name = registry.push(small_image(), "team/app:1");
  EXPECT_THAT(pull_ok(name), HasSubstr(fmt::format("pulled image \"{}\" into realm", name)));
  EXPECT_THAT(daemon().kuke_ok({"image", "get", name, "-o", "json"}),
              HasSubstr(registry.digest_of("team/app", "1")));
  EXPECT_THAT(daemon().ctr({"image", "check"}).out, HasSubstr("complete (3/3)"));
  EXPECT_THAT(pull_ok(name), HasSubstr("is up to date"));

  // By digest, and under the tag after it moved: the layer that stayed is not fetched again.
  const std::string digest = registry.digest_of("team/app", "1");
  const std::string by_digest = registry.address() + "/team/app@" + digest;
  pull_ok(by_digest);
  const std::size_t before = registry.deliveries("/blobs/");
  registry.push(small_image("other"), "team/app:1");
  EXPECT_THAT(pull_ok(name), HasSubstr("pulled image"));
  EXPECT_EQ(registry.deliveries("/blobs/") - before, 2U) << "one layer and the config";

  EXPECT_THAT(daemon().kuke_ok({"image", "tag", name, "local/mine:2"}),
              HasSubstr("\"docker.io/local/mine:2\""));
  EXPECT_THAT(daemon().kuke_ok({"image", "prune"}),
              AllOf(HasSubstr(by_digest), HasSubstr("pruned 1 image(s)")));
  EXPECT_THAT(daemon().kuke_ok({"image", "prune", "--all"}),
              AllOf(HasSubstr("local/mine:2"), HasSubstr("pruned 2 image(s)")));
  EXPECT_THAT(content(), IsEmpty());
  EXPECT_THAT(words({"snapshots", "ls"}), SizeIs(1)) << "the heading";
}

TEST_F(Registry, SaysWhatItDoesNotHave) {
  TestRegistry registry{daemon(), storage()};
  registry.push(small_image(), "team/app:1");
  EXPECT_THAT(refusal(registry.address() + "/team/app:2"),
              AllOf(HasSubstr("/team/app:2: "), HasSubstr("no such repository or tag")));
  EXPECT_THAT(refusal(registry.address() + "/team/nothing:1"), HasSubstr("no such repository"));
  EXPECT_THAT(refusal(registry.address() + "/team/app@sha256:" + std::string(64, '1')),
              HasSubstr("no such repository or tag"));
  registry.kill();
  EXPECT_THAT(refusal(registry.address() + "/team/app:1"),
              AllOf(HasSubstr("connection refused"), HasSubstr("cannot be reached")));
  EXPECT_THAT(content(), IsEmpty());
}

TEST_F(Registry, GivesAPrivateImageToTheRealmWithThePasswordAlone) {
  TestRegistry registry{daemon(), storage(), TestRegistry::Kind::with_password};
  const std::string name = registry.push(
      layout_of({TestTar{}.file("f", incompressible(48 * mib, 7)).bytes()}), "secret/app:1");
  EXPECT_THAT(refusal(name), AllOf(HasSubstr("unauthorized"), HasSubstr("give the realm credentials"
                                                                        " for 10.77.0.1:5443")));
  give_credentials("https://10.77.0.1:5443", "wr0ng-passw0rd");
  EXPECT_THAT(refusal(name), HasSubstr("does not take the realm's credentials"));
  give_credentials("ghcr.io", TestRegistry::password);
  EXPECT_THAT(refusal(name), HasSubstr("give the realm credentials"));

  give_credentials("10.77.0.1:5443", TestRegistry::password);
  auto pulling = std::async(std::launch::async, [&] { return pull(name); });
  ASSERT_TRUE(eventually([&] { return arriving() > 0; }));
  registry.freeze();
  std::size_t programs = 0;
  for (const auto& entry : fs::directory_iterator{"/proc"}) {
    std::error_code gone;
    const auto exe = fs::read_symlink(entry.path() / "exe", gone);
    if (gone || exe.filename() != "skopeo") continue;
    ++programs;
    for (const char* file : {"cmdline", "environ"}) {
      EXPECT_THAT(read_file(entry.path() / file), Not(HasSubstr(TestRegistry::password)));
    }
  }
  EXPECT_GE(programs, 1U);
  registry.go_on();
  const Output pulled = pulling.get();
  EXPECT_TRUE(pulled.exit.ok()) << pulled.err;
  for (const std::string& text :
       {daemon().log(), pulled.out, daemon().kuke({"status", "-o", "json"}).out,
        daemon().kuke({"image", "get", "-o", "json"}).out}) {
    EXPECT_THAT(text, AllOf(Not(HasSubstr(TestRegistry::password)), Not(HasSubstr("wr0ng"))));
  }
}

TEST_F(Registry, IsNotTrustedWithoutItsCertificate) {
  TestRegistry registry{daemon(), storage(), TestRegistry::Kind::with_password};
  // The file that the daemon trusts is read anew for each pull: now another than the registry
  // shows.
  TestRegistry::make_certificate(storage());
  give_credentials("10.77.0.1:5443", TestRegistry::password);
  EXPECT_THAT(refusal("10.77.0.1:5443/secret/app:1"),
              HasSubstr("/etc/containers/certs.d/10.77.0.1:5443/ca.crt"));
}

TEST_F(Registry, KilledInTheMiddleOfALayerCostsOneClearErrorAndTheNextPullGoesOn) {
  TestRegistry registry{daemon(), storage()};
  const std::string name =
      registry.push(layout_of({TestTar{}.file("small", incompressible(1 * mib, 3)).bytes(),
                               TestTar{}.file("large", incompressible(64 * mib, 4)).bytes()}),
                    "team/large:1");
  auto pulling = std::async(std::launch::async, [&] { return pull(name); });
  ASSERT_TRUE(eventually([&] { return arriving() > mib; }));
  registry.freeze();
  ASSERT_LT(arriving(), 64 * mib) << "the layer was there before the registry could be stopped";
  registry.kill();
  const Output failed = pulling.get();
  EXPECT_EQ(failed.exit.code, 1);
  EXPECT_THAT(failed.err, HasSubstr("failed to pull image " + name));
  EXPECT_THAT(content(), IsEmpty());
  EXPECT_THAT(words({"leases", "ls", "-q"}), IsEmpty());

  const std::size_t blobs = registry.deliveries("/blobs/");
  registry.start();
  pull_ok(name);
  EXPECT_LE(registry.deliveries("/blobs/") - blobs, 2U)
      << "the small layer had come before, the large one and the config had not";
}

TEST_F(Registry, WithDamagedContentIsRefusedAndNothingStays) {
  TestRegistry registry{daemon(), storage()};
  const std::string name = registry.push(small_image(), "team/app:1");
  const fs::path manifest = registry.blob(registry.digest_of("team/app", "1"));
  const std::string text = read_file(manifest);
  const auto layer = text.find("sha256:", text.find("\"layers\""));
  const fs::path blob = registry.blob(std::string_view{text}.substr(layer, 71));
  const std::string good = read_file(blob);

  write_file_in_place(blob, good.substr(0, good.size() / 2));
  fs::resize_file(blob, good.size() / 2);
  EXPECT_THAT(refusal(name), HasSubstr(name));
  std::string other = good;
  other[other.size() / 2] = static_cast<char>(other[other.size() / 2] ^ 1);
  write_file_in_place(blob, other);
  EXPECT_THAT(refusal(name), HasSubstr("damaged content"));
  fs::remove(blob);
  EXPECT_THAT(refusal(name), HasSubstr("404"));
  write_file_in_place(blob, good);

  const std::string by_digest =
      registry.address() + "/team/app@" + registry.digest_of("team/app", "1");
  write_file_in_place(manifest, text + " ");
  EXPECT_THAT(refusal(by_digest), HasSubstr("damaged content"));
  EXPECT_THAT(content(), IsEmpty());
  EXPECT_THAT(words({"images", "ls", "-q"}), IsEmpty());
}

TEST_F(Registry, GivesAnImageOfThirtyLayersOnceToAllWhoAskAtOnce) {
  TestRegistry registry{daemon(), storage()};
  std::vector<std::string> layers;
  for (unsigned i = 0; i < 30; ++i) {
    layers.push_back(TestTar{}.file(fmt::format("layer{}", i), incompressible(100000, i)).bytes());
  }
  const std::string name = registry.push(layout_of(std::move(layers)), "team/many:1");
  std::vector<std::future<Output>> asked;
  registry.freeze();
  for (int i = 0; i < 4; ++i)
    asked.push_back(std::async(std::launch::async, [&] { return pull(name); }));
  // All of them wait: the daemon works on four calls, and has one program at it.
  const auto programs = [&] {
    std::size_t count = 0;
    for (const std::string& line : split(run({.argv = {"ps", "-eo", "args"}}, 10s).out, '\n')) {
      if (line.starts_with("skopeo copy") && line.find(name) != std::string::npos) ++count;
    }
    return count;
  };
  ASSERT_TRUE(eventually([&] { return programs() == 1; }));
  EXPECT_FALSE(eventually([&] { return programs() > 1; }, 1s));
  registry.go_on();
  for (auto& each : asked) {
    const Output output = each.get();
    EXPECT_TRUE(output.exit.ok()) << output.err;
  }
  EXPECT_EQ(registry.deliveries("/blobs/"), 31U);
  EXPECT_THAT(words({"snapshots", "ls"}), SizeIs(31)) << "30 and the heading";
}

TEST_F(Registry, GivesACellTheImageThatTheRealmDoesNotHave) {
  TestRegistry registry{daemon(), storage()};
  const fs::path rootfs = daemon().directory() / "rootfs";
  make_busybox_rootfs(rootfs);
  image::Budget budget{std::uint64_t{1} << 30};
  image::Spool spool{daemon().directory()};
  image::write_directory_tar(rootfs, spool, budget, 10000);
  std::string tar(spool.size(), '\0');
  const auto source = spool.source();
  for (std::size_t at = 0; at < tar.size();) at += source(tar.data() + at, tar.size() - at);
  const std::string name = registry.push(layout_of({tar}), "team/busybox:1");

  const std::string cell =
      cell_yaml("web", fmt::format("    - id: main\n      image: {}\n      command: /bin/sh\n"
                                   "      args: [-c, \"trap 'exit 0' TERM; sleep 600 & wait\"]\n",
                                   name));
  EXPECT_THAT(daemon().kuke_ok({"apply", "-f", "-"}, cell), HasSubstr("Cell \"web\": created"));
  EXPECT_THAT(daemon().kuke_ok({"get", "cells"}), HasSubstr("Ready"));
  EXPECT_THAT(daemon().kuke_ok({"image", "prune", "--all"}), HasSubstr("pruned 0 image(s)"));
  const std::size_t asked = registry.deliveries("/manifests/");
  daemon().kuke_ok({"stop", "cell", "web"});
  daemon().kuke_ok({"start", "cell", "web"});
  EXPECT_EQ(registry.deliveries("/manifests/"), asked) << "only what is missing is pulled";
  daemon().kuke_ok({"delete", "cell", "web"});

  const Output failed = daemon().apply(cell_yaml(
      "other",
      fmt::format("    - id: main\n      image: {}/team/busibox:1\n", registry.address())));
  EXPECT_THAT(failed.out, AllOf(HasSubstr("no such repository or tag"), HasSubstr("did you mean"),
                                HasSubstr("container \"main\" needs the image")));
}

TEST_F(Registry, DaemonKilledInTheMiddleOfAPullLeavesNothing) {
  TestRegistry registry{daemon(), storage()};
  const std::string name = registry.push(
      layout_of({TestTar{}.file("large", incompressible(48 * mib, 5)).bytes()}), "team/large:1");
  auto pulling = std::async(std::launch::async, [&] { return pull(name); });
  ASSERT_TRUE(eventually([&] { return arriving() > mib; }));
  registry.freeze();
  daemon().kill();
  pulling.get();
  const auto is_running = [&] {
    return run({.argv = {"ps", "-eo", "args"}}, 10s).out.find("docker://" + name) !=
           std::string::npos;
  };
  EXPECT_TRUE(eventually([&] { return !is_running(); })) << "skopeo outlives the daemon";
  daemon().start();
  collect_garbage();
  EXPECT_THAT(held(), IsEmpty());
  EXPECT_THAT(content(), IsEmpty());
  registry.go_on();
  pull_ok(name);
  collect_garbage();
  EXPECT_THAT(daemon().ctr({"image", "check"}).out, HasSubstr("complete (2/2)"));
}

TEST_F(Registry, PullDoesNotHoldUpADaemonThatStops) {
  TestRegistry registry{daemon(), storage()};
  const std::string name = registry.push(
      layout_of({TestTar{}.file("large", incompressible(16 * mib, 6)).bytes()}), "team/large:1");
  registry.freeze();
  auto pulling = std::async(std::launch::async, [&] { return pull(name); });
  ASSERT_TRUE(eventually([&] {
    return run({.argv = {"ps", "-eo", "args"}}, 10s).out.find("docker://" + name) !=
           std::string::npos;
  }));
  const auto began = std::chrono::steady_clock::now();
  daemon().terminate();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_THAT(pulling.get().err, HasSubstr("was stopped"));
  registry.go_on();
  daemon().start();
}

}  // namespace
}  // namespace kukeon
