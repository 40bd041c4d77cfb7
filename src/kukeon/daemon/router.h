// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "kukeon/api/error.h"
#include "kukeon/api/frames.h"
#include "kukeon/api/method.h"
#include "kukeon/reflect/decode.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/tree.h"

namespace kukeon::daemon {

// Finds the handler of a call and turns requests into responses:
//
//   router.on<api::StopCell>([&](const api::StopCell::Request& request) {
//     return api::StopCell::Result{.doc = engine.stop(request.doc), .done = true};
//   });
//
// A handler returns api::Answer<M> and throws Error; it runs on a worker thread, beside others.
// Fill the router before the server starts; from then on it is only read.
class Router {
 public:
  template <api::Method M, class Handler>
  void on(Handler handler);

  // From now on calls that are no reads fail with this text.
  void refuse_writes(std::string why) { refusal_ = std::move(why); }

  // The response, as it goes on the wire. Never throws: a failure of the handler is in `Err`,
  // everything before it in `error` (wire.md §4).
  std::string dispatch(const api::RequestFrame& request) const noexcept;

  // Whether the call is one that must not wait behind long operations (api::is_read).
  bool is_read(std::string_view method) const;

 private:
  using Call = std::function<std::string(const reflect::Tree& param)>;  // gives the reply as JSON
  struct Entry {
    Call call;
    bool read = false;
  };

  void add(std::string_view name, bool read, Call call);
  const Entry& find(std::string_view method) const;
  // What the body threw, for the reply.
  std::optional<api::WireError> run(std::string_view method, bool read,
                                    const std::function<void()>& body) const;

  std::map<std::string, Entry, std::less<>> methods_;
  std::string refusal_;  // empty: everything is answered
};

template <api::Method M, class Handler>
void Router::on(Handler handler) {
  add(M::name, api::is_read<M>,
      [this, handler = std::move(handler)](const reflect::Tree& param) -> std::string {
        const auto request = reflect::from_tree<typename M::Request>(param, reflect::Syntax::json);
        typename M::Reply reply;
        if (auto failure =
                run(M::name, api::is_read<M>, [&] { reply = M::Reply::of(handler(request)); })) {
          reply = {};
          reply.err = std::move(failure);
        }
        return reflect::to_json(reply);
      });
}

}  // namespace kukeon::daemon
