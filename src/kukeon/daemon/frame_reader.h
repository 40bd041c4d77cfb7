// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "kukeon/reflect/json.h"

namespace kukeon::daemon {

// Cuts what a client sends into requests and refuses those that are too long. A request may be as
// long as `image_limit` when its beginning names LoadImage, else `limit` (to within one chunk).
class FrameReader {
 public:
  FrameReader(std::size_t limit, std::size_t image_limit) : limit_{limit}, splitter_{image_limit} {}

  void append(std::string_view chunk);
  // The client has shut its side: a number or null at the very end is complete now.
  void end() { splitter_.append("\n"); }
  // Moves the next request out, if there is one. Throws Error when the stream cannot go on.
  bool next(std::string& frame);

 private:
  std::size_t limit_;
  reflect::JsonSplitter splitter_;
  std::string last_chunk_;
  std::string head_;        // the chunk in which the unfinished request began
  std::size_t length_ = 0;  // of the unfinished request, counted from the start of head_
  bool new_request_ = true;
};

}  // namespace kukeon::daemon
