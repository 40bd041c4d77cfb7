// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <signal.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>

#include "kukeon/base/error.h"
#include "kukeon/base/files.h"
#include "kukeon/base/log.h"
#include "kukeon/daemon/frame_reader.h"
#include "kukeon/daemon/server.h"
#include "kukeon/daemon/worker_pool.h"

namespace kukeon::daemon {
namespace {

// A write to a peer that is gone must be an error here, whatever the program does with SIGPIPE.
// Threads started within the scope inherit it.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &set, &before_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

// Plain blocking calls: one connection needs no event loop, and regular files, which epoll refuses,
// work.
class Stream {
 public:
  Stream(const Router& router, int in, int out, const ServeLimits& limits)
      : router_{router},
        in_{in},
        out_{out},
        limits_{limits},
        frames_{limits.frame, limits.image_frame},
        workers_{limits.workers},
        readers_{limits.readers} {}

  void serve() {
    try {
      while (read_some()) take_requests();
      frames_.end();
      take_requests();
      watch_for_hang_up();
    } catch (const Error& error) {
      log::warn("connection given up", {{"error", error.what()}});
    }
    input_ended_.request_stop();
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return running_ == 0; });
  }

 private:
  bool read_some() {
    std::array<char, 65536> chunk;
    for (;;) {
      pollfd waiting{in_, POLLIN, 0};  // the descriptor may be one that does not block
      if (::poll(&waiting, 1, -1) < 0 && errno != EINTR) throw Error::from_errno("poll");
      const ssize_t n = ::read(in_, chunk.data(), chunk.size());
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n < 0) throw Error::from_errno("read requests");
      frames_.append({chunk.data(), static_cast<std::size_t>(n)});
      return n > 0;
    }
  }

  // After the last request. A peer that only shut its side waits for answers.
  void watch_for_hang_up() {
    pollfd state{out_, 0, 0};
    if (::poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR)) != 0) {
      gone_.request_stop();
    }
  }

  void take_requests() {
    for (std::string text; frames_.next(text);) {
      api::RequestFrame request = api::decode_request(text);
      {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [&] { return running_ < limits_.calls; });
        ++running_;
      }
      WorkerPool& pool = router_.is_read(request.method) ? readers_ : workers_;
      pool.post([this, request = std::move(request)] {
        router_.dispatch(
            request, [this](const std::string& response) { answer(response); },
            input_ended_.get_token(), gone_.get_token());
      });
    }
  }

  void answer(const std::string& response) {
    // A client that does not read holds the writers here, then the calls, then the reading of
    // requests.
    {
      const std::lock_guard lock{out_mutex_};
      try {
        if (!peer_gone_) write_all(out_, response, "answer");
      } catch (const Error& error) {
        peer_gone_ = true;
        log::info("client went away", {{"error", error.what()}});
      }
    }
    const std::lock_guard lock{mutex_};
    --running_;
    changed_.notify_all();
  }

  const Router& router_;
  int in_;
  int out_;
  ServeLimits limits_;
  FrameReader frames_;
  std::stop_source gone_;
  std::mutex out_mutex_;
  bool peer_gone_ = false;
  std::stop_source input_ended_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t running_ = 0;
  WorkerPool workers_;  // last: their tasks use all of the above
  WorkerPool readers_;
};

}  // namespace

void serve_stream(const Router& router, int in, int out, const ServeLimits& limits) {
  const NoSigpipe quiet;
  Stream{router, in, out, limits}.serve();
}

}  // namespace kukeon::daemon
