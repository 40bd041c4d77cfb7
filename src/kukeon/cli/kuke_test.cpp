// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/kuke.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>

#include "kukeon/api/cell_methods.h"
#include "kukeon/api/container_methods.h"
#include "kukeon/api/daemon_methods.h"
#include "kukeon/api/image_methods.h"
#include "kukeon/api/realm_methods.h"
#include "kukeon/api/space_methods.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/fake_daemon.h"
#include "kukeon/cli/follow.h"

namespace kukeon::cli {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

v1beta1::CellDoc a_cell(const std::string& name, std::vector<std::string> containers) {
  v1beta1::CellDoc cell;
  cell.api_version = "v1beta1";
  cell.kind = "Cell";
  cell.metadata.name = name;
  cell.spec.realm_name = "default";
  cell.spec.space_name = "blog";
  cell.spec.stack_name = "front";
  cell.status.state = v1beta1::CellState::ready;
  cell.status.cgroup_path = "/kukeon/default/blog/front/" + name;
  v1beta1::ContainerSpec root;
  root.id = "root";
  root.root = true;
  cell.spec.containers.push_back(root);
  for (std::string& id : containers) {
    v1beta1::ContainerSpec spec;
    spec.id = std::move(id);
    cell.spec.containers.push_back(spec);
  }
  return cell;
}

class KukeTest : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("HOME", home_.path().c_str(), 1);
    ::unsetenv("KUKE_GET_OUTPUT");
  }

  FakeDaemon daemon_;
  TemporaryDirectory home_;
};

TEST_F(KukeTest, PrintsHelpWithoutAWord) {
  const Ran ran = run_kuke({});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "");
  EXPECT_THAT(ran.out, AllOf(HasSubstr("Usage:\n  kuke [command]\n"), HasSubstr("\n  apply "),
                             HasSubstr("--no-daemon")));
}

TEST_F(KukeTest, PrintsTheHelpOfAGroupWithoutAWordOrWithAWrongOne) {
  const Ran bare = run_kuke({"get"});
  const Ran wrong = run_kuke({"g", "bogus"});
  EXPECT_EQ(bare.code, 0);
  EXPECT_EQ(wrong.code, 0);
  EXPECT_EQ(bare.out, wrong.out);
  EXPECT_EQ(bare.err, "");
  EXPECT_EQ(wrong.err, "unknown command \"bogus\" for \"kuke get\"\n");
}

TEST_F(KukeTest, HasAHelpPageWithAnExampleForEveryCommand) {
  for (const Entry* top : commands_below("")) {
    for (const Entry* entry :
         top->is_group() ? commands_below(top->words.path) : std::vector<const Entry*>{top}) {
      EXPECT_FALSE(entry->words.summary.empty()) << entry->words.path;
      EXPECT_FALSE(entry->words.summary.ends_with('.')) << entry->words.path;
      EXPECT_TRUE(entry->words.path == "version" || !entry->words.examples.empty());
      auto words = std::vector<std::string>{"help", std::string{top->name()}};
      if (top->is_group()) words.emplace_back(entry->name());
      EXPECT_THAT(run_kuke(words).out,
                  HasSubstr("Usage:\n  kuke " + std::string{entry->words.path}));
    }
  }
}

TEST_F(KukeTest, SuggestsAVerb) {
  const Ran ran = run_kuke({"aply"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err,
            "Error: unknown command \"aply\" for \"kuke\"\n\nDid you mean this?\n\tapply\n\n"
            "Run 'kuke --help' for usage.\n");
  EXPECT_EQ(run_kuke({"zzzzzz"}).err,
            "Error: unknown command \"zzzzzz\" for \"kuke\"\n\nRun 'kuke --help' for usage.\n");
}

TEST_F(KukeTest, ShowsTheUsageAfterAWrongFlagOfAGroupOnly) {
  const Ran group = run_kuke({"get", "--bogus"});
  EXPECT_EQ(group.code, 1);
  EXPECT_EQ(group.err, "Error: unknown flag: --bogus\n");
  EXPECT_THAT(group.out, StartsWith("Usage:\n  kuke get [command]\n"));

  const Ran leaf = run_kuke({"get", "cell", "--bogus"});
  EXPECT_EQ(leaf.code, 1);
  EXPECT_EQ(leaf.err, "Error: unknown flag: --bogus\n");
  EXPECT_EQ(leaf.out, "");

  const Ran version = run_kuke({"version", "--bogus"});
  EXPECT_EQ(version.code, 1);
  EXPECT_THAT(version.out, StartsWith("Usage:\n  kuke version"));
}

TEST_F(KukeTest, PrintsItsVersionAndLeavesNoFile) {
  const Ran ran = run_kuke({"version", "whatever"});
  EXPECT_EQ(ran.out, KUKEON_VERSION "\n");
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(fs::is_empty(home_.path()));
}

TEST_F(KukeTest, FindsTheCommandBehindFlags) {
  daemon_.on<api::ListCells>(
      [](const auto&) { return reflect::List<v1beta1::CellDoc>{a_cell("web", {})}; });
  const std::string table = run_kuke({"get", "cells"}, daemon_).out;
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"--host", "unix:///x", "get", "cells"},
           {"-v", "g", "ce"},
           {"get", "-o", "table", "cell"},
           {"get", "--log-level=error", "cells", "--output=TABLE"}}) {
    EXPECT_EQ(run_kuke(words, daemon_).out, table) << words[0];
  }
  EXPECT_EQ(table,
            "NAME  REALM    SPACE  STACK  STATE  CGROUP                        \n"
            "----  -------  -----  -----  -----  ------------------------------\n"
            "web   default  blog   front  Ready  /kukeon/default/blog/front/web\n");
}

TEST_F(KukeTest, PrintsAnEmptyListInEveryFormat) {
  daemon_.on<api::ListCells>([](const auto&) { return reflect::List<v1beta1::CellDoc>{}; });
  EXPECT_EQ(run_kuke({"get", "cells"}, daemon_).out, "No cells found.\n");
  EXPECT_EQ(run_kuke({"get", "cells", "-o", "json"}, daemon_).out, "[]\n");
  EXPECT_EQ(run_kuke({"get", "cells", "-o", "yaml"}, daemon_).out, "[]\n");
  ::setenv("KUKE_GET_OUTPUT", "json", 1);
  EXPECT_EQ(run_kuke({"get", "cells"}, daemon_).out, "[]\n");
  const Ran wrong = run_kuke({"get", "cells", "-o", "xml"}, daemon_);
  EXPECT_EQ(wrong.err, "Error: invalid output format: xml (supported: yaml, json, table)\n");
  EXPECT_EQ(wrong.code, 1);
}

TEST_F(KukeTest, ShowsOneObjectAsItsDocument) {
  daemon_.on<api::GetCell>([](const auto& request) -> api::GetCell::Result {
    if (request.doc.metadata.name != "web") return {};
    return {.doc = a_cell("web", {}), .metadata_exists = true};
  });
  EXPECT_THAT(run_kuke({"get", "cell", "web"}, daemon_).out,
              StartsWith("apiVersion: v1beta1\nkind: Cell\nmetadata:\n  name: web\n"));
  EXPECT_THAT(run_kuke({"get", "cell", "web", "-ojson"}, daemon_).out,
              AllOf(StartsWith("{\n  \"apiVersion\": \"v1beta1\""), EndsWith("}\n")));
  const Ran absent = run_kuke({"get", "cell", "a\"b", "--space", "s"}, daemon_);
  EXPECT_EQ(absent.code, 1);
  EXPECT_EQ(absent.err,
            "Error: cell \"a\\\"b\" not found in stack \"default\"/\"s\"/\"default\"\n");
}

TEST_F(KukeTest, ReadsTheStateOfEveryContainer) {
  daemon_.on<api::ListContainers>([](const auto&) {
    reflect::List<v1beta1::ContainerSpec> specs;
    for (const auto& spec : a_cell("web", {"main", "gone"}).spec.containers) {
      specs.push_back(spec);
      specs.back().cell_name = "web";
    }
    return specs;
  });
  daemon_.on<api::GetContainer>([](const auto& request) -> api::GetContainer::Result {
    if (request.doc.metadata.name == "gone") throw Error{kinds::unknown, "no task"};
    api::GetContainer::Result result;
    result.doc.status.state = v1beta1::ContainerState::ready;
    return result;
  });
  const Ran ran = run_kuke({"get", "containers", "--cell", "web"}, daemon_);
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "Warning: failed to get container state for gone : no task\n");
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("root  -      -      -      web   true   -      Ready  \n"),
                    HasSubstr("gone  -      -      -      web   false  -      Unknown\n")));
}

TEST_F(KukeTest, HintsAtTheRightPlaceOfACell) {
  daemon_.on<api::ListContainers>(
      [](const auto&) { return reflect::List<v1beta1::ContainerSpec>{}; });
  daemon_.on<api::ListCells>([](const auto&) {
    return reflect::List<v1beta1::CellDoc>{a_cell("web", {}), a_cell("other", {})};
  });
  EXPECT_EQ(run_kuke({"get", "containers", "--cell", "web", "--space", "default"}, daemon_).out,
            "No containers found for cell \"web\" space \"default\".\n"
            "Hint: cell \"web\" exists in realm \"default\" space \"blog\" stack \"front\" — pass "
            "--realm/--space/--stack to filter there.\n");
  EXPECT_EQ(run_kuke({"get", "containers", "--cell", "web", "--space", "blog"}, daemon_).out,
            "No containers found for cell \"web\" space \"blog\".\n");
}

TEST_F(KukeTest, ReportsWhatApplyDid) {
  std::string sent;
  daemon_.on<api::ApplyDocuments>([&](const auto& request) {
    sent = request.raw_yaml.data;
    api::ApplyDocuments::Result result;
    result.resources.push_back(
        {.kind = "Space", .name = "blog", .action = "updated", .changes = {"metadata.labels"}});
    result.resources.push_back(
        {.index = 1, .kind = "Cell", .name = "web", .action = "failed", .error = "no image"});
    return result;
  });
  const Ran ran = run_kuke({"apply", "-f", "-"}, daemon_, "kind: Space\n");
  EXPECT_EQ(sent, "kind: Space\n");
  EXPECT_EQ(ran.out,
            "Space \"blog\": updated\n  - metadata.labels\nCell \"web\": failed\n"
            "  Error: no image\n");
  EXPECT_EQ(ran.err, "Error: config error: some resources failed to apply\n");
  EXPECT_EQ(ran.code, 1);

  const Ran json = run_kuke({"apply", "-f", "-", "-o", "json"}, daemon_);
  EXPECT_EQ(json.code, 0);
  EXPECT_THAT(json.out, AllOf(StartsWith("{\n  \"resources\": [\n    {\n      \"Index\": 0,"),
                              HasSubstr("\"Details\": null"), EndsWith("]\n}")));
  EXPECT_THAT(run_kuke({"apply", "-f", "-", "-o", "yaml"}, daemon_).out,
              StartsWith("resources:\n    - index: 0\n      kind: Space\n"));
}

TEST_F(KukeTest, NamesAFileThatCannotBeRead) {
  EXPECT_EQ(run_kuke({"apply", "-f", "/nowhere/x.yaml"}).err,
            "Error: failed to open file \"/nowhere/x.yaml\": open /nowhere/x.yaml: no such file or "
            "directory\n");
  EXPECT_EQ(run_kuke({"apply", "-f", "/"}).err,
            "Error: failed to read file \"/\": read /: is a directory\n");
  EXPECT_EQ(run_kuke({"apply"}).err, "Error: required flag(s) \"file\" not set\n");
  EXPECT_THAT(
      run_kuke({"image", "load", "/nowhere/x.tar"}).err,
      HasSubstr("failed to open file \"/nowhere/x.tar\": open /nowhere/x.tar: no such file"));
  EXPECT_THAT(run_kuke({"image", "import", "a:1", "/nowhere"}).err,
              HasSubstr("failed to open file \"/nowhere\""));
}

TEST_F(KukeTest, CreatesAndReportsEachPart) {
  daemon_.on<api::CreateSpace>([](const auto& request) {
    api::CreateSpace::Result made;
    made.doc = request.doc;
    made.created = made.metadata_exists_post = true;
    made.cgroup_exists_post = true;
    return made;
  });
  EXPECT_EQ(run_kuke({"create", "space", " blog ", "--realm", ""}, daemon_).out,
            "Space \"blog\" (realm \"default\", network \"default-blog\")\n"
            "  - metadata: created\n"
            "  - network: missing\n"
            "  - cgroup: already existed\n");
  EXPECT_EQ(run_kuke({"create", "realm"}).err,
            "Error: realm name is required (usage: kuke create realm [name] [flags])\n");
}

TEST_F(KukeTest, DeletesAndPassesOnTheDaemonsRefusal) {
  daemon_.on<api::DeleteSpace>([](const auto& request) -> api::DeleteSpace::Result {
    if (request.cascade) return {};
    throw Error{kinds::resource_has_dependencies, "failed to delete space: it has 1 stack(s)"};
  });
  const Ran refused = run_kuke({"delete", "space", "blog"}, daemon_);
  EXPECT_EQ(refused.err, "Error: failed to delete space: it has 1 stack(s)\n");
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(run_kuke({"delete", "--cascade", "sp", "blog"}, daemon_).out,
            "Deleted space \"blog\" from realm \"default\"\n");
  EXPECT_EQ(run_kuke({"delete", "cell"}).err, "Error: accepts 1 arg(s), received 0\n");
  EXPECT_EQ(run_kuke({"delete", "container", "x"}).err, "Error: cell name is required (--cell)\n");
}

TEST_F(KukeTest, StopsWhatItIsTold) {
  daemon_.on<api::StopCell>([](const auto&) { return api::StopCell::Result{}; });
  daemon_.on<api::KillContainer>([](const auto&) { return api::KillContainer::Result{}; });
  EXPECT_EQ(run_kuke({"stop", "cell", "web"}, daemon_).out,
            "Stopped cell \"web\" from stack \"default\"\n");
  EXPECT_EQ(run_kuke({"kill", "co", "main", "--cell=web"}, daemon_).out,
            "Killed container \"main\" from cell \"web\"\n");
  EXPECT_EQ(run_kuke({"stop", "cell", "web", "--realm", ""}).err,
            "Error: realm name is required (--realm)\n");
}

TEST_F(KukeTest, PrintsTheLogOfTheOnlyContainer) {
  const fs::path log = home_.path() / "log";
  daemon_.on<api::GetCell>([](const auto& request) -> api::GetCell::Result {
    const std::string& name = request.doc.metadata.name;
    if (name == "absent") return {};
    if (name == "two") return {.doc = a_cell(name, {"b", "a"}), .metadata_exists = true};
    if (name == "none") return {.doc = a_cell(name, {}), .metadata_exists = true};
    return {.doc = a_cell(name, {"main"}), .metadata_exists = true};
  });
  daemon_.on<api::LogContainer>([&](const auto& request) -> api::LogContainer::Result {
    EXPECT_EQ(request.doc.spec.cell_name, "web");
    return {.host_log_path = log / request.doc.metadata.name};
  });
  fs::create_directory(log);
  write_file_atomically(log / "main", std::string("a\0b\n", 4), 0644);

  EXPECT_EQ(run_kuke({"log", "web"}, daemon_).out, std::string("a\0b\n", 4));
  EXPECT_EQ(run_kuke({"logs", "absent"}, daemon_).err,
            "Error: cell \"absent\" not found in stack \"default\"/\"default\"/\"default\"\n");
  EXPECT_EQ(run_kuke({"log", "none"}, daemon_).err,
            "Error: no attachable container in cell (cell \"none\")\n");
  EXPECT_EQ(run_kuke({"log", "two"}, daemon_).err,
            "Error: multiple attachable containers in cell; specify --container (cell \"two\"): "
            "candidates: a, b\n");
  EXPECT_THAT(
      run_kuke({"log", "web", "--container", "x"}, daemon_).err,
      StartsWith("Error: cell \"web\" container \"x\" has no log file at " + (log / "x").string()));
}

TEST_F(KukeTest, ListsImages) {
  daemon_.on<api::ListImages>([](const auto& request) {
    api::ListImages::Result found;
    found.realm = request.realm;
    if (request.realm != "default") return found;
    found.images.push_back({.name = "a:1", .size = 1536, .created_at = {0, 5, 0}});
    found.images.push_back({.name = "b:1", .size = -1});
    return found;
  });
  EXPECT_EQ(run_kuke({"image", "ls"}, daemon_).out,
            "NAME  SIZE     CREATED             \n"
            "----  -------  --------------------\n"
            "a:1   1.5 KiB  1970-01-01T00:00:00Z\n"
            "b:1   -        -                   \n");
  EXPECT_EQ(run_kuke({"image", "list", "--realm", "dev"}, daemon_).out,
            "No images found in realm \"dev\".\n");
  daemon_.on<api::GetImage>([](const auto&) -> api::GetImage::Result {
    throw Error{kinds::image_not_found, "image not found: x"};
  });
  EXPECT_EQ(run_kuke({"image", "get", "x"}, daemon_).err,
            "Error: image \"x\" not found in realm \"default\": image not found\n");
}

TEST_F(KukeTest, LoadsAFileByItsPathAndAStreamByItsBytes) {
  std::string path;
  std::string bytes;
  daemon_.on<api::LoadImageFile>([&](const auto& request) {
    path = request.path;
    return api::LoadImageFile::Result{
        .realm = "default", .containerd_namespace = "default.kukeon.io", .images = {"a:1"}};
  });
  daemon_.on<api::LoadImage>([&](const auto& request) {
    bytes = request.tarball.data;
    return api::LoadImage::Result{.realm = "default", .containerd_namespace = "n"};
  });
  write_file_atomically(home_.path() / "a.tar", "tar", 0644);
  fs::current_path(home_.path());
  EXPECT_EQ(run_kuke({"image", "load", "./a.tar"}, daemon_).out,
            "loaded 1 image(s) into realm \"default\" (namespace \"default.kukeon.io\"):\n"
            "  - a:1\n");
  EXPECT_EQ(path, home_.path() / "a.tar");
  EXPECT_EQ(run_kuke({"image", "load", "-"}, daemon_, "bytes").out,
            "loaded 0 images into realm \"default\" (namespace \"n\")\n");
  EXPECT_EQ(bytes, "bytes");
  EXPECT_EQ(run_kuke({"image", "load", "-"}, daemon_).err, "Error: image tarball is required\n");
  EXPECT_EQ(run_kuke({"image", "load"}, daemon_).err,
            "Error: a tarball path, '-' for stdin, or --from-docker <ref> is required\n");
  fs::current_path("/");
}

TEST_F(KukeTest, SaysHowTheDaemonIs) {
  daemon_.on<api::Status>([](const auto&) {
    api::Status::Result status;
    status.version = KUKEON_VERSION;
    status.pid = 7;
    status.containerd_version = "1.6.20";
    status.oci_runtime = "runc";
    status.cgroup_layout = "hybrid";
    return status;
  });
  const Ran ran = run_kuke({"status"}, daemon_);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(StartsWith("DAEMON\n  OK    socket"), HasSubstr("\nHOST\n"),
                             HasSubstr("\nSTATE\n"), EndsWith("\nStatus: OK\n")));
}

TEST_F(KukeTest, SaysWhatToDoWithoutADaemon) {
  const std::string host = "unix://" + (home_.path() / "absent.sock").string();
  const auto real = [](const std::vector<std::string>& words) {
    const Fd out{::memfd_create("out", MFD_CLOEXEC)};
    Terminal all_in_one{-1, out.get(), out.get()};
    const int code = kuke(words, all_in_one);
    std::string text(8192, '\0');
    text.resize(static_cast<std::size_t>(::pread(out.get(), text.data(), text.size(), 0)));
    return std::pair{code, text};
  };
  const auto [code, text] = real({"status", "--host", host});
  EXPECT_EQ(code, 1);
  EXPECT_THAT(text, AllOf(HasSubstr("  FAIL  socket"), HasSubstr("kuke init"),
                          HasSubstr("Status: FAIL\nError: 1 check failed\n")));
  EXPECT_EQ(real({"get", "cells", "--host", "tcp://x"}).second,
            "Error: unsupported kukeon host scheme: \"tcp://x\" (expected unix:// or ssh://)\n");
}

TEST_F(KukeTest, FollowsALogUntilASignal) {
  const fs::path log = home_.path() / "log";
  write_file_atomically(log, "one\n", 0644);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    Terminal terminal{-1, ends[1], ends[1]};
    copy_file(terminal, log, Follow::yes);
    ::_exit(3);
  }
  const Fd out{ends[0]};
  ::close(ends[1]);
  const auto expect_line = [&](const std::string& line) {
    std::string text(line.size(), '\0');
    std::size_t got = 0;
    while (got < text.size()) {
      const ssize_t n = ::read(out.get(), text.data() + got, text.size() - got);
      if (n <= 0) break;
      got += static_cast<std::size_t>(n);
    }
    EXPECT_EQ(text, line);
  };
  expect_line("one\n");
  write_all(open_file(log, O_WRONLY | O_APPEND).get(), "two\n", "append");
  expect_line("two\n");
  write_file_atomically(log, "three\n", 0644);  // another file under the same name
  expect_line("three\n");
  ::kill(child, SIGTERM);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace kukeon::cli
