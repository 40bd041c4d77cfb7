// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kukeon/reflect/tree.h"
#include "kukeon/reflect/values.h"

// The envelopes around calls: JSON-RPC 1.0 as Go's net/rpc/jsonrpc writes and reads it (wire.md
// §2). Every frame we write is one line.
namespace kukeon::api {

// ---- what a server reads and writes

struct RequestFrame {
  reflect::JsonText id;  // any JSON value, sent back as it came; empty: none, answered as null
  std::string method;    // `KukeonV1.Ping`, not yet judged
  reflect::Tree params;  // null where missing
};

// Throws decode_failed for what costs the peer its connection: bad JSON, neither an object nor
// null, a method that is no string. Everything else is answered.
RequestFrame decode_request(std::string_view text);

// The one element of `params` (a null tree where it is missing). Throws Error{rpc} with the text
// for the `error` member.
const reflect::Tree& only_param(const RequestFrame& request);

std::string encode_result(const reflect::JsonText& id, std::string_view result_json);
std::string encode_error(const reflect::JsonText& id, std::string_view error);

// ---- what a client writes and reads

std::string encode_request(std::string_view method, std::string_view param_json, std::uint64_t id);

struct ResponseFrame {
  std::uint64_t id = 0;
  reflect::Tree result;
  std::string error;  // not empty: the call failed, `result` means nothing
};

// Throws decode_failed for what makes the connection useless: bad JSON, an id that is no number, an
// error that is no string, neither result nor error (wire.md §2.2).
ResponseFrame decode_response(std::string_view text);

}  // namespace kukeon::api
