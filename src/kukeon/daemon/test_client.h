// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "kukeon/base/error.h"
#include "kukeon/base/fd.h"

namespace kukeon::daemon::testing {

// A client that says what a test wants said, byte by byte. Every wait ends after ten seconds.
class TestClient {
 public:
  explicit TestClient(const std::string& path)
      : socket_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    if (!socket_) throw Error::from_errno("socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
      throw Error::from_errno("connect");
    }
  }

  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (n < 0) throw Error::from_errno("send");
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  // Bytes that the socket took without waiting.
  std::size_t send_what_fits(std::string_view text) {
    std::size_t sent = 0;
    while (sent < text.size()) {
      const ssize_t n = ::send(socket_.get(), text.data() + sent, text.size() - sent,
                               MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0) break;
      sent += static_cast<std::size_t>(n);
    }
    return sent;
  }

  void shut_writing() { ::shutdown(socket_.get(), SHUT_WR); }

  // The next line without its newline; nothing at the end of the connection.
  std::optional<std::string> line() {
    for (std::size_t searched = 0;;) {
      if (const auto end = buffer_.find('\n', searched); end != std::string::npos) {
        std::string text = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return text;
      }
      searched = buffer_.size();
      if (!receive()) return std::nullopt;
    }
  }

  std::string ask(std::string_view text) {
    send(text);
    return line().value_or("<end>");
  }

  // Whether the server hangs up without another byte.
  bool ends() { return !line() && buffer_.empty(); }

  // Whether something comes within `time`.
  bool hears_within(std::chrono::milliseconds time) {
    pollfd waiting{socket_.get(), POLLIN, 0};
    return ::poll(&waiting, 1, static_cast<int>(time.count())) > 0;
  }

 private:
  bool receive() {
    pollfd waiting{socket_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 10000) <= 0) throw Error::from_errno("nothing came", ETIMEDOUT);
    std::array<char, 65536> chunk;
    const ssize_t n = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (n < 0 && errno != ECONNRESET) throw Error::from_errno("recv");
    if (n > 0) buffer_.append(chunk.data(), static_cast<std::size_t>(n));
    return n > 0;
  }

  Fd socket_;
  std::string buffer_;
};

}  // namespace kukeon::daemon::testing
