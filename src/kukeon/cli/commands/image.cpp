// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "kukeon/api/image_methods.h"
#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/commands/input_file.h"
#include "kukeon/cli/context.h"
#include "kukeon/cli/output/format.h"
#include "kukeon/cli/output/table.h"

namespace kukeon::cli {
namespace {

void describe_realm(Args& args, std::string& realm) {
  args.flag("--realm", realm, "Realm that keeps the image");
}

void require_realm(const std::string& realm) {
  if (realm.empty()) throw Error{kinds::realm_name_required, "realm name is required"};
}

// The daemon opens the file, so it gets an absolute path; what we can see of it we check here,
// where the user's own words can be named.
std::string absolute_path(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) < 0 || ::access(path.c_str(), R_OK) < 0) {
    const Error cause = Error::from_errno(fmt::format("open {}", path));
    throw Error{cause.kind(), fmt::format("failed to open file {}: {}", quote(path), cause.what())};
  }
  return fs::absolute(path).lexically_normal();
}

bool is_regular_file(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

class Import : public Command {
  std::string ref_;
  std::string path_;
  std::string realm_ = "default";
  std::vector<std::string> command_;

  void describe(Args& args) override {
    args.positional("REF", ref_);
    args.positional("PATH", path_);
    describe_realm(args, realm_);
    args.flag("--command", command_, "Default command of the image, a word each time");
  }

  void run(Context& context) override {
    require_realm(realm_);
    const auto made = [&] {
      const Progress progress{context.terminal(), "importing"};
      return context.call<api::ImportImage>({.realm = realm_,
                                             .ref = ref_,
                                             .path = absolute_path(path_),
                                             .command = reflect::StringList{command_}});
    }();
    context.print("imported {} into realm {} (namespace {})", quote(ref_), quote(made.realm),
                  quote(made.containerd_namespace));
  }
};

class Load : public Command {
  std::string tarball_;
  std::string from_docker_;
  std::string realm_ = "default";

  void describe(Args& args) override {
    args.optional_positional("TARBALL", tarball_);
    args.flag("--from-docker", from_docker_, "Take the image from docker on this host");
    describe_realm(args, realm_);
  }

  void run(Context& context) override {
    require_realm(realm_);
    if (tarball_.empty() && from_docker_.empty()) {
      throw Error{kinds::usage,
                  "a tarball path, '-' for stdin, or --from-docker <ref> is required"};
    }
    if (!tarball_.empty() && !from_docker_.empty()) {
      throw Error{kinds::usage, "pass either a tarball path or --from-docker, not both"};
    }
    if (!from_docker_.empty()) {
      const TemporaryDirectory directory;
      const std::string path = directory.path() / "image.tar";
      save_from_docker(path);
      report(context, load_file(context, path));
    } else if (is_regular_file(tarball_)) {
      report(context, load_file(context, absolute_path(tarball_)));
    } else {
      constexpr std::size_t limit = std::size_t{1} << 30;  // travels as one JSON string
      std::string bytes = read_input(context.terminal(), tarball_, limit);
      if (bytes.empty()) throw Error{kinds::usage, "image tarball is required"};
      const Progress progress{context.terminal(), "loading"};
      report(context, context.call<api::LoadImage>(
                          {.realm = realm_, .tarball = reflect::Bytes{std::move(bytes)}}));
    }
  }

  api::LoadImageFile::Result load_file(Context& context, const std::string& path) const {
    const Progress progress{context.terminal(), "loading"};
    return context.call<api::LoadImageFile>({.realm = realm_, .path = path});
  }

  // docker speaks to the user itself, on standard error.
  void save_from_docker(const std::string& path) const {
    kukeon::Command save;
    save.argv = {"docker", "save", "-o", path, from_docker_};
    const Exit exit = during(fmt::format("docker save {}", from_docker_),
                             [&] { return Process::start(save, {.err = STDERR_FILENO}).wait(); });
    if (!exit.ok()) {
      throw Error{kinds::load_image,
                  fmt::format("docker save {}: exit status {}", from_docker_, exit.code)};
    }
  }

  template <class Result>
  static void report(Context& context, const Result& loaded) {
    const std::string into = fmt::format("into realm {} (namespace {})", quote(loaded.realm),
                                         quote(loaded.containerd_namespace));
    if (loaded.images.empty()) return context.print("loaded 0 images {}", into);
    context.print("loaded {} image(s) {}:", loaded.images.size(), into);
    for (const std::string& ref : loaded.images) context.print("  - {}", ref);
  }
};

// YAML keys are lower case, JSON keys are those of the wire (cli.md 7.12).
struct YamlImage {
  std::string name;
  std::int64_t size = 0;
  Timestamp created_at;
  std::string digest;
  std::string media_type;
  reflect::Labelset labels;

  static YamlImage of(const api::ImageInfo& image) {
    return {image.name, image.size, image.created_at, image.digest, image.media_type, image.labels};
  }

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("name", &YamlImage::name, always, "Reference."),
        reflect::field("size", &YamlImage::size, always, "Bytes; -1 where unknown."),
        reflect::field("createdat", &YamlImage::created_at, always, "When it was made."),
        reflect::field("digest", &YamlImage::digest, always, "Of its manifest or index."),
        reflect::field("mediatype", &YamlImage::media_type, always, "Of its manifest or index."),
        reflect::field("labels", &YamlImage::labels, always, "Labels in containerd."),
    };
  }
};

struct YamlImages {
  std::string realm;
  std::string containerd_namespace;
  reflect::List<YamlImage> images;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("realm", &YamlImages::realm, always, "Name of the realm."),
        reflect::field("namespace", &YamlImages::containerd_namespace, always,
                       "Its containerd namespace."),
        reflect::field("images", &YamlImages::images, always, "Sorted by name."),
    };
  }
};

std::string size_text(std::int64_t bytes) {
  if (bytes < 0) return "-";
  const auto size = static_cast<double>(bytes);
  if (bytes < std::int64_t{1} << 10) return fmt::format("{} B", bytes);
  if (bytes < std::int64_t{1} << 20) return fmt::format("{:.1f} KiB", size / (1 << 10));
  if (bytes < std::int64_t{1} << 30) return fmt::format("{:.1f} MiB", size / (1 << 20));
  return fmt::format("{:.1f} GiB", size / (1 << 30));
}

std::string time_text(Timestamp time) {
  if (time.is_zero()) return "-";
  time.nanoseconds = 0;
  time.offset_minutes = 0;
  return time.to_string();
}

class GetImage : public Command {
  std::string ref_;
  std::string realm_ = "default";
  std::optional<std::string> output_;

  void describe(Args& args) override {
    args.optional_positional("REF", ref_);
    args.flag("-o, --output", output_, "yaml, json or table");
    describe_realm(args, realm_);
  }

  void run(Context& context) override {
    const Format format = parse_format(output_);
    require_realm(realm_);
    if (ref_.empty()) {
      list(context, format);
    } else {
      show(context, format);
    }
  }

  void show(Context& context, Format format) {
    const auto image = [&] {
      try {
        return context.call<api::GetImage>({.realm = realm_, .ref = ref_}).image;
      } catch (const Error& error) {
        if (!error.is(kinds::image_not_found)) throw;
        throw Error{kinds::image_not_found,
                    fmt::format("image {} not found in realm {}: {}", quote(ref_), quote(realm_),
                                kinds::image_not_found.text)};
      }
    }();
    context.terminal().print(format == Format::json ? text_of(image, format)
                                                    : text_of(YamlImage::of(image), format));
  }

  void list(Context& context, Format format) {
    const auto found = context.call<api::ListImages>({.realm = realm_});
    if (format == Format::json) return context.terminal().print(text_of(found, format));
    if (format == Format::yaml) {
      YamlImages images{found.realm, found.containerd_namespace,
                        reflect::List<YamlImage>::empty_list()};
      for (const auto& image : found.images) images.images.push_back(YamlImage::of(image));
      return context.terminal().print(text_of(images, format));
    }
    if (found.images.empty()) return context.print("No images found in realm {}.", quote(realm_));
    Table table{{"NAME", "SIZE", "CREATED"}};
    for (const auto& image : found.images) {
      table.add_row({image.name, size_text(image.size), time_text(image.created_at)});
    }
    context.terminal().print(table.text());
  }
};

class DeleteImage : public Command {
  std::string ref_;
  std::string realm_ = "default";

  void describe(Args& args) override {
    args.positional("REF", ref_);
    describe_realm(args, realm_);
  }

  void run(Context& context) override {
    require_realm(realm_);
    try {
      const auto gone = context.call<api::DeleteImage>({.realm = realm_, .ref = ref_});
      context.print("deleted image {} from realm {} (namespace {})", quote(gone.ref),
                    quote(gone.realm), quote(gone.containerd_namespace));
    } catch (const Error& error) {
      if (!error.is(kinds::image_not_found)) throw;
      throw Error{kinds::image_not_found,
                  fmt::format("image {} not found in realm {}: {}", quote(ref_), quote(realm_),
                              kinds::image_not_found.text)};
    }
  }
};

class Pull : public Command {
  std::string ref_;
  std::string realm_ = "default";

  void describe(Args& args) override {
    args.positional("REF", ref_);
    describe_realm(args, realm_);
  }

  void run(Context& context) override {
    require_realm(realm_);
    const auto pulled = [&] {
      const Progress progress{context.terminal(), "pulling"};
      return context.call<api::PullImage>({.realm = realm_, .ref = ref_});
    }();
    const std::string realm = fmt::format("realm {} (namespace {})", quote(pulled.realm),
                                          quote(pulled.containerd_namespace));
    if (pulled.changed) {
      context.print("pulled image {} into {}, {}", quote(pulled.image.name), realm,
                    size_text(pulled.image.size));
    } else {
      context.print("image {} is up to date in {}", quote(pulled.image.name), realm);
    }
  }
};

class Tag : public Command {
  std::string ref_;
  std::string new_ref_;
  std::string realm_ = "default";

  void describe(Args& args) override {
    args.positional("REF", ref_);
    args.positional("NEW", new_ref_);
    describe_realm(args, realm_);
  }

  void run(Context& context) override {
    require_realm(realm_);
    const auto tagged =
        context.call<api::TagImage>({.realm = realm_, .ref = ref_, .new_ref = new_ref_});
    context.print("tagged {} as {} in realm {} (namespace {})", quote(ref_), quote(tagged.ref),
                  quote(tagged.realm), quote(tagged.containerd_namespace));
  }
};

class Prune : public Command {
  bool all_ = false;
  std::string realm_ = "default";

  void describe(Args& args) override {
    args.flag("--all", all_, "Also images that have a tag");
    describe_realm(args, realm_);
  }

  void run(Context& context) override {
    require_realm(realm_);
    const auto pruned = [&] {
      const Progress progress{context.terminal(), "pruning"};
      return context.call<api::PruneImages>({.realm = realm_, .all = all_});
    }();
    for (const std::string& ref : pruned.images) context.print("deleted image {}", quote(ref));
    context.print("pruned {} image(s) from realm {} (namespace {}), {} freed", pruned.images.size(),
                  quote(pruned.realm), quote(pruned.containerd_namespace),
                  size_text(pruned.freed_bytes));
  }
};

const RegisterGroup group{{
    .path = "image",
    .summary = "Bring images into a realm, list and delete them",
    .examples = "kuke image load nginx.tar\nkuke image list",
}};
const Register<Import> import_image{{
    .path = "image import",
    .summary = "Make an image from a root file system",
    .about =
        R"(Makes an image of one layer from a directory or a tar that holds a root file system. No registry and
no build tool is needed.)",
    .examples = R"(kuke image import docker.io/library/busybox:latest ./rootfs --command sh
kuke image import local/tools:1 rootfs.tar --realm dev)",
}};
const Register<Load> load{{
    .path = "image load",
    .summary = "Load images from an archive",
    .about =
        "Loads every image of an archive made by docker save, podman save or skopeo (OCI layout).",
    .examples = R"(kuke image load nginx.tar
docker save nginx | kuke image load -
kuke image load --from-docker nginx:latest)",
}};
const Register<Pull> pull{{
    .path = "image pull",
    .summary = "Bring an image in from its registry",
    .about =
        R"(Asks the image's registry with the realm's credentials (spec.registryCredentials) and brings in what
it has under this name now. Layers that the realm has are not fetched again. Cells need no pull: they fetch
what is missing.)",
    .examples = R"(kuke image pull busybox
kuke image pull ghcr.io/team/web:1.2 --realm dev)",
}};
const Register<Tag> tag{{
    .path = "image tag",
    .summary = "Give an image another name",
    .about = "Gives an image of the realm another name, which is taken from whatever has it.",
    .examples = "kuke image tag busybox local/tools:1",
}};
const Register<Prune> prune{{
    .path = "image prune",
    .summary = "Delete images that nothing uses",
    .about =
        R"(Deletes images that no container of the realm uses: those named by a digest alone, with --all also
those that have a tag.)",
    .examples = "kuke image prune\nkuke image prune --all --realm dev",
}};
const Register<GetImage> get{{
    .path = "image get",
    .summary = "List the images of a realm, or show one",
    .examples = "kuke image list\nkuke image get docker.io/library/busybox:latest -o json",
    .aliases = "ls list",
}};
const Register<DeleteImage> remove{{
    .path = "image delete",
    .summary = "Delete an image from a realm",
    .examples = "kuke image delete docker.io/library/busybox:latest",
    .aliases = "rm remove",
}};

}  // namespace
}  // namespace kukeon::cli
