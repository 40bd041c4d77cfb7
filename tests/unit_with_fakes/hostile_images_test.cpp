// SPDX-License-Identifier: Apache-2.0
// What comes from strangers, by every way into the store: archives and layers that try to get out,
// to fill the disk, or to be taken for something else. What containerd makes of those that pass is
// in integration/image_content_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "fakes/fake_runtime.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/image/import.h"
#include "support/compress.h"
#include "support/test_layout.h"

namespace kukeon::image {
namespace {

using namespace support;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* ns = "default.kukeon.io";
constexpr std::size_t mib = std::size_t{1} << 20;

// An image that claims `diff_of` to be what its layer unpacks to.
Layout layout_of(const std::string& layer, const std::string& diff_of,
                 std::string_view type = oci::media::layer) {
  Layout layout;
  layout.layers = {layer};
  layout.config = config_of({diff_of});
  layout.manifest = manifest_of(layout.config, layout.layers, type);
  return layout;
}

std::string docker_archive_of(const std::string& layer, const std::string& diff_of) {
  return TestTar{}
      .file("layer.tar", layer)
      .file("config.json", config_of({diff_of}))
      .file("manifest.json",
            R"([{"Config":"config.json","RepoTags":["web"],"Layers":["layer.tar"]}])")
      .bytes();
}

class HostileImages : public testing::Test {
 protected:
  HostileImages() {
    runtime.create_namespace(ns, {});
    limits.total_bytes = 4 * mib;
    limits.layer_entries = 100;
    limits.document_bytes = 20000;
  }

  ImageStore store() {
    return ImageStore{
        runtime, scratch.path(), limits, {.architecture = "amd64", .os = "linux", .variant = ""}};
  }

  // Runs it; the message of its refusal, or "accepted". A refusal leaves nothing.
  std::string outcome(const std::function<void()>& import) {
    const auto before = runtime.objects();
    try {
      import();
      return "accepted";
    } catch (const Error& error) {
      EXPECT_TRUE(error.is(kinds::load_image)) << error.kind().word << ": " << error.what();
      EXPECT_EQ(runtime.objects(), before);
      EXPECT_TRUE(fs::is_empty(scratch.path())) << "scratch files";
      return error.what();
    }
  }
  std::string load(const std::string& tar) {
    return outcome([&] { store().load_archive(ns, source_of(tar)); });
  }
  std::string load(const Layout& layout) { return load(layout.tar().bytes()); }
  // As a pull would leave it; `change` may spoil it first.
  std::string load_pulled(const Layout& layout,
                          const std::function<void(const fs::path&)>& change = {}) {
    const TemporaryDirectory home;
    write_layout(layout, home.path());
    if (change) change(home.path());
    return outcome([&] {
      store().load_layout(ns, {home.path() / "index.json", home.path() / "blobs", {}},
                          {.name = "web"});
    });
  }
  std::string import(const std::string& tar) {
    const TemporaryDirectory home;
    write_file_in_place(home.path() / "rootfs.tar", tar);
    return outcome([&] { store().import_rootfs(ns, "web", home.path() / "rootfs.tar"); });
  }
  std::string import_directory(const fs::path& directory) {
    return outcome([&] { store().import_rootfs(ns, "web", directory); });
  }

  fakes::FakeRuntime runtime;
  TemporaryDirectory scratch;
  Limits limits;
};

struct HostileLayer {
  const char* why;
  std::string bytes;
  const char* message;
};

std::vector<HostileLayer> refused_layers() {
  const std::string zeros(8 * mib, '\0');
  const std::string plain = TestTar{}.file("f", std::string(100000, 'x')).bytes();
  TestTar many;
  for (int i = 0; i < 101; ++i) many.file(fmt::format("f{}", i), "");
  std::string broken_checksum = plain;
  broken_checksum[600 + 100000] = 'x';  // in the padding and zeros after the only file
  return {
      {"a file above the root", TestTar{}.file("../x", "x").bytes(), "leaves the layer"},
      {"on a detour", TestTar{}.file("a/../../x", "x").bytes(), "leaves the layer"},
      {"from the root of all", TestTar{}.file("/../../etc/x", "x").bytes(), "leaves the layer"},
      {"a directory above the root", TestTar{}.directory("../").bytes(), "leaves the layer"},
      {"a symlink above the root", TestTar{}.symlink("../../l", "x").bytes(), "leaves the layer"},
      {"a device above the root", TestTar{}.device("../null", 1, 3).bytes(), "leaves the layer"},
      {"a hard link to a file of the host", TestTar{}.hardlink("h", "../../../etc/shadow").bytes(),
       "leaves the layer"},
      {"a bomb", gzipped(TestTar{}.file("zeros", zeros).bytes()), "limit of 4 MiB"},
      {"a bomb in zstd", zstd_compressed(TestTar{}.file("zeros", zeros).bytes()), "limit of 4 MiB"},
      {"a bomb that only promises", TestTar{}.promise("zeros", std::size_t{1} << 33).unfinished(),
       "limit of 4 MiB"},
      {"a bomb behind the tar's end", gzipped(plain + zeros), "limit of 4 MiB"},
      {"too many files", many.bytes(), "more than 100 files"},
      {"too many files in gzip", gzipped(many.bytes()), "more than 100 files"},
      {"a file that ends early", TestTar{}.promise("a", 4096).unfinished() + "short", "damaged"},
      {"gzip cut in the tar", gzipped(plain).substr(0, 100), "damaged"},
      {"gzip cut behind the tar", gzipped(plain).substr(0, gzipped(plain).size() - 4), "damaged"},
      {"zstd cut in the tar", zstd_compressed(plain).substr(0, 40), "damaged"},
      {"zstd cut behind the tar",
       zstd_compressed(plain).substr(0, zstd_compressed(plain).size() - 2), "damaged"},
      {"gzip of nothing that is a tar", gzipped("hello"), "no tar archive"},
  };
}

TEST_F(HostileImages, AreRefusedByEveryWayIn) {
  for (const auto& layer : refused_layers()) {
    SCOPED_TRACE(layer.why);
    const auto expect = [&](const char* way, const std::string& message) {
      EXPECT_THAT(message, HasSubstr(layer.message)) << way;
    };
    expect("OCI archive", load(layout_of(layer.bytes, layer.bytes)));
    expect("gzip OCI archive", load(gzipped(layout_of(layer.bytes, layer.bytes).tar().bytes())));
    expect("docker archive", load(docker_archive_of(layer.bytes, layer.bytes)));
    expect("pull", load_pulled(layout_of(layer.bytes, layer.bytes)));
    expect("root file system", import(layer.bytes));
  }
}

// Names and links that the runtime resolves inside the layer, as for any image.
TEST_F(HostileImages, ThatStayInTheirLayerAreImages) {
  const std::string layer = TestTar{}
                                .file("/etc/motd", "absolute, as some builders write them")
                                .symlink("out", "/etc")
                                .symlink("up", "../../../../etc")
                                .file("up/below-a-link", "x")
                                .hardlink("h", "/etc/motd")
                                .file("a/b/../c", "within")
                                .device("dev/null", 1, 3)
                                .fifo("pipe")
                                .file("same", "1")
                                .file("same", "2")
                                .bytes();
  EXPECT_EQ(load(layout_of(layer, layer)), "accepted");
  EXPECT_EQ(load(docker_archive_of(layer, layer)), "accepted");
  EXPECT_EQ(load_pulled(layout_of(layer, layer)), "accepted");
  EXPECT_EQ(import(layer), "accepted");
}

TEST_F(HostileImages, AreNotTakenForLayersThatNobodyChecked) {
  const std::string text = "neither tar nor compressed";
  EXPECT_THAT(load(layout_of(text, text)), HasSubstr("is no tar, plain or compressed"));
  EXPECT_THAT(load(docker_archive_of(text, text)), HasSubstr("is no tar, plain or compressed"));
  EXPECT_THAT(load_pulled(layout_of(text, text)), HasSubstr("no tar archive"));
  // zstd may begin with a frame to be skipped, which containerd knows for zstd.
  const std::string frame{"\x50\x2a\x4d\x18\x04\0\0\0skip", 12};
  const std::string bomb =
      frame + zstd_compressed(TestTar{}.file("zeros", std::string(8 * mib, '\0')).bytes());
  EXPECT_NE(load(layout_of(bomb, bomb, oci::media::layer_zstd)), "accepted");
  EXPECT_NE(load_pulled(layout_of(bomb, bomb, oci::media::layer_zstd)), "accepted");
}

TEST_F(HostileImages, WithoutAFileAreStillImages) {
  const std::string nothing(1024, '\0');
  EXPECT_EQ(load(layout_of(nothing, nothing)), "accepted");
  // A tar as Unix had it in 1979: no magic, only the checksum.
  std::string old = TestTar{}.file("a", "1").bytes();
  unsigned sum = 0;
  old.replace(257, 8, std::string(8, '\0'));
  old.replace(148, 8, "        ");
  for (std::size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(old[i]);
  old.replace(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  EXPECT_EQ(load(layout_of(old, old)), "accepted");
}

TEST_F(HostileImages, ThatLieAboutSizesAreRefused) {
  const Layout good;
  const auto with = [&](std::string_view of, std::string_view size) {
    Layout layout;
    const auto at = layout.manifest.find(fmt::format("\"size\":{}", of.size()),
                                         layout.manifest.find(sha256_digest(of)));
    layout.manifest.replace(at, fmt::format("\"size\":{}", of.size()).size(),
                            fmt::format("\"size\":{}", size));
    return layout;
  };
  const std::string& layer = good.layers[0];
  const auto more = std::to_string(layer.size() + 1);
  EXPECT_THAT(load(with(layer, more)), HasSubstr("bytes, its descriptor says " + more));
  EXPECT_THAT(load_pulled(with(layer, more)), HasSubstr("bytes, its descriptor says " + more));
  EXPECT_THAT(load(with(layer, "1")), HasSubstr("bytes, its descriptor says 1"));
  EXPECT_THAT(load(with(good.config, "1")), HasSubstr("larger than the 1 bytes its descriptor"));
  EXPECT_THAT(load(with(good.config, "1999")), HasSubstr("bytes, its descriptor says 1999"));
  for (const char* size : {"-1", "9223372036854775807"}) {
    EXPECT_THAT(load(with(layer, size)), HasSubstr("has the impossible size")) << size;
    EXPECT_THAT(load(with(good.config, size)), HasSubstr("has the impossible size")) << size;
    EXPECT_THAT(load_pulled(with(layer, size)), HasSubstr("has the impossible size")) << size;
  }
  EXPECT_NE(load(with(layer, "99999999999999999999")), "accepted");
}

TEST_F(HostileImages, ThatLieAboutDigestsAreRefused) {
  const Layout good;
  const auto spoil = [&](const std::string& blob) {
    return [path = blob_path(blob), size = blob.size()](const fs::path& home) {
      write_file_in_place(home / path, std::string(size, 'x'));
    };
  };
  for (const auto& blob : {good.manifest, good.config, good.layers[0]}) {
    EXPECT_NE(load_pulled(good, spoil(blob)), "accepted");
    EXPECT_THAT(
        load_pulled(good, [&](const fs::path& home) { fs::remove(home / blob_path(blob)); }),
        HasSubstr(fmt::format("{} is missing", sha256_digest(blob))));
    EXPECT_NE(load_pulled(good,
                          [&](const fs::path& home) {
                            fs::remove(home / blob_path(blob));
                            fs::create_symlink("/etc/passwd", home / blob_path(blob));
                          }),
              "accepted");
  }
}

TEST_F(HostileImages, OfOversizedDocumentsAreRefusedByTheirBound) {
  Layout config;
  config.config.insert(1, fmt::format(R"("comment":"{}",)", std::string(20001, 'x')));
  config.manifest = manifest_of(config.config, config.layers);
  EXPECT_THAT(load(config), HasSubstr("bytes, more than 20000"));
  EXPECT_THAT(load_pulled(config), HasSubstr("bytes, more than 20000"));

  Layout manifest;
  manifest.manifest.insert(1, fmt::format(R"("comment":"{}",)", std::string(20001, 'x')));
  EXPECT_THAT(load(manifest), HasSubstr("bytes, more than 20000"));
  EXPECT_THAT(load_pulled(manifest), HasSubstr("bytes, more than 20000"));

  EXPECT_THAT(load(TestTar{}.file("index.json", std::string(20001, ' ')).bytes()),
              HasSubstr("index.json is larger than 20000 bytes"));
  EXPECT_THAT(load(TestTar{}.file("manifest.json", std::string(20001, ' ')).bytes()),
              HasSubstr("manifest.json is larger than 20000 bytes"));
}

// `top` in an index.json, and the blobs that hang on it.
std::string archive_of(const std::string& top, const std::vector<std::string>& blobs) {
  TestTar tar;
  tar.file("index.json", index_of({descriptor(oci::media::index, top, named("web"))}));
  for (const auto& blob : blobs) tar.file(blob_path(blob), blob);
  return tar.bytes();
}

TEST_F(HostileImages, WithIndexesInIndexesAreRefusedAtADepth) {
  const Layout good;
  std::vector<std::string> blobs{good.config, good.manifest, good.layers[0]};
  std::string top = index_of({descriptor(oci::media::manifest, good.manifest)});
  for (int depth = 1; depth <= 6; ++depth) {
    blobs.push_back(top);
    const auto message = load(archive_of(top, blobs));
    EXPECT_EQ(message == "accepted", depth <= 4) << depth << ": " << message;
    if (depth > 4) {
      EXPECT_THAT(message, HasSubstr("nested more than 4 deep"));
    }
    if (message == "accepted") store().remove(ns, "web");

    const TemporaryDirectory home;
    write_layout(good, home.path());
    for (const auto& blob : blobs) write_file_in_place(home.path() / blob_path(blob), blob);
    write_file_in_place(home.path() / "index.json",
                        index_of({descriptor(oci::media::index, top, named("web"))}));
    const auto pulled = outcome([&] {
      store().load_layout(ns, {home.path() / "index.json", home.path() / "blobs", {}});
    });
    EXPECT_EQ(pulled == "accepted", depth <= 4) << depth << ": " << pulled;
    if (pulled == "accepted") store().remove(ns, "web");
    top = index_of({descriptor(oci::media::index, top)});
  }
}

// A hundred entries that are all the same index of a hundred entries, and so on: 10^8 ways, 4
// files.
TEST_F(HostileImages, WhoseIndexesRepeatThemselvesAreWalkedOnce) {
  limits.document_bytes = mib;
  const Layout good;
  const TemporaryDirectory home;
  write_layout(good, home.path());
  std::string top = index_of(std::vector<std::string>(
      100, descriptor(oci::media::manifest, good.manifest, platform("amd64"))));
  for (int depth = 0; depth < 3; ++depth) {
    write_file_in_place(home.path() / blob_path(top), top);
    top = index_of(std::vector<std::string>(100, descriptor(oci::media::index, top)));
  }
  write_file_in_place(home.path() / blob_path(top), top);
  write_file_in_place(home.path() / "index.json", index_of({descriptor(oci::media::index, top)}));
  EXPECT_EQ(outcome([&] {
              store().load_layout(ns, {home.path() / "index.json", home.path() / "blobs", {}},
                                  {.name = "web"});
            }),
            "accepted");
  EXPECT_LT(runtime.calls("read_blob"), 50);
}

TEST_F(HostileImages, WithTooManyOfAnythingAreRefusedByTheCount) {
  limits.document_bytes = 4 * mib;
  const Layout good;
  const std::vector<std::string> many(4097, descriptor(oci::media::manifest, good.manifest));
  const std::string wide = index_of(many);
  EXPECT_THAT(load(archive_of(wide, {wide, good.config, good.manifest, good.layers[0]})),
              HasSubstr("4097 manifests in one index, more than 4096"));
  EXPECT_THAT(load(TestTar{}.file("index.json", wide).bytes()),
              HasSubstr("4097 manifests in index.json, more than 4096"));

  const Layout deep = [] {
    Layout layout;
    layout.manifest = manifest_of(layout.config, std::vector<std::string>(513, layout.layers[0]));
    return layout;
  }();
  EXPECT_THAT(load(deep), HasSubstr("513 layers, more than 512"));
  EXPECT_THAT(load_pulled(deep), HasSubstr("513 layers, more than 512"));

  std::string tags = R"("a")";
  for (int i = 0; i < 4096; ++i) tags += fmt::format(R"(,"a{}")", i);
  std::string list = fmt::format(R"([{{"Config":"c","RepoTags":[{}],"Layers":[]}}])", tags);
  EXPECT_THAT(load(TestTar{}.file("c", config_of({})).file("manifest.json", list).bytes()),
              HasSubstr("4097 names, more than 4096"));
  list = "[";
  for (int i = 0; i < 4097; ++i) {
    list += R"({"Config":"c","RepoTags":["a"],"Layers":[]},)";
  }
  list.back() = ']';
  EXPECT_THAT(load(TestTar{}.file("c", config_of({})).file("manifest.json", list).bytes()),
              HasSubstr("4097 images, more than 4096"));

  limits.archive_entries = 3;
  EXPECT_THAT(load(good), HasSubstr("more than 3 members"));
}

TEST_F(HostileImages, WithMembersTwiceAreRefused) {
  const Layout good;
  EXPECT_THAT(load(TestTar{good.tar()}.file("./index.json", "{}").bytes()),
              HasSubstr("is there twice"));
  EXPECT_THAT(load(TestTar{good.tar()}.file("blobs//./x", "").file("blobs/x", "").bytes()),
              HasSubstr("is there twice"));
}

TEST_F(HostileImages, WithLayersThatMayNotBePassedOnSayWhoHasThem) {
  constexpr std::string_view oci_type =
      "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
  constexpr std::string_view docker_type =
      "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  for (const auto type : {oci_type, docker_type}) {
    const std::string plain = TestTar{}.file("a", "1").bytes();
    const std::string layer = gzipped(plain);
    Layout layout = layout_of(layer, plain, type);
    runtime.set_diff_id(sha256_digest(layer), sha256_digest(plain));
    EXPECT_EQ(load(layout), "accepted") << "an archive may have it all the same";
    store().remove(ns, "busybox");
    EXPECT_THAT(
        load_pulled(layout, [&](const fs::path& home) { fs::remove(home / blob_path(layer)); }),
        HasSubstr("may not be passed on"));
    layout.layers.clear();
    EXPECT_THAT(load(layout), HasSubstr("may not be passed on"));
  }
}

TEST_F(HostileImages, AreNoFilesThatNeverEnd) {
  const TemporaryDirectory home;
  const fs::path fifo = home.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  for (const fs::path& path : {fifo, fs::path{"/dev/zero"}}) {
    EXPECT_THAT(outcome([&] { store().load_archive(ns, path); }), HasSubstr("is no regular file"));
    EXPECT_THAT(import_directory(path), HasSubstr("is no regular file"));
  }
  EXPECT_THAT(outcome([&] { store().load_archive(ns, home.path()); }),
              HasSubstr("is no regular file"));
}

TEST_F(HostileImages, OfADirectoryTakeNothingFromOutside) {
  const TemporaryDirectory outside;
  write_file_in_place(outside.path() / "secret", "the host's secret");
  const TemporaryDirectory root;
  fs::create_symlink(outside.path() / "secret", root.path() / "file-link");
  fs::create_directory_symlink(outside.path(), root.path() / "directory-link");
  ASSERT_EQ(::mkfifo((root.path() / "pipe").c_str(), 0600), 0);
  ASSERT_EQ(import_directory(root.path()), "accepted");
  for (const auto& blob : runtime.list_blobs(ns)) {
    EXPECT_THAT(runtime.read_blob(ns, blob.digest), testing::Not(HasSubstr("the host's secret")));
  }
}

TEST_F(HostileImages, OfADirectoryHaveBoundsToo) {
  {
    const TemporaryDirectory root;
    write_file_in_place(root.path() / "hole", "");
    fs::resize_file(root.path() / "hole", std::uintmax_t{1} << 40);
    EXPECT_THAT(import_directory(root.path()), HasSubstr("limit of 4 MiB"));
  }
  {
    const TemporaryDirectory root;
    for (int i = 0; i < 101; ++i) write_file_in_place(root.path() / fmt::format("f{}", i), "");
    EXPECT_THAT(import_directory(root.path()), HasSubstr("too many files"));
  }
  {
    const TemporaryDirectory root;
    make_directories(root.path() / "etc", 0755);
    write_file_in_place(root.path() / "etc/.wh.passwd", "");
    EXPECT_THAT(import_directory(root.path()),
                HasSubstr(R"("etc/.wh.passwd" has a name that marks a deletion in a layer)"));
  }
}

class HostileAccounts : public HostileImages {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting a snapshot needs root";
    make_directories(root.path() / "etc", 0755);
    write_file_in_place(root.path() / "etc/motd", "");
    limits.total_bytes = 64 * mib;
  }
  oci::AccountFiles accounts() {
    auto images = store();
    images.import_rootfs(ns, "web", root.path());
    runtime.set_rootfs(root.path());
    return images.account_files(ns, images.unpack(ns, "web"));
  }
  fs::path passwd() const { return root.path() / "etc/passwd"; }

  TemporaryDirectory root;
};

TEST_F(HostileAccounts, OfTenMegabytesAreRefusedByTheirBound) {
  write_file_in_place(passwd(), "a:x:1:1::/:" + std::string(10 * mib, 'x'));
  try {
    accounts();
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("etc/passwd of the image is larger than 1048576 bytes"));
  }
}

TEST_F(HostileAccounts, AreNeverOpenedWhereTheyAreDevices) {
  // A device without a driver: opening it would fail with ENXIO.
  if (::mknod(passwd().c_str(), S_IFCHR | 0600, makedev(240, 77)) < 0) {
    GTEST_SKIP() << "this host lets nobody make devices";
  }
  EXPECT_EQ(accounts().passwd, "");
}

TEST_F(HostileAccounts, AreEmptyWhereTheyAreSomethingElse) {
  fs::create_symlink("passwd", passwd());
  ASSERT_EQ(::mkfifo((root.path() / "etc/group").c_str(), 0600), 0);
  const auto found = accounts();
  EXPECT_EQ(found.passwd, "");
  EXPECT_EQ(found.group, "");
}

TEST_F(HostileAccounts, AreNotTheHosts) {
  fs::create_symlink("../../../../../../../../etc/passwd", passwd());
  fs::create_symlink("/proc/self/root/etc/group", root.path() / "etc/group");
  const auto found = accounts();
  EXPECT_EQ(found.passwd, "") << "a link in a ring, within the image";
  EXPECT_EQ(found.group, "");
}

}  // namespace
}  // namespace kukeon::image
