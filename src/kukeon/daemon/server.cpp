// SPDX-License-Identifier: Apache-2.0
#include "kukeon/daemon/server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <stop_token>
#include <string_view>
#include <thread>
#include <utility>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "kukeon/base/error.h"
#include "kukeon/base/fd.h"
#include "kukeon/base/log.h"
#include "kukeon/daemon/frame_reader.h"
#include "kukeon/daemon/listen_socket.h"
#include "kukeon/daemon/worker_pool.h"

namespace kukeon::daemon {
namespace {

using std::chrono::milliseconds;
using Descriptor = asio::posix::stream_descriptor;

// Out of descriptors or memory, accept() fails at once and for a while: a level-triggered loop
// would spin.
constexpr milliseconds accept_pause{200};
constexpr int accepts_a_turn = 64;
// Longer requests are parsed by a worker, so that the socket thread stays free for the other
// clients.
constexpr std::size_t parse_inline = std::size_t{64} << 10;

bool would_block(int err) { return err == EAGAIN || err == EWOULDBLOCK; }

}  // namespace

class Server::Impl {
 public:
  Impl(const Router& router, ServerOptions options)
      : router_{router},
        options_{std::move(options)},
        socket_{options_.socket, options_.pid_file, options_.socket_gid},
        acceptor_{loop_},
        accept_timer_{loop_},
        workers_{options_.limits.workers},
        readers_{options_.limits.readers} {
    // A descriptor of its own: asio closes what it is given, and ListenSocket removes by the fd it
    // has.
    const int copy = ::fcntl(socket_.fd().get(), F_DUPFD_CLOEXEC, 3);
    if (copy < 0) throw Error::from_errno("duplicate a descriptor");
    acceptor_.assign(copy);
    wait_for_client();
    loop_thread_ = std::jthread{[this] { run_loop(); }};
  }

  ~Impl() {
    stop(milliseconds{0});
    loop_thread_.join();
    // Calls that wait hold no thread whose end could be awaited.
    std::unique_lock lock{mutex_};
    calmer_.wait(lock, [&] { return connections_.dispatched == 0; });
  }

  bool stop(milliseconds grace);

 private:
  class Connection;
  struct Connections {
    std::set<std::shared_ptr<Connection>> open;
    int running = 0;     // calls, of closed connections too
    int dispatched = 0;  // of these, not dropped from a pool's queue
  };

  void run_loop();
  void wait_for_client();
  void accept_clients();
  void admit(Fd socket);
  WorkerPool& pool_for(std::string_view method) {
    return router_.is_read(method) ? readers_ : workers_;
  }
  void call_started();
  void call_dispatched();
  void call_ended();
  void answer_given();
  void forget(const std::shared_ptr<Connection>& connection);

  const Router& router_;
  const ServerOptions options_;
  ListenSocket socket_;
  asio::io_context loop_{1};
  asio::executor_work_guard<asio::io_context::executor_type> loop_goes_on_{loop_.get_executor()};
  Descriptor acceptor_;
  asio::steady_timer accept_timer_;
  std::array<char, 65536> chunk_;  // what is being read; the socket thread's
  std::mutex stop_mutex_;          // one stop() at a time
  std::mutex mutex_;               // of the next two
  Connections connections_;
  bool stopping_ = false;
  std::condition_variable calmer_;  // a connection or call ended
  std::jthread loop_thread_;
  WorkerPool workers_;  // last: their tasks use all of the above
  WorkerPool readers_;
};

// One client. The socket thread reads and opens and closes; workers write the answers they made.
// What both touch is under the mutex.
class Server::Impl::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Impl& server, Fd socket)
      : server_{server},
        limits_{server.options_.limits},
        socket_{server.loop_},
        frames_{limits_.frame, limits_.image_frame} {
    socket_.assign(socket.get());
    (void)socket.release();
  }

  // Below, until said otherwise: of the socket thread.

  // Takes requests while the limits allow, then waits for what the connection needs next, or ends
  // it.
  void go_on() {
    take_requests();
    const std::lock_guard lock{mutex_};
    if (closed_) return;
    if (peer_gone_ || (last_request_taken_ && running_ == 0 && unsent_.empty())) return close();
    if (!unsent_.empty() && !waits_to_write_) {
      waits_to_write_ = true;
      socket_.async_wait(Descriptor::wait_write,
                         [self = shared_from_this()](std::error_code) { self->writable(); });
    }
    if (!no_more_input_ && !held_ && !waits_to_read_) {
      waits_to_read_ = true;
      socket_.async_wait(Descriptor::wait_read,
                         [self = shared_from_this()](std::error_code) { self->readable(); });
    }
  }

  // Notices a client that is gone while its calls run. The end of its requests is no sign of that:
  // it may have shut its side and wait for answers.
  void watch_for_hang_up() {
    socket_.async_wait(Descriptor::wait_error, [self = shared_from_this()](std::error_code error) {
      {
        const std::lock_guard lock{self->mutex_};
        if (error || self->closed_) return;
        pollfd state{self->socket_.native_handle(), 0, 0};
        if (::poll(&state, 1, 0) <= 0 || (state.revents & (POLLHUP | POLLERR)) == 0) {
          return self->watch_for_hang_up();
        }
      }
      self->gone_.request_stop();
      self->given_up_.request_stop();
    });
  }

  // Of what has been read, nothing more is taken; what runs is answered.
  void take_no_more() {
    {
      const std::lock_guard lock{mutex_};
      no_more_input_ = last_request_taken_ = true;
    }
    given_up_.request_stop();
    go_on();
  }

  void drop() {
    const std::lock_guard lock{mutex_};
    if (!closed_) close();
  }

 private:
  void readable() {
    {
      const std::lock_guard lock{mutex_};
      waits_to_read_ = false;
      if (closed_ || no_more_input_) return;
    }
    auto& chunk = server_.chunk_;
    const ssize_t n = ::recv(socket_.native_handle(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (n > 0) {
      frames_.append({chunk.data(), static_cast<std::size_t>(n)});
    } else if (n == 0) {
      frames_.end();
      // Shut on one side it still reads our answers (wire.md §2.1). Closed it does not, and what it
      // asked for is done all the same; but nothing needs to be waited for.
      pollfd state{socket_.native_handle(), 0, 0};
      if (::poll(&state, 1, 0) > 0 && (state.revents & POLLHUP) != 0) given_up_.request_stop();
      const std::lock_guard lock{mutex_};
      no_more_input_ = true;
    } else if (!would_block(errno) && errno != EINTR) {
      const std::lock_guard lock{mutex_};
      peer_gone_ = true;
    }
    go_on();
  }

  void writable() {
    {
      const std::lock_guard lock{mutex_};
      waits_to_write_ = false;
      if (!closed_) send_unsent();
    }
    go_on();
  }

  // Whether one more request may be taken now; if not, the next call that ends wakes go_on().
  bool may_take() {
    const std::lock_guard lock{mutex_};
    if (closed_ || peer_gone_ || last_request_taken_) return false;
    held_ = parsing_ || running_ >= limits_.calls || unsent_bytes_ > limits_.unsent;
    return !held_;
  }

  void take_requests() {
    try {
      std::string text;
      while (may_take()) {
        if (!frames_.next(text)) {
          const std::lock_guard lock{mutex_};
          last_request_taken_ = no_more_input_;
          return;
        }
        take(std::move(text));
      }
    } catch (const Error& error) {
      give_up(error);
    }
  }

  // Throws decode_failed.
  void take(std::string text) {
    if (text.size() <= parse_inline) {
      api::RequestFrame request = api::decode_request(text);
      begin_call();
      WorkerPool& pool = server_.pool_for(request.method);
      pool.post(
          [self = shared_from_this(), request = std::move(request)] { self->answer(request); });
      return;
    }
    begin_call();
    {
      // Requests behind this one wait: should it be bad, they are not served (wire.md §2.1).
      const std::lock_guard lock{mutex_};
      parsing_ = true;
    }
    server_.workers_.post(
        [self = shared_from_this(), text = std::move(text)]() mutable { self->parse(text); });
  }

  void begin_call() {
    server_.call_started();
    const std::lock_guard lock{mutex_};
    ++running_;
  }

  // Bad input: no answer to it, and the connection ends when the calls before it have theirs.
  void give_up(const Error& error) {
    log::warn("connection given up", {{"error", error.what()}});
    const std::lock_guard lock{mutex_};
    no_more_input_ = last_request_taken_ = true;
  }

  // With the mutex held.
  void close() {
    closed_ = true;
    given_up_.request_stop();
    unsent_.clear();
    unsent_bytes_ = 0;
    std::error_code ignored;
    socket_.close(ignored);
    // The set's reference may be the last but one: go through the loop, out of our own locks.
    asio::post(server_.loop_, [self = shared_from_this()] { self->server_.forget(self); });
  }

  // Of any thread.

  void wake() {
    asio::post(server_.loop_, [self = shared_from_this()] { self->go_on(); });
  }

  void parse(std::string& text) {
    api::RequestFrame request;
    try {
      request = api::decode_request(text);
    } catch (const Error& error) {
      give_up(error);
      {
        const std::lock_guard lock{mutex_};
        parsing_ = false;
        --running_;
      }
      server_.call_ended();
      return wake();
    }
    text = {};
    {
      const std::lock_guard lock{mutex_};
      parsing_ = false;
    }
    wake();
    answer(request);
  }

  // The response may come later, from another thread, when this connection is long gone.
  void answer(const api::RequestFrame& request) {
    server_.call_dispatched();
    const auto respond = [&server = server_, weak = weak_from_this()](std::string response) {
      if (const auto self = weak.lock()) self->finish(std::move(response));
      server.answer_given();
    };
    server_.router_.dispatch(request, respond, given_up_.get_token(), gone_.get_token());
  }

  void finish(std::string response) {
    bool needs_loop = false;
    {
      const std::lock_guard lock{mutex_};
      --running_;
      if (!closed_ && !peer_gone_) {
        unsent_bytes_ += response.size();
        unsent_.push_back(std::move(response));
        if (!waits_to_write_) send_unsent();
      }
      needs_loop = held_ || no_more_input_ || peer_gone_ || !unsent_.empty();
    }
    if (needs_loop) wake();
  }

  // As much as the socket takes. With the mutex held.
  void send_unsent() {
    while (!unsent_.empty()) {
      const std::string_view left = std::string_view{unsent_.front()}.substr(sent_of_front_);
      const ssize_t n =
          ::send(socket_.native_handle(), left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        if (!would_block(errno)) peer_gone_ = true;
        return;
      }
      sent_of_front_ += static_cast<std::size_t>(n);
      unsent_bytes_ -= static_cast<std::size_t>(n);
      if (sent_of_front_ == unsent_.front().size()) {
        unsent_.pop_front();
        sent_of_front_ = 0;
      }
    }
  }

  Impl& server_;
  const ServeLimits& limits_;
  Descriptor socket_;
  FrameReader frames_;         // the socket thread's
  std::stop_source given_up_;  // nobody waits for answers any more, or should not

  std::stop_source gone_;  // the client has hung up

  std::mutex mutex_;
  std::deque<std::string> unsent_;
  std::size_t unsent_bytes_ = 0;
  std::size_t sent_of_front_ = 0;
  std::size_t running_ = 0;  // calls taken and not answered
  bool waits_to_read_ = false;
  bool waits_to_write_ = false;
  bool parsing_ = false;             // a long request, on a worker
  bool held_ = false;                // a limit is reached: no reading
  bool no_more_input_ = false;       // the client shut its side, or we take no more
  bool last_request_taken_ = false;  // and every request that came before that is taken
  bool peer_gone_ = false;
  bool closed_ = false;
};

void Server::Impl::run_loop() {
  for (;;) {
    try {
      loop_.run();
      return;
    } catch (...) {
      log::error("socket thread caught", {{"error", current_exception_text()}});
    }
  }
}

void Server::Impl::wait_for_client() {
  acceptor_.async_wait(Descriptor::wait_read, [this](std::error_code error) {
    if (!error) accept_clients();
  });
}

void Server::Impl::accept_clients() {
  for (int i = 0; i < accepts_a_turn; ++i) {
    // asio's own accept() leaves the descriptor open across exec.
    Fd client{::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (client) {
      admit(std::move(client));
    } else if (would_block(errno)) {
      break;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      log::warn("cannot accept a connection", {{"error", Error::from_errno("accept").what()},
                                               {"retry_ms", accept_pause.count()}});
      accept_timer_.expires_after(accept_pause);
      accept_timer_.async_wait([this](std::error_code error) {
        if (!error) wait_for_client();
      });
      return;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      log::warn("accept failed", {{"error", Error::from_errno("accept").what()}});
    }
  }
  wait_for_client();
}

void Server::Impl::admit(Fd socket) {
  try {
    const Peer peer = peer_of(socket.get());
    if (!may_connect(socket.get(), peer, options_.socket_gid)) {
      log::warn("connection refused", {{"uid", peer.uid}, {"gid", peer.gid}, {"pid", peer.pid}});
      return;
    }
    log::debug("connection", {{"uid", peer.uid}, {"pid", peer.pid}});
    const auto connection = std::make_shared<Connection>(*this, std::move(socket));
    {
      const std::lock_guard lock{mutex_};
      if (stopping_) return;
      connections_.open.insert(connection);
    }
    connection->watch_for_hang_up();
    connection->go_on();
  } catch (...) {
    log::warn("connection lost", {{"error", current_exception_text()}});
  }
}

void Server::Impl::call_started() {
  const std::lock_guard lock{mutex_};
  ++connections_.running;
}

void Server::Impl::call_ended() {
  const std::lock_guard lock{mutex_};
  --connections_.running;
  if (stopping_) calmer_.notify_all();
}

void Server::Impl::call_dispatched() {
  const std::lock_guard lock{mutex_};
  ++connections_.dispatched;
}

void Server::Impl::answer_given() {
  const std::lock_guard lock{mutex_};
  --connections_.running;
  --connections_.dispatched;
  if (stopping_) calmer_.notify_all();
}

void Server::Impl::forget(const std::shared_ptr<Connection>& connection) {
  const std::lock_guard lock{mutex_};
  connections_.open.erase(connection);
  if (stopping_) calmer_.notify_all();
}

bool Server::Impl::stop(milliseconds grace) {
  const std::lock_guard one_at_a_time{stop_mutex_};
  const auto deadline = std::chrono::steady_clock::now() + grace;
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  socket_.stop_listening();
  asio::post(loop_, [this] {
    std::error_code ignored;
    acceptor_.close(ignored);
    accept_timer_.cancel();
    std::set<std::shared_ptr<Connection>> open;
    {
      const std::lock_guard lock{mutex_};
      open = connections_.open;
    }
    for (const auto& connection : open) connection->take_no_more();
  });
  bool calls_done = false;
  {
    std::unique_lock lock{mutex_};
    calmer_.wait_until(lock, deadline,
                       [&] { return connections_.open.empty() && connections_.running == 0; });
    calls_done = connections_.running == 0;
  }
  socket_.remove();
  workers_.drop_waiting();
  readers_.drop_waiting();
  asio::post(loop_, [this] {
    std::set<std::shared_ptr<Connection>> open;
    {
      const std::lock_guard lock{mutex_};
      open.swap(connections_.open);
    }
    for (const auto& connection : open) connection->drop();
    loop_goes_on_.reset();
  });
  return calls_done;
}

Server::Server(const Router& router, ServerOptions options)
    : impl_{std::make_unique<Impl>(router, std::move(options))} {}
Server::~Server() = default;
bool Server::stop(milliseconds grace) { return impl_->stop(grace); }

}  // namespace kukeon::daemon
