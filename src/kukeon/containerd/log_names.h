// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kukeon/base/files.h"

// Internal to this folder.
namespace kukeon::containerd {

// Two names of one log file, for a shim to append stdout and stderr to. They are needed until it
// has opened them.
//
// Given `file://`, or one name twice, the shim of containerd 1.6 opens the file once and closes it
// when the first stream ends: whatever comes on the other after that is lost. Names of ours also
// spare it every character that a URL minds.
class LogNames {
 public:
  // Makes the file if it is absent, and the names below `parent`.
  LogNames(const fs::path& parent, const std::string& log_path);

  const std::string& out() const { return out_; }
  const std::string& err() const { return err_; }

 private:
  TemporaryDirectory directory_;
  std::string out_;
  std::string err_;
};

}  // namespace kukeon::containerd
