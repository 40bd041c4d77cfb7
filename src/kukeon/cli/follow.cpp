// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/follow.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/fd.h"
#include "kukeon/base/files.h"

namespace kukeon::cli {
namespace {

constexpr int poll_milliseconds = 200;  // cli.md 7.11; inotify only makes it faster

// Everything from the current offset to the end.
void copy_rest(const Fd& file, const std::string& path, int out) {
  std::array<char, 64 << 10> buffer;
  while (true) {
    const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error::from_errno(fmt::format("read {}", path));
    if (n == 0) return;
    write_all(out, {buffer.data(), static_cast<std::size_t>(n)}, "write to standard output");
  }
}

bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

void drain(const Fd& fd) {
  std::array<char, 4096> buffer;
  while (::read(fd.get(), buffer.data(), buffer.size()) > 0) {
  }
}

void follow_file(Fd file, const std::string& path, int out) {
  const ExitOnSignal exit_on_signal;
  const Fd watch{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
  if (watch) ::inotify_add_watch(watch.get(), path.c_str(), IN_MODIFY);

  while (true) {
    copy_rest(file, path, out);

    std::array<pollfd, 2> fds{{{out, 0, 0}, {watch.get(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), poll_milliseconds);
    if ((fds[0].revents & (POLLERR | POLLHUP)) != 0) return;
    if (fds[1].revents != 0) drain(watch);

    struct stat opened {};
    struct stat named {};
    if (::fstat(file.get(), &opened) == 0 && ::lseek(file.get(), 0, SEEK_CUR) > opened.st_size) {
      ::lseek(file.get(), 0, SEEK_SET);
    }
    if (::stat(path.c_str(), &named) == 0 && !is_same_file(opened, named)) {
      copy_rest(file, path, out);
      Fd next{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
      if (next) {
        file = std::move(next);
        if (watch) ::inotify_add_watch(watch.get(), path.c_str(), IN_MODIFY);
      }
    }
  }
}

}  // namespace

ExitOnSignal::ExitOnSignal() {
  struct sigaction action {};
  action.sa_handler = [](int) { ::_exit(0); };
  ::sigaction(SIGINT, &action, &interrupt_);
  ::sigaction(SIGTERM, &action, &terminate_);
}

ExitOnSignal::~ExitOnSignal() {
  ::sigaction(SIGINT, &interrupt_, nullptr);
  ::sigaction(SIGTERM, &terminate_, nullptr);
}

bool reader_left(int out, std::chrono::milliseconds pause) {
  pollfd reader{out, 0, 0};
  ::poll(&reader, 1, static_cast<int>(pause.count()));
  return (reader.revents & (POLLERR | POLLHUP)) != 0;
}

void copy_file(Terminal& terminal, const std::string& path, Follow follow) {
  terminal.flush();
  Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) throw Error::from_errno(fmt::format("open {}", path));
  if (follow == Follow::no) return copy_rest(file, path, terminal.out());
  follow_file(std::move(file), path, terminal.out());
}

}  // namespace kukeon::cli
