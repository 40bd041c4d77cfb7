// SPDX-License-Identifier: Apache-2.0
#include "kukeon/containerd/log_names.h"

#include <fcntl.h>

namespace kukeon::containerd {
namespace {

const fs::path& made(const fs::path& directory) {
  make_directories(directory, 0700);
  return directory;
}

}  // namespace

LogNames::LogNames(const fs::path& parent, const std::string& log_path)
    : directory_{made(parent)},
      out_{(directory_.path() / "out").string()},
      err_{(directory_.path() / "err").string()} {
  open_file(log_path, O_WRONLY | O_CREAT | O_APPEND, 0644);
  for (const std::string& name : {out_, err_}) fs::create_symlink(fs::absolute(log_path), name);
}

}  // namespace kukeon::containerd
