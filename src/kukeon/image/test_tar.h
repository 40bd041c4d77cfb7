// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include <fmt/format.h>

// Tars for tests, byte by byte, so that they can be as wrong as a test wants them.
namespace kukeon::image {

class TestTar {
 public:
  TestTar& file(std::string_view path, std::string_view bytes) {
    header(path, '0', bytes.size(), "");
    text_ += bytes;
    text_.resize((text_.size() + 511) / 512 * 512, '\0');
    return *this;
  }
  TestTar& directory(std::string_view path) { return header(path, '5', 0, ""); }
  TestTar& symlink(std::string_view path, std::string_view to) { return header(path, '2', 0, to); }
  TestTar& hardlink(std::string_view path, std::string_view to) { return header(path, '1', 0, to); }
  TestTar& fifo(std::string_view path) { return header(path, '6', 0, ""); }
  TestTar& device(std::string_view path, unsigned major, unsigned minor) {
    return header(path, '3', 0, "", major, minor);
  }
  // A header that promises more than follows.
  TestTar& promise(std::string_view path, std::size_t size) { return header(path, '0', size, ""); }

  // With the two empty blocks that end a tar.
  std::string bytes() const { return text_ + std::string(1024, '\0'); }
  std::string unfinished() const { return text_; }

 private:
  TestTar& header(std::string_view path, char type, std::size_t size, std::string_view link,
                  unsigned major = 0, unsigned minor = 0) {
    std::string block(512, '\0');
    const auto put = [&](std::size_t at, std::string_view value) {
      std::memcpy(block.data() + at, value.data(), value.size());
    };
    put(0, path.substr(0, 100));
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, fmt::format("{:011o}", size));
    put(136, "00000000000");
    block[156] = type;
    put(157, link.substr(0, 100));
    put(257, std::string_view{"ustar\00000", 8});
    if (type == '3') {
      put(329, fmt::format("{:07o}", major));
      put(337, fmt::format("{:07o}", minor));
    }
    unsigned sum = 8 * ' ';
    for (const char c : block) sum += static_cast<unsigned char>(c);
    put(148, fmt::format("{:06o}", sum));
    block[155] = ' ';
    text_ += block;
    return *this;
  }

  std::string text_;
};

}  // namespace kukeon::image
