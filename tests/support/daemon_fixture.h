// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "kukeon/api/cell_methods.h"
#include "kukeon/base/strings.h"
#include "kukeon/client/client.h"
#include "kukeon/client/transport.h"
#include "support/test_daemon.h"

// What tests of the real daemon share. Their program defines KUKEON_TEST_BIN_DIR.
namespace kukeon::support {

inline constexpr const char* page = "hello from the cell";

inline std::string cell_yaml(const std::string& name, const std::string& containers) {
  return fmt::format(
      "kind: Cell\nmetadata: {{name: {}}}\n"
      "spec:\n  realmId: default\n  spaceId: default\n  stackId: default\n  containers:\n{}",
      name, containers);
}

// A container that waits, and ends at once on SIGTERM.
inline std::string waiting(const std::string& id) {
  return fmt::format(
      "    - id: {}\n      image: busybox\n      command: /bin/sh\n"
      "      args: [-c, \"trap 'exit 0' TERM; echo started; while :; do sleep 1 & wait $!; "
      "done\"]\n",
      id);
}

inline std::string web() {
  return fmt::format(
      "    - id: web\n      image: busybox\n      command: /bin/sh\n"
      "      args: [-c, \"mkdir /www; echo {} > /www/index.html; trap 'exit 0' TERM; httpd -f -p "
      "80 -h"
      " /www & wait\"]\n",
      page);
}

inline std::string reader() {
  return "    - id: reader\n      image: busybox\n      command: /bin/sh\n"
         "      args: [-c, \"trap 'exit 0' TERM; until wget -qO- http://localhost/; do sleep 0.1; "
         "done;"
         " while :; do sleep 1 & wait $!; done\"]\n";
}

// A test with a kukeond of its own, the default hierarchy, and busybox as an image.
class DaemonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = TestDaemon::unavailable()) GTEST_SKIP() << *reason;
    daemon_.emplace(KUKEON_TEST_BIN_DIR);
    daemon_->prepare_default();
  }

  TestDaemon& daemon() { return *daemon_; }

  v1beta1::CellDoc get_cell(const std::string& name) {
    client::Client client{client::dial(daemon().host())};
    v1beta1::CellDoc key;
    key.metadata.name = name;
    key.spec.realm_name = key.spec.space_name = key.spec.stack_name = "default";
    return client.call<api::GetCell>({key}).doc;
  }

  bool is_ready(const std::string& name) {
    return get_cell(name).status.state == model::CellState::ready;
  }

  std::map<std::string, std::string> pids() {
    std::map<std::string, std::string> out;
    for (const std::string& line : split(daemon().ctr({"task", "ls"}).out, '\n')) {
      const auto words = split(line, ' ');
      std::vector<std::string> filled;
      for (const auto& word : words) {
        if (!word.empty()) filled.push_back(word);
      }
      if (filled.size() == 3 && filled[2] == "RUNNING") out[filled[0]] = filled[1];
    }
    return out;
  }

  // What one bad input must come to: exit 1, one line, nothing changed.
  void expect_refused(const Output& output, const std::string& text) {
    EXPECT_EQ(output.exit.code, 1) << output.out << output.err;
    EXPECT_THAT(output.err + output.out, ::testing::HasSubstr(text));
    EXPECT_THAT(output.err, ::testing::StartsWith("Error: "));
  }

  std::optional<TestDaemon> daemon_;
};

}  // namespace kukeon::support
