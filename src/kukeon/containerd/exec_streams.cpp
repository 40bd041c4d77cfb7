// SPDX-License-Identifier: Apache-2.0
#include "kukeon/containerd/exec_streams.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"

namespace kukeon::containerd {

using runtime::OutputStream;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t chunk_bytes = std::size_t{64} << 10;  // what a FIFO holds

// How long the shim may take to open its end of the input after the process has started.
constexpr milliseconds open_time{5000};
constexpr int open_poll_ms = 1;

std::string make_fifo(const fs::path& path) {
  if (::mkfifo(path.c_str(), 0600) < 0) {
    throw Error::from_errno(fmt::format("make the FIFO {}", path.string()));
  }
  return path.string();
}

int poll_time(steady_clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left + 1, 0, 60'000));
}

// Keeps SIGPIPE from the thread for the scope: a FIFO has no MSG_NOSIGNAL, and a library must not
// count on what its program does with the signal.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;
  ~WithoutSigpipe() {
    // One that came meanwhile would be delivered as soon as the mask is gone.
    if (::sigismember(&before_, SIGPIPE) == 0) {
      const timespec now{};
      ::sigtimedwait(&pipe_, nullptr, &now);
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

}  // namespace

ExecStreams::ExecStreams(const fs::path& parent, Wanted output, Input input, OnOutput on_output)
    : on_output_{std::move(on_output)},
      wants_input_{input == Input::yes},
      last_{steady_clock::now()} {
  if (output == Wanted::none && !wants_input_) return;
  make_directories(parent, 0700);
  directory_ = std::make_unique<TemporaryDirectory>(parent);
  if (wants_input_) make_input(parent);
  if (output == Wanted::none) return;
  at_end_ = false;
  // Without O_NONBLOCK open(2) waits for a writer; poll(2) reports no end before the first one.
  out_path_ = make_fifo(directory_->path() / "out");
  out_ = open_file(out_path_, O_RDONLY | O_NONBLOCK);
  if (output == Wanted::out_and_err) {
    err_path_ = make_fifo(directory_->path() / "err");
    err_ = open_file(err_path_, O_RDONLY | O_NONBLOCK);
  }
  stop_ = Fd{::eventfd(0, EFD_CLOEXEC)};
  if (!stop_) throw Error::from_errno("make an eventfd");
  reader_ = std::jthread{[this](const std::stop_token& stop) { read(stop); }};
}

ExecStreams::ExecStreams(const fs::path& parent, Input input, const std::string& log_path)
    : log_{std::make_unique<LogNames>(parent, log_path)},
      wants_input_{input == Input::yes},
      last_{steady_clock::now()} {
  out_path_ = log_->out();
  err_path_ = log_->err();
  if (wants_input_) make_input(parent);
}

void ExecStreams::make_input(const fs::path& parent) {
  if (!directory_) directory_ = std::make_unique<TemporaryDirectory>(parent);
  in_path_ = make_fifo(directory_->path() / "in");
}

ExecStreams::~ExecStreams() {
  if (!reader_.joinable()) return;
  reader_.request_stop();
  const std::uint64_t one = 1;
  if (::write(stop_.get(), &one, sizeof one) < 0) log::warn("reader of an exec does not stop", {});
  reader_.join();
}

void ExecStreams::opened() {
  if (wants_input_) {
    const auto deadline = steady_clock::now() + open_time;
    const std::lock_guard lock{input_mutex_};
    // ENXIO until there is a reader. A blocking open(2) would wait for ever where the shim died.
    while (!in_) {
      in_ = Fd{::open(in_path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)};
      if (in_) break;
      if ((errno != ENXIO && errno != EINTR) || steady_clock::now() > deadline) {
        throw Error::from_errno("open the input of a process in a container");
      }
      ::poll(nullptr, 0, open_poll_ms);
    }
  }
  directory_.reset();
  log_.reset();
}

std::size_t ExecStreams::write_input(std::string_view bytes, milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  const WithoutSigpipe without_sigpipe;
  const std::lock_guard lock{input_mutex_};
  if (!in_) {
    throw Error{kinds::failed_precondition, wants_input_ ? "the input of the process is closed"
                                                         : "the process was started without input"};
  }
  std::size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t n = ::write(in_.get(), bytes.data() + written, bytes.size() - written);
    if (n > 0) {
      written += static_cast<std::size_t>(n);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EPIPE) {
      throw Error{kinds::failed_precondition, "the process reads no more input"};
    }
    if (n < 0 && errno != EAGAIN) throw Error::from_errno("write to a process in a container");
    if (steady_clock::now() >= deadline) break;
    pollfd wait{.fd = in_.get(), .events = POLLOUT, .revents = 0};
    ::poll(&wait, 1, poll_time(deadline));
  }
  return written;
}

void ExecStreams::close_input() {
  const std::lock_guard lock{input_mutex_};
  in_.reset();
}

ExecStreams::End ExecStreams::wait_for_end(milliseconds linger, steady_clock::time_point deadline) {
  const auto began = steady_clock::now();
  std::unique_lock lock{mutex_};
  for (;;) {
    if (at_end_) return End::reached;
    const auto now = steady_clock::now();
    const auto quiet_at = std::max(last_, began) + linger;
    if (!busy_ && now >= quiet_at) return End::quiet;
    if (now >= deadline) return End::late;
    changed_.wait_until(lock, busy_ ? deadline : std::min(quiet_at, deadline));
  }
}

void ExecStreams::read(const std::stop_token& stop) {
  std::string buffer(chunk_bytes, '\0');
  while (!stop.stop_requested() && (out_ || err_)) {
    // A negative descriptor is one that poll(2) leaves out.
    std::array<pollfd, 3> waiting{{{.fd = out_.get(), .events = POLLIN, .revents = 0},
                                   {.fd = err_.get(), .events = POLLIN, .revents = 0},
                                   {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) break;
    if (waiting[0].revents != 0 && !pass_on(out_, OutputStream::out, buffer)) out_.reset();
    if (waiting[1].revents != 0 && !pass_on(err_, OutputStream::err, buffer)) err_.reset();
  }
  const std::lock_guard lock{mutex_};
  at_end_ = true;
  changed_.notify_all();
}

// One piece; false at the end of the stream.
bool ExecStreams::pass_on(Fd& fd, OutputStream stream, std::string& buffer) {
  const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  {
    const std::lock_guard lock{mutex_};
    busy_ = true;
  }
  if (on_output_) {
    try {
      on_output_(stream, std::string_view{buffer.data(), static_cast<std::size_t>(n)});
    } catch (...) {
      // The stream is read on, or the process would stand still at a full FIFO.
      log::warn("output of a process in a container is dropped",
                {{"error", current_exception_text()}});
      on_output_ = nullptr;
    }
  }
  const std::lock_guard lock{mutex_};
  busy_ = false;
  last_ = steady_clock::now();
  changed_.notify_all();
  return true;
}

}  // namespace kukeon::containerd
