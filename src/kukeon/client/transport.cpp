// SPDX-License-Identifier: Apache-2.0
#include "kukeon/client/transport.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"

namespace kukeon::client {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds child_may_finish{10s};
constexpr std::chrono::milliseconds child_may_die{1s};

void set_send_timeout(const Fd& socket, std::chrono::milliseconds timeout) {
  // connect(2) on a unix socket waits for room in the backlog as long as SO_SNDTIMEO says.
  const timeval value{timeout.count() / 1000, (timeout.count() % 1000) * 1000};
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &value, sizeof value);
}

// The texts of Go's net.Dial, which scripts match on (wire.md §11).
Error dial_error(const std::string& path, int err) {
  const std::string cause =
      err == EAGAIN || err == EINPROGRESS
          ? fmt::format("dial unix {}: i/o timeout", path)
          : Error::from_errno(fmt::format("dial unix {}: connect", path), err).message();
  if (err == EACCES || err == EPERM) {
    return {kinds::dial,
            fmt::format("dial kukeond at {}: permission denied — add yourself to the kukeon group "
                        "(sudo usermod -aG kukeon $USER), then log out and back in: {}",
                        path, cause)};
  }
  return {kinds::dial, fmt::format("dial kukeond at {}: {}", path, cause)};
}

}  // namespace

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this != &other) {
    close();
    child_ = std::move(other.child_);
    socket_ = std::move(other.socket_);
  }
  return *this;
}

void Connection::close() noexcept {
  socket_.reset();
  if (!child_) return;
  try {
    if (!child_.wait(child_may_finish)) {
      child_.signal(SIGTERM);
      child_.wait(child_may_die);
    }
  } catch (...) {
    log::warn("private kukeond did not end well", {{"error", current_exception_text()}});
  }
  child_ = Process{};  // kills what is left
}

std::string Connection::obituary() {
  if (!child_) return {};
  const auto exit = child_.wait(child_may_die);
  if (!exit) return {};
  if (exit->signal != 0) return fmt::format(" (kukeond was killed by signal {})", exit->signal);
  return fmt::format(" (kukeond exited with code {})", exit->code);
}

UnixTransport::UnixTransport(std::string path, DialOptions options)
    : path_{std::move(path)}, options_{options} {}

Connection UnixTransport::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) throw dial_error(path_, EINVAL);
  std::memcpy(address.sun_path, path_.data(), path_.size());

  Fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!socket) throw dial_error(path_, errno);
  if (options_.timeout > 0ms) set_send_timeout(socket, options_.timeout);
  int result = 0;
  do {
    result = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } while (result < 0 && errno == EINTR);
  if (result < 0) throw dial_error(path_, errno);
  if (options_.timeout > 0ms) set_send_timeout(socket, 0ms);
  return Connection{std::move(socket)};
}

Connection ChildTransport::connect() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
    throw Error::from_errno("create a socket pair");
  }
  Fd ours{ends[0]};
  const Fd theirs{ends[1]};
  try {
    Process child = Process::start(command_, {theirs.get(), theirs.get(), STDERR_FILENO});
    return Connection{std::move(ours), std::move(child)};
  } catch (const Error& error) {
    throw Error{kinds::dial, fmt::format("start a private kukeond: {}", error.what())};
  }
}

std::unique_ptr<Transport> dial(std::string_view address, DialOptions options) {
  constexpr std::string_view unix_scheme = "unix://";
  const auto unsupported = [](std::string_view why) {
    return Error{kinds::unsupported_scheme,
                 fmt::format("{}: {}", kinds::unsupported_scheme.text, why)};
  };
  if (address.starts_with(unix_scheme)) {
    const std::string_view path = address.substr(unix_scheme.size());
    if (path.empty()) throw unsupported("unix path is empty");
    return std::make_unique<UnixTransport>(std::string{path}, options);
  }
  if (address.starts_with("ssh://")) throw unsupported("ssh transport not yet implemented");
  throw unsupported(fmt::format("\"{}\" (expected unix:// or ssh://)", address));
}

}  // namespace kukeon::client
