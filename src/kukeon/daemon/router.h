// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "kukeon/api/error.h"
#include "kukeon/api/frames.h"
#include "kukeon/api/method.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/reflect/decode.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/tree.h"

namespace kukeon::daemon {

// Takes the response of a call as it goes on the wire; called once, from any thread.
using Respond = std::function<void(std::string response)>;

// What a call that waits for something keeps instead of a thread: the way to its client. Whoever
// lets go of it unanswered has answered with an error.
template <api::Method M>
class Later {
 public:
  Later() = default;
  Later(Respond reply, std::stop_token given_up)
      : reply_{std::move(reply)}, given_up_{std::move(given_up)} {}
  Later(Later&& other) noexcept
      : reply_{std::exchange(other.reply_, nullptr)}, given_up_{std::move(other.given_up_)} {}
  Later& operator=(Later&& other) noexcept {
    reply_.swap(other.reply_);
    std::swap(given_up_, other.given_up_);
    return *this;
  }
  ~Later() { fail({std::string{kinds::unavailable.word}, "the call was given up", {}}); }

  void answer(api::Answer<M> answer) { send(M::Reply::of(std::move(answer))); }
  void fail(api::WireError why) {
    typename M::Reply reply;
    reply.err = std::move(why);
    send(reply);
  }

  // Requested when the client hangs up or the daemon stops: answer now, with whatever there is.
  const std::stop_token& given_up() const { return given_up_; }

 private:
  void send(const typename M::Reply& reply) {
    if (const Respond respond = std::exchange(reply_, nullptr)) respond(reflect::to_json(reply));
  }

  Respond reply_;  // empty: answered, or moved from
  std::stop_token given_up_;
};

// Finds the handler of a call and turns requests into responses:
//
//   router.on<api::StopCell>([&](const api::StopCell::Request& request) {
//     return api::StopCell::Result{.doc = engine.stop(request.doc), .done = true};
//   });
//
// A handler returns api::Answer<M> and throws Error; it runs on a worker thread, beside others. One
// that takes a std::stop_token beside the request is told when the client is gone: what it has not
// begun it need not begin.
// Fill the router before the server starts; from then on it is only read.
class Router {
 public:
  template <api::Method M, class Handler>
  void on(Handler handler);

  // For a call that waits: the handler gets `(const Request&, Later<M>&)`, answers or moves the
  // Later away, or throws.
  template <api::Method M, class Handler>
  void on_waiting(Handler handler);

  // From now on calls that are no reads fail with this text.
  void refuse_writes(std::string why) { refusal_ = std::move(why); }

  // Runs the call; its response goes to `respond`, now or later. Never throws: a failure of the
  // handler is in `Err`, everything before it in `error` (wire.md §4). `given_up` hastens a call
  // that waits; `gone` is what other handlers may ask.
  void dispatch(const api::RequestFrame& request, const Respond& respond,
                const std::stop_token& given_up, const std::stop_token& gone = {}) const noexcept;

  // Whether the call is one that must not wait behind long operations (api::is_read).
  bool is_read(std::string_view method) const;

 private:
  // Gives the reply as JSON.
  using Call = std::function<std::string(const reflect::Tree& param, const std::stop_token& gone)>;
  using WaitingCall =
      std::function<void(const reflect::Tree& param, Respond reply, const std::stop_token&)>;
  struct Entry {
    Call call;
    WaitingCall waiting_call;  // one of the two
    bool read = false;
  };

  void add(std::string_view name, Entry entry);
  const Entry& find(std::string_view method) const;
  // What the body threw, for the reply.
  std::optional<api::WireError> run(std::string_view method, bool read,
                                    const std::function<void()>& body) const;

  std::map<std::string, Entry, std::less<>> methods_;
  std::string refusal_;  // empty: everything is answered
};

template <api::Method M, class Handler>
void Router::on(Handler handler) {
  Call call = [this, handler = std::move(handler)](const reflect::Tree& param,
                                                   const std::stop_token& gone) -> std::string {
    const auto request = reflect::from_tree<typename M::Request>(param, reflect::Syntax::json);
    typename M::Reply reply;
    if (auto failure = run(M::name, api::is_read<M>, [&] {
          if constexpr (std::is_invocable_v<Handler, const typename M::Request&,
                                            const std::stop_token&>) {
            reply = M::Reply::of(handler(request, gone));
          } else {
            reply = M::Reply::of(handler(request));
          }
        })) {
      reply = {};
      reply.err = std::move(failure);
    }
    return reflect::to_json(reply);
  };
  add(M::name, {std::move(call), {}, api::is_read<M>});
}

template <api::Method M, class Handler>
void Router::on_waiting(Handler handler) {
  WaitingCall call = [this, handler = std::move(handler)](const reflect::Tree& param, Respond reply,
                                                          const std::stop_token& given_up) {
    const auto request = reflect::from_tree<typename M::Request>(param, reflect::Syntax::json);
    Later<M> later{std::move(reply), given_up};
    if (auto failure = run(M::name, api::is_read<M>, [&] { handler(request, later); })) {
      later.fail(std::move(*failure));
    }
  };
  add(M::name, {{}, std::move(call), api::is_read<M>});
}

}  // namespace kukeon::daemon
