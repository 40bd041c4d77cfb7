// SPDX-License-Identifier: Apache-2.0
// What a real containerd makes of images that we bring in: nothing outside the snapshot, and in it
// what the archive said; and what containerd's own client makes of them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <optional>
#include <string>
#include <vector>

#include "kukeon/image/import.h"
#include "kukeon/oci/image_spec.h"
#include "support/compress.h"
#include "support/containerd_fixture.h"
#include "support/test_daemon.h"
#include "support/test_layout.h"

namespace kukeon {
namespace {

using namespace support;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const std::string host_architecture = oci::Platform::host().architecture;

// An image of these layers, `plain` being what they unpack to.
Layout image_of(const std::vector<std::string>& layers, const std::vector<std::string>& plain,
                std::string_view type = oci::media::layer) {
  Layout layout;
  layout.layers = layers;
  layout.config = config_of(plain, host_architecture);
  layout.manifest = manifest_of(layout.config, layers, type);
  return layout;
}

Output shell(const std::string& script, std::string_view input = {}) {
  Command command;
  command.argv = {"sh", "-ec", script};
  command.extra_env = {{"LC_ALL", "C.UTF-8"}};
  return run(command, std::chrono::seconds{60}, input, std::size_t{64} << 20);
}

std::string shell_ok(const std::string& script) {
  const Output output = shell(script);
  EXPECT_TRUE(output.exit.ok()) << script << "\n" << output.err;
  return output.out;
}

class ImageContent : public Containerd {
 protected:
  void SetUp() override {
    Containerd::SetUp();
    if (IsSkipped()) return;
    images_.emplace(*containerd_, scratch_.path());
  }
  void TearDown() override {
    images_.reset();
    Containerd::TearDown();
  }

  std::vector<std::string> load(const std::string& tar) {
    return images_->load_archive(ns_, image::source_of(tar));
  }

  // A shell script's output, run in the root directory of the unpacked image.
  std::string in_image(const std::string& name, const std::string& script) {
    const auto image = images_->unpack(ns_, name);
    const auto mounts = containerd_->view_snapshot(ns_, "look", image.chain_id, "");
    const TemporaryDirectory target;
    std::string mount_all;
    for (const auto& mount : mounts) {
      const std::string type = mount.type == "bind" ? "--bind" : "-t " + mount.type;
      mount_all += fmt::format("mount {} -o {} {} {}; ", type, join(mount.options, ","),
                               mount.source, target.path().string());
    }
    Command command;
    command.argv = {"unshare", "--mount", "sh", "-ec",
                    fmt::format("{} cd {}; {}", mount_all, target.path().string(), script)};
    command.extra_env = {{"LC_ALL", "C.UTF-8"}};
    const Output output = run(command, std::chrono::seconds{60});
    EXPECT_TRUE(output.exit.ok()) << script << "\n" << output.err;
    containerd_->remove_snapshot(ns_, "look");
    return output.out;
  }

  // Extracts a layer as containerd does for anyone, past every check of ours.
  void apply_unchecked(const std::string& layer) {
    const runtime::Descriptor blob{.media_type = std::string{oci::media::layer},
                                   .digest = sha256_digest(layer),
                                   .size_bytes = static_cast<std::int64_t>(layer.size())};
    containerd_->create_lease(ns_, "apply");
    containerd_->write_blob(ns_, blob, image::source_of(layer), {}, "apply");
    const auto mounts = containerd_->prepare_snapshot(ns_, "apply", "", {}, "apply");
    try {
      containerd_->apply_layer(ns_, blob, mounts, "apply");
    } catch (const Error&) {
      ++refused_;  // that is fine too
    }
    containerd_->remove_snapshot(ns_, "apply");
    containerd_->delete_lease(ns_, "apply");
  }

  // What is left in the namespace, as ctr sees it.
  std::string left() {
    return fmt::format("{}{}{}{}", ctr({"leases", "ls", "-q"}), ctr({"images", "ls", "-q"}),
                       ctr({"content", "ls", "-q"}), join(containerd_->list_snapshots(ns_), " "));
  }

  // A busybox that `ctr run` can start.
  std::string busybox_layer() {
    const std::string path = rootfs_->path().string();
    return shell_ok(fmt::format("tar -C {} -cf - bin proc dev", path));
  }

  TemporaryDirectory scratch_;
  std::optional<image::ImageStore> images_;
  int refused_ = 0;
};

// A directory of the host that hostile layers aim at.
class Canary {
 public:
  Canary() {
    write_file_in_place(path() / "secret", "the host's secret");
    make_directories(path() / "directory", 0755);
    write_file_in_place(path() / "directory/file", "x");
    before_ = state();
  }
  fs::path path() const { return directory_.path(); }
  std::string relative() const { return path().string().substr(1); }
  // Names, kinds, modes, owners, link counts, sizes, times of change.
  std::string state() const {
    return shell_ok(fmt::format("find {} -printf '%p %y %m %U %G %n %s %C@\n' | sort",
                                path().string())) +
           read_file(path() / "secret");
  }
  bool is_untouched() const { return state() == before_; }

 private:
  TemporaryDirectory directory_;
  std::string before_;
};

struct Attack {
  const char* why;
  std::string layer;
};

std::vector<Attack> attacks_on(const Canary& canary) {
  const std::string absolute = canary.path().string();
  const std::string up = "../../../../../../../../../../../..";
  return {
      {"a file with dots", TestTar{}.file(up + absolute + "/planted", "x").bytes()},
      {"an absolute file", TestTar{}.file(absolute + "/planted", "x").bytes()},
      {"an absolute file over one of the host", TestTar{}.file(absolute + "/secret", "x").bytes()},
      {"below an absolute link",
       TestTar{}.symlink("out", absolute).file("out/planted", "x").bytes()},
      {"below a relative link",
       TestTar{}.symlink("out", up + absolute).file("out/planted", "x").bytes()},
      {"below links in a chain",
       TestTar{}.symlink("a", up).symlink("b", "a" + absolute).file("b/planted", "x").bytes()},
      {"below a directory that became a link",
       TestTar{}.directory("d/").symlink("d", absolute).file("d/planted", "x").bytes()},
      {"through a link to a file",
       TestTar{}.symlink("f", absolute + "/secret").file("f", "overwritten").bytes()},
      {"by a hard link to a file of the host",
       TestTar{}.hardlink("h", absolute + "/secret").file("h", "overwritten").bytes()},
      {"by a hard link with dots",
       TestTar{}.hardlink("h", up + absolute + "/secret").file("h", "overwritten").bytes()},
      {"by a hard link below a link",
       TestTar{}.symlink("out", absolute).hardlink("h", "out/secret").bytes()},
      {"by a deletion below a link",
       TestTar{}.symlink("out", absolute).file("out/.wh.secret", "").bytes()},
      {"by a deletion of all below a link",
       TestTar{}.symlink("out", absolute).file("out/.wh..wh..opq", "").bytes()},
      {"by a deletion with dots", TestTar{}.file(up + absolute + "/.wh.secret", "").bytes()},
      {"by a deletion of the parent", TestTar{}.file(".wh...", "").bytes()},
      {"by the mode of a linked directory",
       TestTar{}.symlink("out", absolute + "/directory").directory("out/").bytes()},
      {"with a device below a link",
       TestTar{}.symlink("out", absolute).device("out/null", 1, 3).bytes()},
      {"with a fifo below a link", TestTar{}.symlink("out", absolute).fifo("out/pipe").bytes()},
      {"with a link below a link",
       TestTar{}.symlink("out", absolute).symlink("out/link", "secret").bytes()},
  };
}

TEST_F(ImageContent, OfHostileLayersStaysInTheSnapshot) {
  const Canary canary;
  for (const auto& attack : attacks_on(canary)) {
    SCOPED_TRACE(attack.why);
    // On a layer and alone, and where the link came with the layer below.
    const std::string base = TestTar{}
                                 .symlink("out", canary.path().string())
                                 .symlink("d", canary.path().string())
                                 .bytes();
    for (const auto& layers : {std::vector{attack.layer}, std::vector{base, attack.layer}}) {
      bool accepted = true;
      try {
        load(image_of(layers, layers).tar("web").bytes());
      } catch (const Error& error) {
        accepted = false;
        EXPECT_FALSE(error.is(kinds::connect_containerd)) << error.what();
      }
      EXPECT_TRUE(canary.is_untouched()) << canary.state();
      if (accepted) images_->remove(ns_, "web");
      EXPECT_EQ(left(), "");
    }
    apply_unchecked(attack.layer);
    EXPECT_TRUE(canary.is_untouched()) << "unchecked: " << canary.state();
    EXPECT_EQ(left(), "");
  }
}

TEST_F(ImageContent, OfAnAbsoluteNameIsBelowTheRootOfTheImage) {
  const Canary canary;
  const std::string planted = canary.relative() + "/planted";
  const std::string layer = TestTar{}
                                .file("/" + planted, "inside")
                                .symlink("out", "/" + canary.relative())
                                .file("out/second", "inside too")
                                .bytes();
  load(image_of({layer}, {layer}).tar("web").bytes());
  EXPECT_EQ(in_image("web", fmt::format("cat {} {}/second", planted, canary.relative())),
            "insideinside too");
  EXPECT_TRUE(canary.is_untouched());
}

TEST_F(ImageContent, OfLayersIsWhatTheUpperOnesLeave) {
  const std::string lower = TestTar{}
                                .directory("gone/")
                                .file("gone/file", "1")
                                .directory("opaque/")
                                .file("opaque/old", "1")
                                .file("replaced", "old")
                                .file("kept", "kept")
                                .directory("becomes-a-file/")
                                .bytes();
  const std::string upper = TestTar{}
                                .file(".wh.gone", "")
                                .directory("opaque/")
                                .file("opaque/.wh..wh..opq", "")
                                .file("opaque/new", "2")
                                .file("replaced", "new")
                                .file(".wh.becomes-a-file", "")
                                .file("becomes-a-file", "2")
                                .bytes();
  load(image_of({lower, upper}, {lower, upper}).tar("web").bytes());
  EXPECT_EQ(in_image("web", "find . -mindepth 1 | sort; cat replaced"),
            "./becomes-a-file\n./kept\n./opaque\n./opaque/new\n./replaced\nnew");
}

class Compressed : public ImageContent, public ::testing::WithParamInterface<const char*> {
 protected:
  std::string packed(const std::string& bytes) const {
    const std::string kind = GetParam();
    return kind == "gzip" ? gzipped(bytes) : kind == "zstd" ? zstd_compressed(bytes) : bytes;
  }
  std::string_view type() const {
    const std::string kind = GetParam();
    return kind == "gzip"   ? oci::media::layer_gzip
           : kind == "zstd" ? oci::media::layer_zstd
                            : oci::media::layer;
  }
};

TEST_P(Compressed, LayersAndArchivesAreUnpacked) {
  const std::string one = TestTar{}.file("one", std::string(300000, '1')).bytes();
  const std::string two = TestTar{}.file("two", "2").bytes();
  const std::string oci_archive =
      image_of({packed(one), packed(two)}, {one, two}, type()).tar("web").bytes();
  const std::string docker_archive =
      TestTar{}
          .file("a.tar", packed(one))
          .file("b.tar", packed(two))
          .file("c.json", config_of({one, two}, host_architecture))
          .file("manifest.json",
                R"([{"Config":"c.json","RepoTags":["web"],"Layers":["a.tar","b.tar"]}])")
          .bytes();
  for (const auto& archive : {oci_archive, docker_archive}) {
    load(packed(archive));
    EXPECT_EQ(in_image("web", "ls; wc -c <one; cat two"), "one\ntwo\n300000\n2");
    EXPECT_THAT(ctr({"images", "check"}), HasSubstr("complete (3/3)"));
    images_->remove(ns_, "web");
    EXPECT_EQ(left(), "");
  }
}

INSTANTIATE_TEST_SUITE_P(ImageContent, Compressed, ::testing::Values("plain", "gzip", "zstd"));

// A tree with whatever a root file system may hold, and how to look at it.
std::string make_tree(const fs::path& root) {
  const std::string directory = root.string();
  const std::string deep(200, 'd');
  return shell_ok(fmt::format(
      R"(mkdir -p {0}; cd {0}; printf content >file; ln file hard; ln file "hard too"; ln -s file soft
ln -s /etc/passwd absolute; mkfifo pipe; mknod null c 1 3; mkdir -m 1777 sticky
printf x >setuid; chown 12:34 setuid; chmod 4711 setuid
truncate -s 8M sparse; printf end | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none
mkdir -p {1}/{1}; printf long >{1}/{1}/{1}; printf umlaut >größe
touch -d '2001-02-03 04:05:06 UTC' file)",
      directory, deep));
}
constexpr const char* look =
    R"(find . -mindepth 1 -type d -printf '%p %y %m %U:%G\n' | sort
find . ! -type d -printf '%p %y %m %U:%G %n %s %l\n' | sort; stat -c '%Y' file; stat -c '%t:%T' null
[ file -ef hard ] && [ file -ef "hard too" ] && echo linked; sha256sum sparse; cat größe */*/ddd*
echo)";

TEST_F(ImageContent, OfADirectoryOrItsTarIsThatDirectory) {
  const TemporaryDirectory home;
  const fs::path root = home.path() / "root";
  make_tree(root);
  ASSERT_EQ(::setxattr((root / "file").c_str(), "user.note", "kept", 4, 0), 0);
  // CAP_NET_BIND_SERVICE, permitted and effective (linux/capability.h, VFS_CAP_REVISION_2).
  const std::string capability{"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20};
  ASSERT_EQ(::setxattr((root / "setuid").c_str(), "security.capability", capability.data(),
                       capability.size(), 0),
            0);
  // As GNU tar reads them, since no other program of Debian's base shows any.
  const std::string attributes =
      "; tar --xattrs --xattrs-include='*' --format=pax -cf - file setuid | "
      "grep -aoE 'SCHILY.xattr.(user.note=kept|security.capability=)'";
  const std::string script = look + attributes;
  const std::string expected = shell_ok(fmt::format("cd {}; {}", root.string(), script));
  ASSERT_THAT(expected, AllOf(HasSubstr("linked"), HasSubstr("umlautlong"),
                              HasSubstr("user.note=kept"), HasSubstr("security.capability")));
  images_->import_rootfs(ns_, "directory", root);
  EXPECT_EQ(in_image("directory", script), expected);
  shell_ok(fmt::format("tar -C {0} --xattrs --xattrs-include='*' --sparse --format=pax -cf {1} .",
                       root.string(), (home.path() / "rootfs.tar").string()));
  for (const char* pack : {"cat", "gzip -1"}) {
    const fs::path tar = home.path() / "packed";
    shell_ok(fmt::format("{} <{} >{}", pack, (home.path() / "rootfs.tar").string(), tar.string()));
    images_->import_rootfs(ns_, "tar", tar);
    EXPECT_EQ(in_image("tar", script), expected) << pack;
  }
}

TEST_F(ImageContent, IsRunByCtrHoweverItCameIn) {
  const std::string layer = busybox_layer();
  const Layout layout = image_of({layer}, {layer});
  const Layout packed = image_of({gzipped(layer)}, {layer}, oci::media::layer_gzip);
  const Layout zstd = image_of({zstd_compressed(layer)}, {layer}, oci::media::layer_zstd);

  const std::string other = config_of({}, host_architecture == "arm64" ? "amd64" : "arm64");
  const std::string foreign = manifest_of(other, {});
  const std::string index =
      index_of({descriptor(oci::media::manifest, foreign,
                           platform(host_architecture == "arm64" ? "amd64" : "arm64")),
                descriptor(oci::media::manifest, layout.manifest, platform(host_architecture))});
  TestTar many;
  many.file("index.json", index_of({descriptor(oci::media::index, index, named("local/many"))}))
      .file(blob_path(index), index);
  for (const auto& blob : {layout.manifest, layout.config, layer}) many.file(blob_path(blob), blob);

  load(layout.tar("local/oci").bytes());
  load(packed.tar("local/gzip").bytes());
  load(zstd.tar("local/zstd").bytes());
  load(many.bytes());
  load(TestTar{}
           .file("l.tar", layer)
           .file("c.json", layout.config)
           .file("manifest.json",
                 R"([{"Config":"c.json","RepoTags":["local/docker"],"Layers":["l.tar"]}])")
           .bytes());
  images_->import_rootfs(ns_, "local/directory", rootfs_->path());
  const TemporaryDirectory pulled;
  write_layout(layout, pulled.path());
  images_->load_layout(ns_, {pulled.path() / "index.json", pulled.path() / "blobs", {}},
                       {.name = "local/pulled"});

  const std::string check = ctr({"images", "check"});
  EXPECT_THAT(check, AllOf(Not(HasSubstr("incomplete")), Not(HasSubstr("unavailable")),
                           Not(HasSubstr("false"))));
  int count = 0;
  for (const char* name : {"oci", "gzip", "zstd", "many", "docker", "directory", "pulled"}) {
    const std::string image = fmt::format("docker.io/local/{}:latest", name);
    EXPECT_THAT(check, HasSubstr(image));
    EXPECT_EQ(ctr({"run", "--rm", "--cgroup", cgroup_ + "/ctr", image,
                   fmt::format("ctr-{}", ++count), "/bin/echo", "started"}),
              "started\n")
        << name;
  }
  EXPECT_EQ(ctr({"leases", "ls", "-q"}), "");
  for (const auto& image : images_->list(ns_)) {
    EXPECT_GT(image.size_bytes, 0) << image.name;
    images_->remove(ns_, image.name);
  }
  EXPECT_EQ(left(), "");
  EXPECT_EQ(ctr({"containers", "ls", "-q"}), "");
}

TEST_F(ImageContent, ThatCtrBroughtInIsOurs) {
  const std::string layer = busybox_layer();
  write_file_in_place(scratch_.path() / "image.tar",
                      image_of({gzipped(layer)}, {layer}, oci::media::layer_gzip)
                          .tar("docker.io/local/web:1")
                          .bytes());
  EXPECT_THAT(ctr({"images", "import", (scratch_.path() / "image.tar").string()}),
              HasSubstr("docker.io/local/web:1"));
  EXPECT_GT(images_->get(ns_, "local/web:1").size_bytes, 0);
  EXPECT_EQ(in_image("local/web:1", "ls"), "bin\ndev\nproc\n");
  images_->remove(ns_, "local/web:1");
  EXPECT_EQ(left(), "");
}

TEST_F(ImageContent, OfAPasswdOfTenMegabytesIsRefusedByItsBound) {
  const std::string layer =
      TestTar{}.file("etc/passwd", "a:x:1:1::/:" + std::string(10 << 20, 'x')).bytes();
  load(image_of({layer}, {layer}).tar("web").bytes());
  const Error error = error_of([&] { images_->account_files(ns_, images_->unpack(ns_, "web")); });
  EXPECT_THAT(error.what(), HasSubstr("etc/passwd of the image is larger than 1048576 bytes"));
  EXPECT_EQ(containerd_->list_snapshots(ns_).size(), 1U) << "the view is gone";
}

}  // namespace
}  // namespace kukeon
