// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/sysctl.h"

#include <fcntl.h>

#include <algorithm>

#include "kukeon/base/files.h"
#include "kukeon/base/strings.h"

namespace kukeon::kernel {
namespace {

fs::path path_of(std::string_view name) {
  std::string relative{name};
  std::ranges::replace(relative, '.', '/');
  return fs::path{"/proc/sys"} / relative;
}

}  // namespace

std::string read_sysctl(std::string_view name) {
  return std::string{trim(read_file(path_of(name), 4096))};
}

std::string write_sysctl(std::string_view name, std::string_view value) {
  std::string before = read_sysctl(name);
  if (before != value) {
    const Fd fd = open_file(path_of(name).string(), O_WRONLY);
    write_all(fd.get(), value, path_of(name).string());
  }
  return before;
}

}  // namespace kukeon::kernel
