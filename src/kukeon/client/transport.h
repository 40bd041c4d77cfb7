// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "kukeon/base/fd.h"
#include "kukeon/base/process.h"

namespace kukeon::client {

// An open stream to a daemon: one socket. A private daemon is its child and ends with it.
class Connection {
 public:
  Connection() = default;
  explicit Connection(Fd socket) : socket_{std::move(socket)} {}
  Connection(Fd socket, Process child) : child_{std::move(child)}, socket_{std::move(socket)} {}
  Connection(Connection&&) = default;
  Connection& operator=(Connection&& other) noexcept;
  // Hangs up. A child gets the time to finish what it does, then is killed.
  ~Connection() { close(); }

  const Fd& socket() const { return socket_; }
  explicit operator bool() const { return static_cast<bool>(socket_); }
  void close() noexcept;
  // Why a child hung up, for the end of a sentence: " (kukeond exited with code 3)"; else empty.
  std::string obituary();

 private:
  Process child_;
  Fd socket_;
};

// A way to reach a daemon. Making one connects to nothing.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual Connection connect() = 0;  // throws Error{dial}
};

struct DialOptions {
  std::chrono::milliseconds timeout{5000};  // 0: none
};

// The unix socket of a daemon.
class UnixTransport : public Transport {
 public:
  explicit UnixTransport(std::string path, DialOptions options = {});
  Connection connect() override;

 private:
  std::string path_;
  DialOptions options_;
};

// A private daemon: runs the command (`kukeond stdio …`) and speaks over its stdin and stdout,
// which are one socket. Its stderr is ours.
class ChildTransport : public Transport {
 public:
  explicit ChildTransport(Command command) : command_{std::move(command)} {}
  Connection connect() override;

 private:
  Command command_;
};

// `unix://<path>`, taken as it stands. Throws unsupported_scheme for anything else (wire.md §11).
std::unique_ptr<Transport> dial(std::string_view address, DialOptions options = {});

}  // namespace kukeon::client
