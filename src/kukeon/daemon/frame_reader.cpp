// SPDX-License-Identifier: Apache-2.0
#include "kukeon/daemon/frame_reader.h"

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"

namespace kukeon::daemon {

void FrameReader::append(std::string_view chunk) {
  splitter_.append(chunk);
  last_chunk_ = chunk;
  length_ += chunk.size();
}

bool FrameReader::next(std::string& frame) {
  constexpr std::string_view image_method = "KukeonV1.LoadImage\"";
  if (splitter_.next(frame)) {
    new_request_ = true;
    return true;
  }
  if (!splitter_.in_value()) {
    // An idle connection holds no buffers.
    last_chunk_ = {};
    head_ = {};
    length_ = 0;
    new_request_ = true;
    return false;
  }
  if (new_request_) {
    head_.swap(last_chunk_);
    length_ = head_.size();
    new_request_ = false;
  }
  if (length_ > limit_ && head_.find(image_method) == std::string::npos) {
    throw Error{kinds::invalid_argument, fmt::format("a request is longer than {} bytes", limit_)};
  }
  return false;
}

}  // namespace kukeon::daemon
