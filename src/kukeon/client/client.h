// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "kukeon/api/method.h"
#include "kukeon/client/transport.h"
#include "kukeon/reflect/decode.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/tree.h"

namespace kukeon::client {

// Calls a daemon:
//
//   Client client{dial("unix:///run/kukeon/kukeond.sock")};
//   const auto result = client.call<api::StopCell>({.doc = cell});
//
// It connects on the first call and keeps the connection. Threads may share a client: one call runs
// at a time, others wait for it (a reader thread would double the start-up time of `kuke`). Threads
// that want calls side by side take a client each. After a broken connection the next call connects
// anew.
class Client {
 public:
  static constexpr std::chrono::milliseconds no_timeout{0};

  explicit Client(std::unique_ptr<Transport> transport) : transport_{std::move(transport)} {}

  // Throws what the daemon answered (is(kinds::realm_not_found) …), dial when it cannot be reached,
  // rpc when it refused the request or hung up, deadline_exceeded at the timeout. At a timeout the
  // connection is given up; the daemon goes on with the call.
  template <api::Method M>
  api::Answer<M> call(const typename M::Request& request = {},
                      std::chrono::milliseconds timeout = no_timeout) {
    typename M::Reply reply;
    exchange(M::name, reflect::to_json(request), timeout, [&](const reflect::Tree& result) {
      reply = reflect::from_tree<typename M::Reply>(result, reflect::Syntax::json);
    });
    if (reply.err) throw api::from_wire(*reply.err);
    return std::move(reply).take();
  }

  // Hangs up; the next call connects anew.
  void close();

 private:
  void exchange(std::string_view method, std::string param, std::chrono::milliseconds timeout,
                const std::function<void(const reflect::Tree& result)>& decode);
  void connect();

  std::mutex mutex_;  // of all below
  std::unique_ptr<Transport> transport_;
  Connection connection_;
  std::uint64_t next_id_ = 0;  // per connection
};

}  // namespace kukeon::client
