// SPDX-License-Identifier: Apache-2.0
#include "kukeon/api/frames.h"

#include <charconv>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "kukeon/api/method.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/reflect/json.h"

namespace kukeon::api {
namespace {

using reflect::Tree;

// As encoding/json fills a struct: the key exactly, else without case; of several the last counts.
bool is_key(std::string_view key, std::string_view name) {
  return key == name || equal_ignoring_ascii_case(key, name);
}

std::string_view go_name(Tree::Kind kind) {
  switch (kind) {
    case Tree::Kind::boolean:
      return "bool";
    case Tree::Kind::number:
      return "number";
    case Tree::Kind::string:
      return "string";
    case Tree::Kind::list:
      return "array";
    case Tree::Kind::map:
      return "object";
    case Tree::Kind::null:
      break;
  }
  return "null";
}

[[noreturn]] void refuse(std::string message) {
  throw Error{kinds::decode_failed, std::move(message)};
}

Tree parse_envelope(std::string_view text) {
  Tree frame = reflect::parse_json(text);
  if (frame.kind != Tree::Kind::map && frame.kind != Tree::Kind::null) {
    refuse(fmt::format("a frame must be an object, not {}", go_name(frame.kind)));
  }
  return frame;
}

}  // namespace

RequestFrame decode_request(std::string_view text) {
  Tree frame = parse_envelope(text);
  RequestFrame request;
  for (auto& [key, value] : frame.members) {
    if (is_key(key, "method")) {
      if (value.kind == Tree::Kind::null) continue;
      if (value.kind != Tree::Kind::string) refuse("method must be a string");
      request.method = std::move(value.text);
    } else if (is_key(key, "params")) {
      request.params = std::move(value);
    } else if (is_key(key, "id")) {
      request.id.text = value.kind == Tree::Kind::null ? std::string{} : reflect::to_json(value);
    }
  }
  return request;
}

const Tree& only_param(const RequestFrame& request) {
  static const Tree none;
  const Tree& params = request.params;
  if (params.kind == Tree::Kind::null) {
    throw Error{kinds::rpc, "jsonrpc: request body missing params"};
  }
  if (params.kind != Tree::Kind::list) {
    throw Error{kinds::rpc,
                fmt::format("json: cannot unmarshal {} into Go value of type [1]interface {{}}",
                            go_name(params.kind))};
  }
  return params.items.empty() ? none : params.items.front();
}

std::string encode_result(const reflect::JsonText& id, std::string_view result_json) {
  return fmt::format(FMT_STRING("{{\"id\":{},\"result\":{},\"error\":null}}\n"),
                     id.text.empty() ? "null" : std::string_view{id.text}, result_json);
}

std::string encode_error(const reflect::JsonText& id, std::string_view error) {
  return fmt::format(FMT_STRING("{{\"id\":{},\"result\":null,\"error\":{}}}\n"),
                     id.text.empty() ? "null" : std::string_view{id.text},
                     reflect::json_quote(error));
}

std::string encode_request(std::string_view method, std::string_view param_json, std::uint64_t id) {
  return fmt::format(FMT_STRING("{{\"method\":\"{}.{}\",\"params\":[{}],\"id\":{}}}\n"), service,
                     method, param_json, id);
}

ResponseFrame decode_response(std::string_view text) {
  Tree frame = parse_envelope(text);
  ResponseFrame response;
  Tree error;
  for (auto& [key, value] : frame.members) {
    if (is_key(key, "id")) {
      if (value.kind == Tree::Kind::null) continue;
      const char* end = value.text.data() + value.text.size();
      const auto [last, status] = std::from_chars(value.text.data(), end, response.id);
      if (value.kind != Tree::Kind::number || status != std::errc{} || last != end) {
        refuse(fmt::format("response id {} is not a number of ours", reflect::to_json(value)));
      }
    } else if (is_key(key, "result")) {
      response.result = std::move(value);
    } else if (is_key(key, "error")) {
      error = std::move(value);
    }
  }
  if (error.kind == Tree::Kind::string) {
    response.error = error.text.empty() ? "unspecified error" : std::move(error.text);
  } else if (error.kind != Tree::Kind::null) {
    refuse(fmt::format("invalid error {}", reflect::to_json(error)));
  } else if (response.result.kind == Tree::Kind::null) {
    refuse("invalid error <nil>");
  }
  return response;
}

}  // namespace kukeon::api
