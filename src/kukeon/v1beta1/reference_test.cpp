// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string_view>

#include "kukeon/base/files.h"
#include "kukeon/v1beta1/document_kinds.h"

// docs/reference is what reference_pages() says, byte for byte. KUKEON_ACCEPT=1 in the environment
// writes the pages instead: review them like code.
namespace kukeon::v1beta1 {
namespace {

const fs::path folder{KUKEON_TEST_SOURCE_DIR "/docs/reference"};

bool accepts() {
  const char* const word = std::getenv("KUKEON_ACCEPT");
  return word != nullptr && std::string_view{word} == "1";
}

TEST(ReferencePages, AreThoseInTheRepository) {
  if (accepts()) fs::create_directories(folder);
  std::set<std::string> names;
  for (const auto& [name, text] : reference_pages()) {
    names.insert(name);
    if (accepts()) write_file_in_place(folder / name, text);
    EXPECT_EQ(read_file_if_exists(folder / name).value_or("(no such page)"), text)
        << name << " is not what the field tables say; KUKEON_ACCEPT=1 writes it";
  }
  for (const auto& entry : fs::directory_iterator{folder}) {
    if (names.contains(entry.path().filename())) continue;
    if (accepts()) {
      fs::remove(entry.path());
    } else {
      ADD_FAILURE() << entry.path() << " is the page of no kind; KUKEON_ACCEPT=1 removes it";
    }
  }
}

// The rules of tests/lint/text.sh for what a person reads.
TEST(ReferencePages, HaveNoLineThatIsTooLong) {
  for (const auto& [name, text] : reference_pages()) {
    std::size_t start = 0;
    while (start < text.size()) {
      const std::size_t end = std::min(text.find('\n', start), text.size());
      const std::string_view line = std::string_view{text}.substr(start, end - start);
      EXPECT_TRUE(line.size() <= 120 || line.starts_with('|')) << name << ": " << line;
      EXPECT_FALSE(line.ends_with(' ')) << name << ": " << line;
      start = end + 1;
    }
    EXPECT_TRUE(text.ends_with('\n')) << name;
  }
}

}  // namespace
}  // namespace kukeon::v1beta1
