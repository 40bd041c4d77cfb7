// SPDX-License-Identifier: Apache-2.0
// YAML to documents, as `kuke apply` gives them to the daemon. What is accepted must be written and
// read back as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>
#include <vector>

#include "kukeon/base/error.h"
#include "kukeon/reflect/yaml.h"
#include "kukeon/v1beta1/cell_profile.h"
#include "kukeon/v1beta1/parse.h"

namespace {

using namespace kukeon;

std::vector<v1beta1::Document> parse(std::string_view text) {
  try {
    return v1beta1::parse_documents(text);
  } catch (const Error&) {
    return {};  // refused, as it should be
  }
}

void read_as_profile(std::string_view text) {
  const auto any = [](std::string_view) { return std::optional<std::string>{"7"}; };
  try {
    v1beta1::read_cell_profile(text, any, any);
  } catch (const Error&) {
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  for (const v1beta1::Document& document : parse(text)) {
    const std::string written =
        std::visit([](const auto& doc) { return reflect::to_yaml(doc); }, document.doc);
    const auto again = v1beta1::parse_documents(written);
    if (again.size() != 1 || !(again[0].doc == document.doc)) std::abort();
  }
  read_as_profile(text);
  return 0;
}
