// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "kukeon/base/fd.h"
#include "kukeon/base/files.h"
#include "kukeon/containerd/log_names.h"
#include "kukeon/runtime/exec.h"

// Internal to this folder.
namespace kukeon::containerd {

// The FIFOs between a shim and us, and the thread that reads them. Their names exist until the
// shim has opened them, so a daemon that dies leaves none behind.
class ExecStreams {
 public:
  using OnOutput = std::function<void(runtime::OutputStream, std::string_view)>;
  enum class Wanted { none, out, out_and_err };
  enum class Input { no, yes };

  // Makes the FIFOs below `parent` and reads the output from now on.
  ExecStreams(const fs::path& parent, Wanted output, Input input, OnOutput on_output);
  // The shim writes to a file, made if absent, and there is no output to wait for.
  ExecStreams(const fs::path& parent, Input input, const std::string& log_path);
  ExecStreams(const ExecStreams&) = delete;
  ExecStreams& operator=(const ExecStreams&) = delete;
  ~ExecStreams();  // what has not been read by now is lost

  // What the shim is to open; empty: nothing.
  const std::string& in_path() const { return in_path_; }
  const std::string& out_path() const { return out_path_; }
  const std::string& err_path() const { return err_path_; }

  // The shim has opened its ends of the output, or is about to open that of the input.
  void opened();

  // As Exec's; close_input() closes our end alone.
  std::size_t write_input(std::string_view bytes, std::chrono::milliseconds timeout);
  void close_input();

  // Waits for the end of all output. `quiet`: none came for the time of `linger` though somebody
  // holds the other end open. `late`: neither at the deadline.
  enum class End { reached, quiet, late };
  End wait_for_end(std::chrono::milliseconds linger,
                   std::chrono::steady_clock::time_point deadline);

 private:
  void make_input(const fs::path& parent);
  void read(const std::stop_token& stop);
  bool pass_on(Fd& fd, runtime::OutputStream stream, std::string& buffer);

  std::unique_ptr<TemporaryDirectory> directory_;
  std::unique_ptr<LogNames> log_;
  std::string in_path_;
  std::string out_path_;
  std::string err_path_;
  Fd out_;
  Fd err_;
  Fd stop_;  // eventfd that ends the thread
  OnOutput on_output_;

  std::mutex input_mutex_;
  bool wants_input_ = false;
  Fd in_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool at_end_ = true;
  bool busy_ = false;  // in on_output_
  std::chrono::steady_clock::time_point last_;

  std::jthread reader_;
};

}  // namespace kukeon::containerd
