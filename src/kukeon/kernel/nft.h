// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kukeon::kernel {

// libnftables in process, in the network namespace of the thread that made the object. For any
// number of threads: one call at a time.
class Nft {
 public:
  Nft();
  Nft(Nft&&) noexcept;
  ~Nft();

  // Commands or a ruleset, as one transaction: all of it, or nothing and an Error with nft's words.
  void run(const std::string& ruleset);

  // The output of a `list …` command. nullopt when what it names does not exist.
  enum class Format { text, json };
  std::optional<std::string> list(const std::string& command, Format format = Format::text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kukeon::kernel
