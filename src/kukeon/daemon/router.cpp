// SPDX-License-Identifier: Apache-2.0
#include "kukeon/daemon/router.h"

#include <exception>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"

namespace kukeon::daemon {

void Router::add(std::string_view name, Entry entry) {
  methods_.insert_or_assign(std::string{name}, std::move(entry));
}

const Router::Entry& Router::find(std::string_view method) const {
  const auto dot = method.rfind('.');
  if (dot == std::string_view::npos) {
    throw Error{kinds::rpc, fmt::format("rpc: service/method request ill-formed: {}", method)};
  }
  if (method.substr(0, dot) != api::service) {
    throw Error{kinds::rpc, fmt::format("rpc: can't find service {}", method)};
  }
  const auto found = methods_.find(method.substr(dot + 1));
  if (found == methods_.end()) {
    throw Error{kinds::rpc, fmt::format("rpc: can't find method {}", method)};
  }
  return found->second;
}

bool Router::is_read(std::string_view method) const {
  const auto dot = method.rfind('.');
  if (dot == std::string_view::npos) return true;
  const auto found = methods_.find(method.substr(dot + 1));
  return found == methods_.end() || found->second.read;
}

void Router::dispatch(const api::RequestFrame& request, const Respond& respond,
                      const std::stop_token& given_up, const std::stop_token& gone) const noexcept {
  std::string response;
  try {
    const Entry& entry = find(request.method);
    if (entry.waiting_call) {
      const auto reply = [id = request.id, respond](const std::string& text) {
        respond(api::encode_result(id, text));
      };
      return entry.waiting_call(api::only_param(request), reply, given_up);
    }
    response = api::encode_result(request.id, entry.call(api::only_param(request), gone));
  } catch (...) {
    const std::string text = current_exception_text();
    log::debug("request refused", {{"method", request.method}, {"error", text}});
    response = api::encode_error(request.id, text.empty() ? "unspecified error" : text);
  }
  respond(std::move(response));
}

std::optional<api::WireError> Router::run(std::string_view method, bool read,
                                          const std::function<void()>& body) const {
  try {
    if (!read && !refusal_.empty()) throw Error{kinds::failed_precondition, refusal_};
    body();
    return std::nullopt;
  } catch (const Error& error) {
    log::info("call failed", {{"method", method}, {"error", error.what()}});
    return api::to_wire(error);
  } catch (...) {
    // Anything else is a bug of ours; the daemon must outlive it.
    const std::string text = current_exception_text();
    log::error("call threw", {{"method", method}, {"error", text}});
    return api::WireError{std::string{kinds::unknown.word}, text, {}};
  }
}

}  // namespace kukeon::daemon
