// SPDX-License-Identifier: Apache-2.0
// Every specification of src/kukeon/oci/testdata/specs, started once with runc: what the process
// then is, is what the specification says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"
#include "kukeon/kernel/cgroup.h"
#include "kukeon/oci/spec_cases.h"
#include "support/leak_check.h"

namespace kukeon::oci {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

const fs::path folder{KUKEON_TEST_SOURCE_DIR "/src/kukeon/oci/testdata/specs"};

std::optional<std::string> unavailable() {
  if (::geteuid() != 0) return "not root";
  if (!fs::exists("/bin/busybox")) return "busybox-static is not installed";
  for (const char* path : {"/usr/sbin/runc", "/usr/bin/runc"}) {
    if (fs::exists(path)) return std::nullopt;
  }
  return "runc is not installed";
}

std::uint64_t mask_of(const reflect::StringList& names) {
  const auto known = known_capabilities();
  std::uint64_t mask = 0;
  for (const auto& name : names) {
    mask |= std::uint64_t{1} << (std::ranges::find(known, name) - known.begin());
  }
  return mask;
}

// "CapBnd" -> "00000000a80425fb", of a text as /proc/<pid>/status.
std::map<std::string, std::string> rows_of(const std::string& status) {
  std::map<std::string, std::string> rows;
  for (const auto& line : split(status, '\n')) {
    const auto colon = line.find(':');
    if (colon != std::string::npos) {
      rows[line.substr(0, colon)] = trim(std::string_view{line}.substr(colon + 1));
    }
  }
  return rows;
}

std::uint64_t hex(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

std::set<std::uint32_t> numbers(const std::string& text) {
  std::set<std::uint32_t> out;
  for (const auto& word : split(text, ' ')) {
    if (const auto number = parse_integer(word)) out.insert(static_cast<std::uint32_t>(*number));
  }
  return out;
}

// The first block device of this machine, "254:0".
std::optional<std::pair<std::int64_t, std::int64_t>> a_block_device() {
  for (const auto& entry : fs::directory_iterator{"/sys/block"}) {
    const auto text = read_file_if_exists(entry.path() / "dev", 64);
    const auto parts = split(text ? trim(*text) : "", ':');
    if (parts.size() != 2) continue;
    return std::pair{*parse_integer(parts[0]), *parse_integer(parts[1])};
  }
  return std::nullopt;
}

class Runc {
 public:
  Runc() : group_{fmt::format("/kukeon-oci-test-{}", ::getpid())} {
    const auto own = rows_of(read_file("/proc/self/status"));
    own_capabilities_ = capability_names(hex(own.at("CapEff")));
    fs::copy_file("/bin/busybox", directory_.path() / "busybox");
  }
  Runc(const Runc&) = delete;
  Runc& operator=(const Runc&) = delete;
  ~Runc() { cgroups_.remove(group_); }

  support::LeakScope leak_scope() const {
    return {.directories = {}, .cgroups = {group_.substr(1)}, .processes = {group_}};
  }

  // Why this host cannot run it, else nothing; what is wrong fails the test.
  std::optional<std::string> try_case(const SpecCase& c) {
    BuildInput input = input_of(c);
    input.host = SeccompHost::here();
    if (input.default_seccomp) {
      input.default_seccomp = [&](const auto& capabilities) {
        return filters_.for_capabilities(capabilities);
      };
    }
    input.all_capabilities = own_capabilities_;
    Spec spec = build(input);
    if (auto reason = adapt(spec, c.name)) return reason;
    const auto bundle = make_bundle(spec, c.name);
    const Output ran = run({.argv = {"runc", "--root", (directory_.path() / "state").string(),
                                     "run", "--bundle", bundle.string(), id_of(c.name)}},
                           30s);
    EXPECT_EQ(ran.exit.code, 0) << ran.err;
    if (ran.exit.ok()) compare(spec, ran.out);
    return std::nullopt;
  }

 private:
  std::string id_of(const std::string& name) const { return group_.substr(1) + "-" + name; }

  // Puts what this host has in place of what the case names.
  std::optional<std::string> adapt(Spec& spec, const std::string& name) {
    spec.process->args = {"/bin/busybox", "cat", "/proc/self/status", "/proc/sys/kernel/hostname",
                          "/proc/self/environ"};
    for (auto& entry : spec.linux->namespaces) entry.path.clear();
    spec.linux->cgroups_path = group_ + "/" + name;
    for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
      auto& mount = spec.mounts[i];
      if (mount.type != "bind") continue;
      const fs::path source = directory_.path() / name / fmt::format("source-{}", i);
      if (mount.source.starts_with("/srv/")) {
        make_directories(source, 0755);
      } else {
        make_directories(source.parent_path(), 0755);
        write_file_in_place(source, "web\n");
      }
      mount.source = source.string();
    }
    return adapt_limits(*spec.linux->resources);
  }

  std::optional<std::string> adapt_limits(LinuxResources& limits) const {
    const bool v2 = cgroups_.layout().kind() == kernel::CgroupLayout::Kind::unified;
    if (!limits.unified.empty() && !v2) return "cgroup v2 settings need a cgroup v2 host";
    if (limits.block_io) {
      const auto device = a_block_device();
      if (!device) return "no block device to limit";
      for (auto* list : {&limits.block_io->read_bps, &limits.block_io->write_bps,
                         &limits.block_io->read_iops, &limits.block_io->write_iops}) {
        for (auto& limit : *list) std::tie(limit.major, limit.minor) = *device;
      }
      if (!v2 && !has("blkio.throttle.read_bps_device")) return "the host has no v1 blkio limits";
      if (!v2 && limits.block_io->weight && !has("blkio.weight") && !has("blkio.bfq.weight")) {
        limits.block_io->weight.reset();  // its kernel has no scheduler with weights
      }
    }
    if (!v2 && limits.memory && limits.memory->swap && !has("memory.memsw.limit_in_bytes")) {
      return "the host does not account swap";
    }
    return std::nullopt;
  }

  // Whether a v1 hierarchy has a file, in a group below its top.
  bool has(const char* file) const {
    cgroups_.create(group_);
    return std::ranges::any_of(cgroups_.layout().mounts(), [&](const fs::path& mount) {
      return fs::exists(mount / group_.substr(1) / file);
    });
  }

  fs::path make_bundle(const Spec& spec, const std::string& name) const {
    const fs::path bundle = directory_.path() / name;
    const fs::path rootfs = bundle / "rootfs";
    make_directories(rootfs / "bin", 0755);
    fs::create_hard_link(directory_.path() / "busybox", rootfs / "bin/busybox");
    make_directories(rootfs / spec.process->cwd.substr(1), 0755);
    write_file_in_place(bundle / "config.json", to_json(spec));
    return bundle;
  }

  static void compare(const Spec& spec, const std::string& out) {
    // status, a line with the host name, NUL-terminated variables
    const auto end = out.find('\n', out.find("nonvoluntary_ctxt_switches:"));
    ASSERT_NE(end, std::string::npos) << out;
    const auto name_end = out.find('\n', end + 1);
    ASSERT_NE(name_end, std::string::npos) << out;
    const auto rows = rows_of(out.substr(0, end));
    const auto& process = *spec.process;

    const auto four = [](std::uint32_t id) { return fmt::format("{0}\t{0}\t{0}\t{0}", id); };
    EXPECT_EQ(rows.at("Uid"), four(process.user.uid));
    EXPECT_EQ(rows.at("Gid"), four(process.user.gid));
    EXPECT_EQ(numbers(rows.at("Groups")),
              std::set(process.user.additional_gids.begin(), process.user.additional_gids.end()));
    EXPECT_EQ(rows.at("NoNewPrivs"), process.no_new_privileges ? "1" : "0");
    EXPECT_EQ(rows.at("Seccomp"), spec.linux->seccomp.text.empty() ? "0" : "2");
    EXPECT_EQ(hex(rows.at("CapBnd")), mask_of(process.capabilities->bounding));
    // Without ambient ones, a user other than root has none left after execve(2).
    const bool is_root = process.user.uid == 0;
    EXPECT_EQ(hex(rows.at("CapEff")), is_root ? mask_of(process.capabilities->effective) : 0);
    if (!spec.hostname.empty()) {
      EXPECT_EQ(out.substr(end + 1, name_end - end - 1), spec.hostname);
    }
    auto variables = split(std::string_view{out}.substr(name_end + 1), '\0');
    variables.resize(std::min(variables.size(), process.env.size()));  // runc adds HOME
    EXPECT_THAT(variables, testing::ElementsAreArray(process.env));
  }

  TemporaryDirectory directory_;
  std::string group_;
  kernel::Cgroups cgroups_;
  reflect::StringList own_capabilities_;
  DefaultSeccompFilters filters_;
};

TEST(GoldenSpecs, AreEachRunByRunc) {
  if (const auto reason = unavailable()) GTEST_SKIP() << *reason;
  std::map<std::string, int> skipped;
  int started = 0;
  {
    Runc runc;
    const support::LeakCheck leak{runc.leak_scope()};
    for (const auto& c : read_spec_cases(folder)) {
      if (!c.error.empty()) continue;
      SCOPED_TRACE(c.name);
      if (const auto reason = runc.try_case(c)) {
        ++skipped[*reason];
      } else {
        ++started;
      }
    }
    kernel::Cgroups{}.remove(fmt::format("/kukeon-oci-test-{}", ::getpid()));
    EXPECT_THAT(leak.new_objects(), IsEmpty());
  }
  fmt::print("{} specifications started\n", started);
  for (const auto& [reason, count] : skipped) fmt::print("{} skipped: {}\n", count, reason);
  EXPECT_GE(started, 60);
}

}  // namespace
}  // namespace kukeon::oci
