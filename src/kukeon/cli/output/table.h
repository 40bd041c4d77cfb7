// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace kukeon::cli {

// A table as `get` prints it (cli.md 6): header, a line of dashes, rows; every column padded to its
// widest cell, two spaces between columns, `-` for an empty value.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_{std::move(header)} {}

  // As many cells as the header has.
  void add_row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string text() const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace kukeon::cli
