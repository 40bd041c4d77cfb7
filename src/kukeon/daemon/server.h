// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "kukeon/daemon/router.h"

namespace kukeon::daemon {

// How calls are run and what one connection may cost. The defaults suit a daemon whose calls block.
struct ServeLimits {
  int workers = 8;                            // threads for calls that change something
  int readers = 2;                            // threads for calls that only read (api::is_read)
  std::size_t frame = std::size_t{64} << 20;  // bytes of one request
  std::size_t image_frame = std::size_t{1} << 30;  // of one that starts with LoadImage's name
  std::size_t calls = 128;  // running or queued on one connection; further requests wait unread
  std::size_t unsent = std::size_t{4} << 20;  // bytes of answers a client has not read; then we
                                              // stop reading its requests
};

struct ServerOptions {
  std::string socket{};
  gid_t socket_gid = 0;    // > 0: the group may connect (mode 0660), else root alone (0600)
  std::string pid_file{};  // empty: kukeond.pid beside the socket
  ServeLimits limits{};
};

// Serves a router on a unix socket (wire.md §2.1, §10). Constructed, it is serving; the router must
// outlive it. One thread does all socket work, others run the calls; all are joined by the
// destructor.
class Server {
 public:
  // Replaces a stale socket, binds, writes the pid file. Throws failed_precondition when another
  // daemon answers at the socket, and os errors.
  Server(const Router& router, ServerOptions options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  // stop() without grace; waits for calls that still run

  // Takes no more connections or requests, lets running calls finish and their answers leave, then
  // drops the connections and removes socket and pid file. False: calls were still running at the
  // deadline, and the destructor would wait for them. Idempotent, from any thread but a handler's.
  bool stop(std::chrono::milliseconds grace);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Serves one connection on a pair of descriptors (`kukeond stdio`: 0 and 1), which stay open.
// Returns when the peer has closed its side and everything is answered, or when it is gone.
void serve_stream(const Router& router, int in, int out, const ServeLimits& limits = {});
inline void serve_stdio(const Router& router, const ServeLimits& limits = {}) {
  serve_stream(router, 0, 1, limits);
}

}  // namespace kukeon::daemon
