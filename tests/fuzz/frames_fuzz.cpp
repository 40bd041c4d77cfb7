// SPDX-License-Identifier: Apache-2.0
// A client's bytes to requests: splitting the stream, the envelope, a document inside.
#include <cstdint>
#include <string>
#include <string_view>

#include "kukeon/api/cell_methods.h"
#include "kukeon/api/frames.h"
#include "kukeon/base/error.h"
#include "kukeon/reflect/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kukeon;
  reflect::JsonSplitter splitter{1 << 20};
  splitter.append({reinterpret_cast<const char*>(data), size});
  try {
    for (std::string value; splitter.next(value);) {
      const api::RequestFrame frame = api::decode_request(value);
      reflect::from_tree<api::CreateCell::Request>(api::only_param(frame), reflect::Syntax::json);
    }
  } catch (const Error&) {
    return 0;
  }
  return 0;
}
