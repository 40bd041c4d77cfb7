// SPDX-License-Identifier: Apache-2.0
// JSON to documents, as a client sends them. What is accepted must be written and read back as the
// same, and converted or refused.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "kukeon/base/error.h"
#include "kukeon/reflect/json.h"
#include "kukeon/v1beta1/documents.h"
#include "kukeon/v1beta1/scheme.h"

namespace {

using namespace kukeon;

template <class Doc>
std::optional<Doc> decode(std::string_view text) {
  try {
    return reflect::from_json<Doc>(text);
  } catch (const Error&) {
    return std::nullopt;  // refused, as it should be
  }
}

template <class Doc>
void attempt(std::string_view text) {
  const auto doc = decode<Doc>(text);
  if (!doc) return;
  const std::string written = reflect::to_json(*doc);
  const auto again = reflect::from_json<Doc>(written);
  if (!(again == *doc) || reflect::to_json(again) != written) std::abort();
  try {
    const auto model = v1beta1::to_model(*doc);
    const Doc converted = v1beta1::from_model(model);
    if (!(v1beta1::to_model(converted) == model)) std::abort();
  } catch (const Error&) {
    return;  // a rule of model.md 4.3
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  attempt<v1beta1::RealmDoc>(text);
  attempt<v1beta1::SpaceDoc>(text);
  attempt<v1beta1::StackDoc>(text);
  attempt<v1beta1::CellDoc>(text);
  attempt<v1beta1::ContainerDoc>(text);
  return 0;
}
