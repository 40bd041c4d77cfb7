// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace kukeon::support {

// What of the host a test could leave something in.
struct LeakScope {
  // Everything at these paths and below: files, sockets, pins; also the mounts there.
  std::vector<std::filesystem::path> directories;
  // Control groups with one of these names, and what is below them, in every hierarchy.
  std::vector<std::string> cgroups;
  // Processes whose command line contains one of these; our own does not count.
  std::vector<std::string> processes;
};

// Compares the host before and after a test: links, named network namespaces, nft tables and
// chains, iptables-legacy chains, and, within a scope, mounts, control groups, processes and files.
// It reads /proc, /sys and the output of nft and iptables; it asks nothing of the code under test.
//
//   LeakCheck leak{{.directories = {run_path}, .cgroups = {group}, .processes = {run_path}}};
//
//   EXPECT_THAT(leak.new_objects(), IsEmpty());
class LeakCheck {
 public:
  explicit LeakCheck(LeakScope scope = {});

  // What exists now and did not before: "link k-703e8b3a", "cgroup memory:/kukeon/default".
  // Objects that the kernel or an exiting process takes away in a moment are waited for.
  using Patience = std::chrono::milliseconds;
  std::vector<std::string> new_objects(Patience patience = std::chrono::seconds{2}) const;
  // What existed before and does not now: a test that takes away what is not its own.
  std::vector<std::string> missing_objects() const;

 private:
  LeakScope scope_;
  std::set<std::string> before_;
};

// The host's objects now, as LeakCheck names them.
std::set<std::string> host_objects(const LeakScope& scope);

}  // namespace kukeon::support
