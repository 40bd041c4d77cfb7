// SPDX-License-Identifier: Apache-2.0
#include "kukeon/client/client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <string>

#include <fmt/format.h>

#include "kukeon/api/frames.h"
#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"

namespace kukeon::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t largest_response = std::size_t{1} << 30;

class Deadline {
 public:
  explicit Deadline(milliseconds timeout)
      : at_{steady_clock::now() + timeout}, none_{timeout.count() <= 0} {}

  // For poll(2): -1 is for ever.
  int left() const {
    if (none_) return -1;
    const auto left = std::chrono::ceil<milliseconds>(at_ - steady_clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, 1 << 30));
  }

 private:
  steady_clock::time_point at_;
  bool none_;
};

void wait_for(const Fd& socket, short events, const Deadline& deadline) {
  pollfd waiting{socket.get(), events, 0};
  for (;;) {
    const int ready = ::poll(&waiting, 1, deadline.left());
    if (ready > 0) return;
    if (ready == 0) throw Error{kinds::deadline_exceeded, "context deadline exceeded"};
    if (errno != EINTR) throw Error::from_errno("poll");
  }
}

[[noreturn]] void peer_gone(Connection& connection) {
  throw Error{kinds::rpc, "unexpected EOF" + connection.obituary()};
}

bool is_hang_up(int err) { return err == EPIPE || err == ECONNRESET; }

void send_frame(Connection& connection, std::string_view frame, const Deadline& deadline) {
  while (!frame.empty()) {
    const ssize_t n =
        ::send(connection.socket().get(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      frame.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      wait_for(connection.socket(), POLLOUT, deadline);
    } else if (is_hang_up(errno)) {
      peer_gone(connection);
    } else if (errno != EINTR) {
      throw Error::from_errno("write to kukeond");
    }
  }
}

void receive_some(Connection& connection, reflect::JsonSplitter& splitter,
                  const Deadline& deadline) {
  std::array<char, 65536> chunk;
  for (;;) {
    wait_for(connection.socket(), POLLIN, deadline);
    const ssize_t n = ::recv(connection.socket().get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (n > 0) return splitter.append({chunk.data(), static_cast<std::size_t>(n)});
    if (n == 0 || is_hang_up(errno)) peer_gone(connection);
    if (errno != EINTR && errno != EAGAIN) throw Error::from_errno("read from kukeond");
  }
}

// What a call waits for: the response with its id. Others are dropped (wire.md §2.2).
api::ResponseFrame receive_response(Connection& connection, std::uint64_t id,
                                    const Deadline& deadline) {
  reflect::JsonSplitter splitter{largest_response};
  std::string text;
  for (;;) {
    while (splitter.next(text)) {
      api::ResponseFrame response = api::decode_response(text);
      if (response.id == id) return response;
    }
    receive_some(connection, splitter, deadline);
  }
}

}  // namespace

void Client::close() {
  const std::lock_guard lock{mutex_};
  connection_.close();
}

void Client::connect() {
  if (connection_) {
    // Between calls nothing is due: what can be read is the end of a daemon that was restarted.
    pollfd state{connection_.socket().get(), POLLIN | POLLRDHUP, 0};
    if (::poll(&state, 1, 0) == 0) return;
    connection_.close();
  }
  connection_ = transport_->connect();
  next_id_ = 0;
}

void Client::exchange(std::string_view method, std::string param, milliseconds timeout,
                      const std::function<void(const reflect::Tree& result)>& decode) {
  const std::lock_guard lock{mutex_};
  connect();
  const Deadline deadline{timeout};
  const std::uint64_t id = next_id_++;
  api::ResponseFrame response;
  try {
    send_frame(connection_, api::encode_request(method, param, id), deadline);
    param = {};
    response = receive_response(connection_, id, deadline);
  } catch (const Error& error) {
    connection_.close();
    if (error.is(kinds::decode_failed)) throw Error{kinds::rpc, error.what()};
    throw;
  }
  if (!response.error.empty()) throw Error{kinds::rpc, response.error};
  try {
    decode(response.result);
  } catch (const Error& error) {
    connection_.close();
    throw Error{kinds::rpc, fmt::format("reading body {}", error.what())};
  }
}

}  // namespace kukeon::client
