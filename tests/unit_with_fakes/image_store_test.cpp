// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <string>
#include <vector>

#include "fakes/fake_runtime.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/image/digest.h"
#include "kukeon/image/import.h"
#include "kukeon/image/test_tar.h"
#include "support/test_layout.h"

namespace kukeon::image {
namespace {

using namespace support;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr const char* ns = "default.kukeon.io";
const std::string busybox = "docker.io/library/busybox:latest";

std::string docker_archive(const std::string& tags, const std::string& layer,
                           const std::string& config) {
  return TestTar{}
      .file("layer.tar", layer)
      .file("config.json", config)
      .file("repositories", "{}")
      .file(
          "manifest.json",
          fmt::format(R"([{{"Config":"config.json","RepoTags":{},"Layers":["layer.tar"]}}])", tags))
      .bytes();
}

class Images : public testing::Test {
 protected:
  Images() { runtime.create_namespace(ns, {}); }

  ImageStore store_with(const Limits& limits) {
    return ImageStore{
        runtime, scratch.path(), limits, {.architecture = "amd64", .os = "linux", .variant = ""}};
  }
  std::vector<std::string> load(const std::string& tar, const LoadOptions& options = {}) {
    return store.load_archive(ns, source_of(tar), options);
  }
  std::string refusal(const std::string& tar, const LoadOptions& options = {}) {
    try {
      load(tar, options);
    } catch (const Error& error) {
      EXPECT_TRUE(error.is(kinds::load_image)) << error.kind().word << " " << error.what();
      EXPECT_EQ(std::string{error.what()}.find('\n'), std::string::npos);
      return error.what();
    }
    return "not refused";
  }
  std::vector<std::string> everything() { return runtime.objects(); }

  fakes::FakeRuntime runtime;
  TemporaryDirectory scratch;
  ImageStore store = store_with({});
};

TEST_F(Images, ComeOutOfAnOciLayout) {
  const Layout layout;
  EXPECT_THAT(load(layout.tar().bytes()), ElementsAre(busybox));

  const auto image = store.get(ns, "busybox");
  EXPECT_EQ(image.name, busybox);
  EXPECT_EQ(image.digest, sha256_digest(layout.manifest));
  EXPECT_EQ(image.media_type, oci::media::manifest);
  EXPECT_EQ(image.size_bytes,
            static_cast<std::int64_t>(layout.manifest.size() + layout.config.size() +
                                      layout.layers[0].size()));
  EXPECT_THAT(runtime.blob_labels(ns, image.digest),
              testing::IsSupersetOf(
                  {std::pair<const std::string, std::string>{"containerd.io/gc.ref.content.config",
                                                             sha256_digest(layout.config)},
                   std::pair<const std::string, std::string>{"containerd.io/gc.ref.content.l.0",
                                                             sha256_digest(layout.layers[0])}}));
  EXPECT_THAT(
      runtime.blob_labels(ns, sha256_digest(layout.config)),
      Contains(Pair("containerd.io/gc.ref.snapshot.overlayfs", sha256_digest(layout.layers[0]))));
  EXPECT_THAT(runtime.list_leases(ns), IsEmpty());
  EXPECT_EQ(runtime.list_blobs(ns).size(), 3U);
}

TEST_F(Images, ComeOutOfADockerArchive) {
  const auto layer = TestTar{}.file("bin/sh", "#!").bytes();
  EXPECT_THAT(load(docker_archive(R"(["web:1","ghcr.io/a/b:2"])", layer, config_of({layer}))),
              ElementsAre("docker.io/library/web:1", "ghcr.io/a/b:2"));
  EXPECT_EQ(store.list(ns).size(), 2U);
  EXPECT_THAT(store.unpack(ns, "web:1").config.cmd, ElementsAre("sh"));
  EXPECT_THAT(runtime.list_leases(ns), IsEmpty());
}

TEST_F(Images, OfOldDockerShareLayersByLinks) {
  const auto layer = TestTar{}.file("a", "1").bytes();
  const auto one = config_of({layer}, "amd64", "one");
  const auto two = config_of({layer}, "amd64", "two");
  const auto tar = TestTar{}
                       .directory("x")
                       .file("x/VERSION", "1.0")
                       .file("x/json", "{}")
                       .file("x/layer.tar", layer)
                       .symlink("y/layer.tar", "../x/layer.tar")
                       .file("1.json", one)
                       .file("2.json", two)
                       .file("manifest.json",
                             R"([{"Config":"1.json","RepoTags":["one"],"Layers":["x/layer.tar"]},)"
                             R"({"Config":"2.json","RepoTags":["two"],"Layers":["y/layer.tar"]}])")
                       .bytes();
  load(tar);
  EXPECT_THAT(store.unpack(ns, "two").config.cmd, ElementsAre("two"));
  EXPECT_EQ(runtime.calls("apply_layer"), 1);
}

TEST_F(Images, AreTakenForOurPlatformAndTheOthersMayBeMissing) {
  const Layout ours;
  const auto arm = manifest_of(config_of({}, "arm64"), {});
  const auto index = index_of({descriptor(oci::media::manifest, arm, platform("arm64")),
                               descriptor(oci::media::manifest, ours.manifest, platform("amd64"))});
  auto tar = TestTar{};
  tar.file("index.json", index_of({descriptor(oci::media::index, index, named("busybox"))}))
      .file(blob_path(index), index)
      .file(blob_path(ours.manifest), ours.manifest)
      .file(blob_path(ours.config), ours.config)
      .file(blob_path(ours.layers[0]), ours.layers[0]);
  EXPECT_THAT(load(tar.bytes()), ElementsAre(busybox));
  EXPECT_EQ(store.get(ns, busybox).digest, sha256_digest(index));
  EXPECT_EQ(store.unpack(ns, busybox).chain_id, sha256_digest(ours.layers[0]));
  EXPECT_THAT(runtime.blob_labels(ns, sha256_digest(index)),
              Contains(Pair("containerd.io/gc.ref.content.m.1", sha256_digest(ours.manifest))));
}

TEST_F(Images, ForAnotherPlatformAreRefused) {
  const auto arm = manifest_of(config_of({}, "arm64"), {});
  const auto index = index_of({descriptor(oci::media::manifest, arm, platform("arm64"))});
  const auto tar =
      TestTar{}
          .file("index.json", index_of({descriptor(oci::media::index, index, named("busybox"))}))
          .file(blob_path(index), index)
          .file(blob_path(arm), arm)
          .bytes();
  EXPECT_THAT(refusal(tar), HasSubstr("it has nothing for linux/amd64; it has linux/arm64"));

  Layout layout;
  layout.config = config_of(layout.layers, "s390x");
  layout.manifest = manifest_of(layout.config, layout.layers);
  EXPECT_THAT(refusal(layout.tar().bytes()), HasSubstr("it is for linux/s390x"));
}

TEST_F(Images, WithoutANameNeedOneFromTheCaller) {
  const Layout layout;
  EXPECT_THAT(refusal(layout.tar("").bytes()), HasSubstr("it names no image"));
  EXPECT_THAT(load(layout.tar("").bytes(), {.name = "mine"}),
              ElementsAre("docker.io/library/mine:latest"));
  const auto layer = TestTar{}.file("a", "").bytes();
  EXPECT_THAT(refusal(docker_archive("null", layer, config_of({layer}))),
              HasSubstr("it names no image"));
  EXPECT_THAT(load(docker_archive("null", layer, config_of({layer})), {.name = "yours:2"}),
              ElementsAre("docker.io/library/yours:2"));
}

struct Broken {
  const char* why;
  std::string tar;
  const char* message;
};

std::vector<Broken> broken_archives() {
  const Layout good;
  const auto with = [&](auto change) {
    Layout layout;
    change(layout);
    return layout.tar().bytes();
  };
  const auto& layer = good.layers[0];
  const std::string other(64, 'a');
  return {
      {"empty", "", "the archive is empty"},
      {"no archive", "hello", ""},
      {"a root file system", TestTar{}.file("etc/passwd", "").bytes(), "kuke image import"},
      {"dots", TestTar{good.tar()}.file("../../etc/cron.d/x", "x").bytes(), "leaves the archive"},
      {"absolute", TestTar{good.tar()}.file("/etc/x", "x").bytes(), "absolute name"},
      {"twice", TestTar{good.tar()}.file(blob_path(layer), layer).bytes(), "is there twice"},
      {"two documents", TestTar{good.tar()}.file("index.json", "{}").bytes(), "is there twice"},
      {"a fifo", TestTar{good.tar()}.fifo("x").bytes(), "is no regular file"},
      {"a blob link", TestTar{good.tar()}.symlink("blobs/sha256/" + other, "/etc/passwd").bytes(),
       "is a link"},
      {"a document link", TestTar{}.symlink("manifest.json", "/etc/passwd").bytes(),
       "leaves the archive"},
      {"an escaping link", TestTar{good.tar()}.symlink("l", "a/../../x").bytes(),
       "leaves the archive"},
      {"a false digest", TestTar{good.tar()}.file("blobs/sha256/" + other, "x").bytes(),
       "is damaged"},
      {"a false size", with([](Layout& l) {
         l.manifest = manifest_of(l.config, l.layers) + "\n";
         const auto at = l.manifest.find("\"schemaVersion\":2");
         l.manifest.replace(at, 17, "\"schemaVersion\":[");
       }),
       "manifest sha256:"},
      {"bad JSON", TestTar{}.file("index.json", "{").bytes(), "index.json: "},
      {"a bad digest",
       TestTar{}
           .file("index.json",
                 R"({"manifests":[{"mediaType":"x","digest":"sha256:../../x","size":1}]})")
           .bytes(),
       "sha256:../../x"},
      {"an odd media type",
       TestTar{}
           .file("index.json", index_of({descriptor("text/plain", "x", named("x"))}))
           .file(blob_path("x"), "x")
           .bytes(),
       "is no image"},
      {"a missing layer", with([](Layout& l) { l.layers.clear(); }), "layer sha256:"},
      {"a missing manifest",
       TestTar{}
           .file("index.json", index_of({descriptor(oci::media::manifest, "x", named("x"))}))
           .bytes(),
       "is missing"},
      {"too few diff ids", with([](Layout& l) {
         l.config = config_of({});
         l.manifest = manifest_of(l.config, l.layers);
       }),
       "its manifest has 1 layers and its config 0"},
      {"a layer with other content", with([](Layout& l) {
         l.config = config_of({"something else"});
         l.manifest = manifest_of(l.config, l.layers);
       }),
       "its config says"},
      {"a damaged layer", with([](Layout& l) {
         l.layers = {TestTar{}.promise("a", 4096).unfinished()};
         l.config = config_of(l.layers);
         l.manifest = manifest_of(l.config, l.layers);
       }),
       "layer blobs/"},
      {"a docker archive without its layer",
       TestTar{}
           .file("c", "{}")
           .file("manifest.json", R"([{"Config":"c","RepoTags":["a"],"Layers":["../x"]}])")
           .bytes(),
       "leaves the archive"},
      {"links in a ring",
       TestTar{}
           .file("c", "{}")
           .symlink("a", "b")
           .symlink("b", "a")
           .file("manifest.json", R"([{"Config":"c","RepoTags":["a"],"Layers":["a"]}])")
           .bytes(),
       "is missing from the archive"},
      {"truncated", good.tar().unfinished().substr(0, 2000), ""},
  };
}

TEST_F(Images, OfBrokenArchivesLeaveNothing) {
  const auto before = everything();
  for (const auto& archive : broken_archives()) {
    EXPECT_THAT(refusal(archive.tar), HasSubstr(archive.message)) << archive.why;
    EXPECT_EQ(everything(), before) << archive.why;
  }
  EXPECT_TRUE(fs::is_empty(scratch.path()));
}

TEST_F(Images, AreBounded) {
  Limits limits;
  limits.document_bytes = 1000;
  limits.total_bytes = 20000;
  auto small = store_with(limits);
  const auto before = everything();
  const auto refused = [&](const std::string& tar) {
    try {
      small.load_archive(ns, source_of(tar));
    } catch (const Error& error) {
      EXPECT_TRUE(error.is(kinds::load_image)) << error.what();
      return std::string{error.what()};
    }
    return std::string{"not refused"};
  };
  EXPECT_THAT(refused(TestTar{}.file("index.json", std::string(1001, ' ')).bytes()),
              HasSubstr("index.json is larger than 1000 bytes"));
  EXPECT_THAT(refused(TestTar{}.file("x", std::string(20001, ' ')).bytes()),
              HasSubstr("larger than the limit"));
  EXPECT_EQ(everything(), before);
}

TEST_F(Images, AreLoadedAllOrNone) {
  const auto layer = TestTar{}.file("a", "1").bytes();
  const auto before = everything();
  runtime.fail("put_image", "docker.io/library/web:2", Error{kinds::unavailable, "gone"});
  EXPECT_THROW(load(docker_archive(R"(["web:1","web:2"])", layer, config_of({layer}))), Error);
  EXPECT_EQ(everything(), before);
}

TEST_F(Images, KeepTheirOldContentWhenAReplacementFails) {
  const Layout layout;
  load(layout.tar("web:1").bytes());
  const auto before = everything();
  const auto layer = TestTar{}.file("a", "1").bytes();
  runtime.fail("put_image", "docker.io/library/web:2", Error{kinds::unavailable, "gone"});
  EXPECT_THROW(load(docker_archive(R"(["web:1","web:3","web:2"])", layer, config_of({layer}))),
               Error);
  EXPECT_EQ(everything(), before);
  EXPECT_EQ(store.get(ns, "web:1").digest, sha256_digest(layout.manifest));
}

TEST_F(Images, AreFoundWhenTheArchiveNamesOneTwice) {
  const auto layer = TestTar{}.file("a", "1").bytes();
  EXPECT_THAT(load(docker_archive(R"(["web","docker.io/library/web:latest","b"])", layer,
                                  config_of({layer}))),
              ElementsAre("docker.io/library/web:latest", "docker.io/library/b:latest"));
}

TEST_F(Images, WithNamesNobodyCanUseAreRefused) {
  const auto layer = TestTar{}.file("a", "1").bytes();
  EXPECT_THAT(refusal(docker_archive(R"(["Web Server"])", layer, config_of({layer}))),
              HasSubstr("invalid image reference \"Web Server\""));
  EXPECT_THAT(runtime.list_blobs(ns), IsEmpty());
}

TEST_F(Images, ShareLayersAndFreeThemWithTheLast) {
  const auto before = everything();
  Layout one;
  Layout two;
  two.layers.push_back(TestTar{}.file("b", "2").bytes());
  two.config = config_of(two.layers);
  two.manifest = manifest_of(two.config, two.layers);
  load(one.tar("one").bytes());
  load(two.tar("two").bytes());
  EXPECT_EQ(runtime.calls("apply_layer"), 2);

  const auto first = store.unpack(ns, "one");
  const auto second = store.unpack(ns, "two");
  EXPECT_EQ(first.chain_id, sha256_digest(one.layers[0]));
  EXPECT_EQ(second.chain_id,
            chain_id({sha256_digest(two.layers[0]), sha256_digest(two.layers[1])}));

  store.remove(ns, "one");
  EXPECT_EQ(store.unpack(ns, "two").chain_id, second.chain_id);
  EXPECT_EQ(runtime.calls("apply_layer"), 2);
  store.remove(ns, "two");
  EXPECT_EQ(everything(), before);
}

TEST_F(Images, AreUnpackedOnce) {
  load(Layout{}.tar().bytes());
  const auto prepared = runtime.calls("prepare_snapshot");
  const auto leases = runtime.calls("create_lease");
  store.unpack(ns, busybox);
  store.unpack(ns, "busybox");
  EXPECT_EQ(runtime.calls("prepare_snapshot"), prepared);
  EXPECT_EQ(runtime.calls("create_lease"), leases);
}

TEST_F(Images, AreUnpackedAgainWhenTheirSnapshotIsGone) {
  load(Layout{}.tar().bytes());
  const auto image = store.unpack(ns, busybox);
  runtime.remove_snapshot(ns, image.chain_id);
  EXPECT_EQ(store.unpack(ns, busybox).chain_id, image.chain_id);
  EXPECT_TRUE(runtime.snapshot_exists(ns, image.chain_id));
  EXPECT_THAT(runtime.list_snapshots(ns), ElementsAre(image.chain_id));
}

TEST_F(Images, AreUnpackedByManyAtOnce) {
  const auto tar = Layout{}.tar().bytes();
  std::vector<std::future<void>> all;
  for (int i = 0; i < 8; ++i) {
    all.push_back(std::async(std::launch::async, [&] {
      auto other = store_with({});  // another lock: only the runtime tells them apart
      other.load_archive(ns, source_of(tar));
    }));
  }
  for (auto& each : all) each.get();
  EXPECT_THAT(runtime.list_leases(ns), IsEmpty());
  EXPECT_EQ(runtime.list_snapshots(ns).size(), 1U);
}

TEST_F(Images, SurviveALayerThatVanishesUnderTheUnpack) {
  Layout two;
  two.layers.push_back(TestTar{}.file("b", "2").bytes());
  two.config = config_of(two.layers);
  two.manifest = manifest_of(two.config, two.layers);
  runtime.fail_next("prepare_snapshot", Error{kinds::not_found, "parent is gone"});
  EXPECT_THAT(load(two.tar().bytes()), ElementsAre(busybox));
}

TEST_F(Images, OfAKilledDaemonAreCleanedUp) {
  load(Layout{}.tar().bytes());
  const auto before = everything();
  runtime.create_lease(ns, "kukeon-import-0123");
  runtime.create_lease(ns, "someone-elses");
  const std::string half = "half a layer";
  runtime.write_blob(ns,
                     {.media_type = {},
                      .digest = sha256_digest(half),
                      .size_bytes = static_cast<std::int64_t>(half.size())},
                     source_of(half), {}, "kukeon-import-0123");
  runtime.prepare_snapshot(ns, "kukeon-unpack-1 sha256:x", "", {}, "kukeon-import-0123");
  runtime.view_snapshot(ns, "kukeon-view-1", store.unpack(ns, busybox).chain_id, "");
  store.remove_leftovers(ns);
  runtime.delete_lease(ns, "someone-elses");
  EXPECT_EQ(everything(), before);
}

TEST_F(Images, ReportADeadRuntime) {
  runtime.fail_next("write_blob", Error{kinds::connect_containerd, "nobody answers"});
  try {
    load(Layout{}.tar().bytes());
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::connect_containerd));
  }
}

TEST_F(Images, AreMissedByName) {
  const auto missing = [&](auto call) {
    try {
      call();
    } catch (const Error& error) {
      EXPECT_TRUE(error.is(kinds::image_not_found)) << error.what();
      return std::string{error.what()};
    }
    return std::string{"found"};
  };
  EXPECT_EQ(missing([&] { store.get(ns, "web"); }),
            "image docker.io/library/web:latest is not in default.kukeon.io");
  EXPECT_NE(missing([&] { store.remove(ns, "web"); }), "found");
  EXPECT_NE(missing([&] { store.unpack(ns, "web"); }), "found");
  EXPECT_FALSE(store.find(ns, "web"));
  EXPECT_THAT(store.list(ns), IsEmpty());
}

TEST_F(Images, OfUnknownSizeAreListed) {
  runtime.put_image(ns, {.name = "docker.io/library/odd:latest",
                         .target = {.media_type = std::string{oci::media::manifest},
                                    .digest = sha256_digest("gone"),
                                    .size_bytes = 4},
                         .labels = {},
                         .created_at = {}});
  const auto images = store.list(ns);
  ASSERT_EQ(images.size(), 1U);
  EXPECT_EQ(images[0].size_bytes, -1);
}

class RootFileSystems : public Images {
 protected:
  RootFileSystems() {
    fs::create_directories(root / "bin");
    write_file_in_place(root / "bin/busybox", "ELF", 0755);
    fs::create_symlink("busybox", root / "bin/sh");
  }
  fs::path root = scratch.path() / "rootfs";
};

TEST_F(RootFileSystems, BecomeImages) {
  EXPECT_EQ(store.import_rootfs(ns, "busybox", root), busybox);
  const auto image = store.unpack(ns, busybox);
  EXPECT_THAT(image.config.cmd, ElementsAre("/bin/sh"));
  EXPECT_THAT(image.config.env,
              ElementsAre("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
  EXPECT_TRUE(runtime.snapshot_exists(ns, image.chain_id));
  EXPECT_THAT(runtime.list_leases(ns), IsEmpty());

  store.import_rootfs(ns, "busybox:2", root,
                      {.command = {"httpd"}, .env = {"A=1"}, .working_dir = "/www", .user = "app"});
  const auto other = store.unpack(ns, "busybox:2");
  EXPECT_EQ(other.chain_id, image.chain_id);
  EXPECT_THAT(other.config.cmd, ElementsAre("httpd"));
  EXPECT_THAT(other.config.env, ElementsAre("A=1"));
  EXPECT_EQ(other.config.working_dir, "/www");
  EXPECT_EQ(other.config.user, "app");
}

TEST_F(RootFileSystems, BecomeTheSameImageAgain) {
  store.import_rootfs(ns, "busybox", root);
  const auto before = everything();
  const auto digest = store.get(ns, busybox).digest;
  store.import_rootfs(ns, "busybox", root);
  EXPECT_EQ(store.get(ns, busybox).digest, digest);
  EXPECT_EQ(everything(), before);
}

TEST_F(RootFileSystems, ComeAsTarsToo) {
  const auto tar = TestTar{}.directory("./").file("./bin/sh", "#!").bytes();
  write_file_in_place(scratch.path() / "rootfs.tar", tar);
  store.import_rootfs(ns, "web", scratch.path() / "rootfs.tar");
  EXPECT_EQ(store.unpack(ns, "web").chain_id, sha256_digest(tar));
}

TEST_F(RootFileSystems, AreRefusedAndLeaveNothing) {
  const auto before = everything();
  const auto refused = [&](const std::string& reference, const fs::path& path) {
    EXPECT_THROW(store.import_rootfs(ns, reference, path), Error) << path;
    EXPECT_EQ(everything(), before) << path;
  };
  write_file_in_place(scratch.path() / "text", "not a tar");
  write_file_in_place(scratch.path() / "empty", "");
  refused("web", scratch.path() / "text");
  refused("web", scratch.path() / "empty");
  refused("web", scratch.path() / "absent");
  write_file_in_place(scratch.path() / "zeros", std::string(20480, '\0'));
  refused("web", scratch.path() / "zeros");
  fs::create_directory(scratch.path() / "nothing");
  refused("web", scratch.path() / "nothing");
  refused("Web Server", root);
  refused("", root);

  Limits limits;
  limits.total_bytes = 2;
  EXPECT_THROW(store_with(limits).import_rootfs(ns, "web", root), Error);
  EXPECT_EQ(everything(), before);
}

TEST_F(RootFileSystems, TellTheirUsersButNotTheHosts) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounting a snapshot needs root";
  fs::create_directories(root / "etc");
  write_file_in_place(root / "etc/passwd", "app:x:1000:1000::/:/bin/sh\n");
  fs::create_symlink("/etc/group-of-the-image", root / "etc/group");
  write_file_in_place(root / "etc/group-of-the-image", "app:x:1000:\n");
  store.import_rootfs(ns, "web", root);
  runtime.set_rootfs(root);
  const auto snapshots = runtime.list_snapshots(ns);

  const auto files = store.account_files(ns, store.unpack(ns, "web"));
  EXPECT_EQ(files.passwd, "app:x:1000:1000::/:/bin/sh\n");
  EXPECT_EQ(files.group, "app:x:1000:\n");
  EXPECT_EQ(runtime.list_snapshots(ns), snapshots);

  store.account_files(ns, store.unpack(ns, "web"));
  EXPECT_EQ(runtime.calls("view_snapshot"), 1);
}

TEST_F(RootFileSystems, WithoutAccountFilesHaveNoUsers) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounting a snapshot needs root";
  store.import_rootfs(ns, "web", root);
  runtime.set_rootfs(root);
  const auto files = store.account_files(ns, store.unpack(ns, "web"));
  EXPECT_EQ(files.passwd, "");
  EXPECT_EQ(files.group, "");
}

}  // namespace
}  // namespace kukeon::image
