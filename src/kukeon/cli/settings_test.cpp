// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>

#include "kukeon/base/error.h"
#include "kukeon/base/files.h"
#include "kukeon/cli/host/server_settings.h"

namespace kukeon::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class SettingsTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* variable :
         {"KUKEON_HOST", "KUKEON_RUN_PATH", "KUKEON_CONTAINERD_SOCKET", "KUKEON_LOG_LEVEL",
          "KUKE_CONFIGURATION", "KUKEOND_SOCKET", "KUKE_INIT_SERVER_CONFIGURATION"}) {
      ::unsetenv(variable);
    }
    ::setenv("HOME", directory_.path().c_str(), 1);
  }

  std::string write(const std::string& text) {
    const fs::path path = directory_.path() / "configuration.yaml";
    write_file_atomically(path, text, 0600);
    return path;
  }

  std::string refusal(const std::string& path) {
    try {
      load_settings({.configuration = path});
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }

  TemporaryDirectory directory_;
};

TEST_F(SettingsTest, AreTheDefaultsWhenNothingIsSaid) {
  const Settings settings = load_settings({});
  EXPECT_EQ(settings.host, "unix:///run/kukeon/kukeond.sock");
  EXPECT_EQ(settings.run_path, "/opt/kukeon");
  EXPECT_EQ(settings.containerd_socket, "/run/containerd/containerd.sock");
  EXPECT_EQ(settings.log_level, "info");
}

TEST_F(SettingsTest, PreferFlagToEnvironmentToFile) {
  const std::string file = write(
      "kind: ClientConfiguration\nspec:\n  host: unix:///file\n  runPath: /file\n  logLevel: "
      "warn\n");
  ::setenv("KUKEON_HOST", "unix:///environment", 1);
  ::setenv("KUKEON_RUN_PATH", "/environment", 1);
  const Settings settings = load_settings({.configuration = file, .host = "unix:///flag"});
  EXPECT_EQ(settings.host, "unix:///flag");
  EXPECT_EQ(settings.run_path, "/environment");
  EXPECT_EQ(settings.log_level, "warn");
}

TEST_F(SettingsTest, LetAnEmptyVariableHideTheFile) {
  const std::string file = write("spec:\n  runPath: /file\n");
  ::setenv("KUKEON_RUN_PATH", "", 1);
  EXPECT_EQ(load_settings({.configuration = file}).run_path, "/opt/kukeon");
}

TEST_F(SettingsTest, LeaveATemplateForTheUserThatChangesNothing) {
  load_settings({});
  const fs::path path = directory_.path() / ".kuke" / "kuke.yaml";
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_THAT(read_file(path), HasSubstr("kind: ClientConfiguration"));
  EXPECT_EQ(load_settings({}).run_path, "/opt/kukeon");
}

TEST_F(SettingsTest, MakeNoFileWhereTheUserNamedOne) {
  const fs::path path = directory_.path() / "mine.yaml";
  load_settings({.configuration = path.string()});
  EXPECT_FALSE(fs::exists(path));
  EXPECT_FALSE(fs::exists(directory_.path() / ".kuke"));
}

TEST_F(SettingsTest, NameTheFileThatIsWrong) {
  const std::string prefix = "load client configuration: ";
  const std::string other = write("kind: Realm\n");
  EXPECT_EQ(refusal(other), prefix + "client configuration \"" + other +
                                "\" has kind \"Realm\", want \"ClientConfiguration\": client "
                                "configuration is invalid");
  const std::string broken = write("kind: [\n");
  EXPECT_THAT(refusal(broken), StartsWith(prefix + "parse client configuration \"" + broken +
                                          "\": client configuration is invalid: "));
  EXPECT_THAT(refusal(directory_.path()),
              StartsWith(prefix + "read client configuration \"" + directory_.path().string() +
                         "\": client configuration is invalid: "));
}

TEST_F(SettingsTest, OfTheServerSurviveBeingWrittenAndRead) {
  const std::string path = directory_.path() / "kukeond.yaml";
  ServerFlags flags;
  flags.configuration = path;
  flags.cgroup_root = "/other";
  GlobalFlags globals;
  globals.run_path = "/srv/kukeon";
  globals.host = "unix:///srv/kukeon/d.sock";
  const ServerSettings first = load_server_settings(flags, globals);
  write_file_atomically(path, first.to_configuration(), 0644);

  ServerFlags only_file;
  only_file.configuration = path;
  const ServerSettings second = load_server_settings(only_file, {});
  EXPECT_EQ(second.run_path, "/srv/kukeon");
  EXPECT_EQ(second.socket, "/srv/kukeon/d.sock");
  EXPECT_EQ(second.cgroup_root, "/other");
  EXPECT_EQ(second.namespace_suffix, "kukeon.io");
  EXPECT_EQ(second.to_configuration(), first.to_configuration());
}

TEST_F(SettingsTest, PausesOfRestartsComeFromTheFileWithinTheirBounds) {
  const std::string path = directory_.path() / "kukeond.yaml";
  ServerFlags flags;
  flags.configuration = path;
  write_file_atomically(path, "spec:\n  restartBackoffFloor: 250ms\n  restartStableAfter: 1m\n",
                        0644);
  const ServerSettings settings = load_server_settings(flags, {});
  EXPECT_EQ(settings.restart_backoff_floor, std::chrono::milliseconds{250});
  EXPECT_EQ(settings.restart_backoff_cap, std::chrono::seconds{30});
  EXPECT_EQ(settings.restart_stable_after, std::chrono::minutes{1});
  for (const char* bad : {"0s", "-1s", "25h", "soon", "10"}) {
    write_file_atomically(path, fmt::format("spec:\n  restartBackoffCap: \"{}\"\n", bad), 0644);
    EXPECT_THROW(load_server_settings(flags, {}), Error) << bad;
  }
}

TEST_F(SettingsTest, OfTheServerAreRefusedWhereTheyCannotWork) {
  for (const char* suffix : {"", ".a", "a.", "a/b", "a b"}) {
    ServerFlags flags;
    flags.namespace_suffix = suffix;
    flags.configuration = directory_.path() / "absent";
    EXPECT_THROW(load_server_settings(flags, {}).validate(), Error) << suffix;
  }
  for (const char* root : {"", "/", "//", "kukeon"}) {
    ServerFlags flags;
    flags.cgroup_root = root;
    flags.configuration = directory_.path() / "absent";
    EXPECT_THROW(load_server_settings(flags, {}).validate(), Error) << root;
  }
}

}  // namespace
}  // namespace kukeon::cli
