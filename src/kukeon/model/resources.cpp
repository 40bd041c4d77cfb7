// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/resources.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "kukeon/base/strings.h"

namespace kukeon::model {
namespace {

using Problems = std::vector<reflect::Problem>;

constexpr std::array<std::string_view, 4> throttle_types{"rbps", "wbps", "riops", "wiops"};

void add(Problems& problems, std::string path, std::string text) {
  problems.push_back({std::move(path), {}, std::move(text)});
}

void check_weight(Problems& problems, std::string_view path, std::uint64_t weight) {
  if (weight >= 1 && weight <= 10000) return;
  add(problems, std::string{path}, fmt::format("must be from 1 to 10000, not {}", weight));
}

// An amount, or -1 for none.
void check_amount(Problems& problems, std::string_view path,
                  const std::optional<std::int64_t>& amount, bool may_be_unlimited = true) {
  if (!amount || *amount >= (may_be_unlimited ? -1 : 0)) return;
  add(problems, std::string{path},
      fmt::format("must be 0 or more{}, not {}", may_be_unlimited ? ", or -1 for no limit" : "",
                  *amount));
}

// "0-3,7", as the kernel's cpuset files take it.
bool is_cpu_list(std::string_view text) {
  return std::ranges::all_of(split(text, ','), [](std::string_view range) {
    const std::size_t dash = range.find('-');
    const auto number = [](std::string_view digits) -> std::optional<std::int64_t> {
      if (digits.empty() || digits.size() > 4 ||
          digits.find_first_not_of("0123456789") != std::string_view::npos) {
        return std::nullopt;
      }
      return parse_integer(digits);
    };
    const auto first = number(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number(range.substr(dash + 1));
    return first && last && *first <= *last;
  });
}

void check_cpu(Problems& problems, const CpuResources& cpu) {
  if (cpu.weight) check_weight(problems, "cpu.weight", *cpu.weight);
  if (cpu.quota && *cpu.quota != -1 && *cpu.quota < 1000) {
    add(problems, "cpu.quota",
        fmt::format("must be 1000 microseconds or more, or -1 for no limit, not {}", *cpu.quota));
  }
  if (cpu.period && (*cpu.period < 1000 || *cpu.period > 1'000'000)) {
    add(problems, "cpu.period",
        fmt::format("must be from 1000 to 1000000 microseconds, not {}", *cpu.period));
  }
  for (const auto& [path, list] : {std::pair{"cpu.cpus", &cpu.cpus}, {"cpu.mems", &cpu.mems}}) {
    if (list->empty() || is_cpu_list(*list)) continue;
    add(problems, path, fmt::format("must be numbers and ranges like 0-3,7, not {}", quote(*list)));
  }
}

void check_io(Problems& problems, const IoResources& io) {
  if (io.weight != 0) check_weight(problems, "io.weight", io.weight);
  for (std::size_t i = 0; i < io.throttle.size(); ++i) {
    const IoThrottle& limit = io.throttle[i];
    const std::string path = fmt::format("io.throttle[{}]", i);
    if (std::ranges::find(throttle_types, limit.type) == throttle_types.end()) {
      add(problems, path + ".type",
          fmt::format("must be rbps, wbps, riops or wiops, not {}", quote(limit.type)));
    }
    check_amount(problems, path + ".major", limit.major, false);
    check_amount(problems, path + ".minor", limit.minor, false);
    if (limit.rate == 0) add(problems, path + ".rate", "must be above 0");
    const bool repeats =
        std::any_of(io.throttle.begin(), io.throttle.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const IoThrottle& other) {
                      return other.type == limit.type && other.major == limit.major &&
                             other.minor == limit.minor;
                    });
    if (repeats) add(problems, path, "this limit of this device is set twice");
  }
}

// cgroup v2 writes "max" for no limit.
std::string amount(std::int64_t value) {
  return value < 0 ? std::string{"max"} : fmt::to_string(value);
}

using Files = std::map<std::string, std::string>;

void add_memory(Files& files, const MemoryResources& memory) {
  if (memory.min) files["memory.min"] = amount(*memory.min);
  if (memory.low) files["memory.low"] = amount(*memory.low);
  if (memory.high) files["memory.high"] = amount(*memory.high);
  if (memory.max) files["memory.max"] = amount(*memory.max);
  if (memory.swap) files["memory.swap.max"] = amount(*memory.swap);
}

void add_cpu(Files& files, const CpuResources& cpu) {
  if (cpu.weight) files["cpu.weight"] = fmt::to_string(*cpu.weight);
  if (cpu.quota || cpu.period) {
    files["cpu.max"] =
        fmt::format("{} {}", amount(cpu.quota.value_or(-1)), cpu.period.value_or(100'000));
  }
  if (!cpu.cpus.empty()) files["cpuset.cpus"] = cpu.cpus;
  if (!cpu.mems.empty()) files["cpuset.mems"] = cpu.mems;
}

Files files_of(const CgroupResources& resources) {
  Files files;
  if (resources.memory) add_memory(files, *resources.memory);
  if (resources.cpu) add_cpu(files, *resources.cpu);
  if (resources.io && resources.io->weight != 0) {
    files["io.weight"] = fmt::format("default {}", resources.io->weight);
  }
  if (resources.pids && resources.pids->max) files["pids.max"] = amount(*resources.pids->max);
  return files;
}

// io.max takes one device and its limits a write: "8:0" -> {"rbps" -> "1048576"}.
std::map<std::string, Files> throttles_of(const CgroupResources& resources) {
  std::map<std::string, Files> devices;
  if (!resources.io) return devices;
  for (const IoThrottle& limit : resources.io->throttle) {
    devices[fmt::format("{}:{}", limit.major, limit.minor)][limit.type] =
        fmt::to_string(limit.rate);
  }
  return devices;
}

std::string default_of(std::string_view file) {
  if (file == "cpu.weight") return "100";
  if (file == "io.weight") return "default 100";
  if (file == "cpu.max") return "max 100000";
  if (file == "memory.min" || file == "memory.low") return "0";
  if (file.starts_with("cpuset.")) return "\n";  // the parent's
  return "max";
}

}  // namespace

Problems resource_problems(const CgroupResources& resources) {
  Problems problems;
  if (resources.cpu) check_cpu(problems, *resources.cpu);
  if (resources.memory) {
    const MemoryResources& memory = *resources.memory;
    check_amount(problems, "memory.min", memory.min, false);
    check_amount(problems, "memory.low", memory.low, false);
    check_amount(problems, "memory.high", memory.high);
    check_amount(problems, "memory.max", memory.max);
    check_amount(problems, "memory.swap", memory.swap);
  }
  if (resources.io) check_io(problems, *resources.io);
  if (resources.pids) check_amount(problems, "pids.max", resources.pids->max);
  return problems;
}

Problems resource_problems(const ContainerResources& resources) {
  Problems problems = resource_problems(static_cast<const CgroupResources&>(resources));
  const auto exclude = [&](const std::optional<std::int64_t>& first, std::string_view first_name,
                           bool second, std::string_view second_name) {
    if (first.value_or(0) <= 0 || !second) return;
    add(problems, std::string{second_name},
        fmt::format("{} sets the same limit: keep one of them", first_name));
  };
  exclude(resources.memory_limit_bytes, "memoryLimitBytes",
          resources.memory && resources.memory->max, "memory.max");
  exclude(resources.cpu_shares, "cpuShares", resources.cpu && resources.cpu->weight, "cpu.weight");
  exclude(resources.pids_limit, "pidsLimit", resources.pids && resources.pids->max, "pids.max");
  return problems;
}

std::vector<CgroupSetting> cgroup_settings(const CgroupResources& wanted,
                                           const CgroupResources& before) {
  Files files = files_of(wanted);
  for (const auto& [file, text] : files_of(before)) files.try_emplace(file, default_of(file));
  std::vector<CgroupSetting> settings;
  for (const auto& [file, text] : files) settings.push_back({file, text});

  auto devices = throttles_of(wanted);
  for (const auto& [device, limits] : throttles_of(before)) {
    for (const auto& [type, rate] : limits) devices[device].try_emplace(type, "max");
  }
  for (const auto& [device, limits] : devices) {
    std::string line = device;
    for (const auto& [type, rate] : limits) line += fmt::format(" {}={}", type, rate);
    settings.push_back({"io.max", std::move(line)});
  }
  return settings;
}

std::vector<std::string> controllers_of(const std::vector<CgroupSetting>& settings) {
  std::vector<std::string> controllers;
  for (const CgroupSetting& setting : settings) {
    std::string controller = setting.file.substr(0, setting.file.find('.'));
    if (std::ranges::find(controllers, controller) == controllers.end()) {
      controllers.push_back(std::move(controller));
    }
  }
  return controllers;
}

}  // namespace kukeon::model
