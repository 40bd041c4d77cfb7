// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/output/table.h"

#include <algorithm>

namespace kukeon::cli {
namespace {

const std::string& shown(const std::string& cell) {
  static const std::string nothing{"-"};
  return cell.empty() ? nothing : cell;
}

// Code points, which is what a terminal's columns are for the names we print.
std::size_t width_of(const std::string& cell) {
  return static_cast<std::size_t>(std::ranges::count_if(
      cell, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void add_line(std::string& text, const std::vector<std::string>& cells,
              const std::vector<std::size_t>& widths) {
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (i > 0) text += "  ";
    const std::string& cell = shown(cells[i]);
    text += cell;
    text.append(widths[i] - width_of(cell), ' ');
  }
  text += '\n';
}

}  // namespace

std::string Table::text() const {
  std::vector<std::size_t> widths;
  std::vector<std::string> dashes;
  for (std::size_t i = 0; i < header_.size(); ++i) {
    std::size_t width = width_of(header_[i]);
    for (const auto& row : rows_) width = std::max(width, width_of(shown(row[i])));
    widths.push_back(width);
    dashes.emplace_back(width, '-');
  }
  std::string text;
  add_line(text, header_, widths);
  add_line(text, dashes, widths);
  for (const auto& row : rows_) add_line(text, row, widths);
  return text;
}

}  // namespace kukeon::cli
