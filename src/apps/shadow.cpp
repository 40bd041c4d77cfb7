// SPDX-License-Identifier: Apache-2.0
#include "apps/shadow.h"

#include "kukeon/reflect/json.h"
#include "kukeon/v1beta1/scheme.h"

namespace kukeon::apps {
namespace {

class ExternalDocuments : public store::ShadowRenderer {
 public:
  std::string render(const model::Realm& realm) const override { return text_of(realm); }
  std::string render(const model::Space& space) const override { return text_of(space); }
  std::string render(const model::Stack& stack) const override { return text_of(stack); }
  std::string render(const model::Cell& cell) const override { return text_of(cell); }

 private:
  template <class T>
  static std::string text_of(const T& value) {
    return reflect::to_json(v1beta1::from_model(value), 2) + "\n";
  }
};

}  // namespace

std::unique_ptr<store::ShadowRenderer> make_shadow_renderer() {
  return std::make_unique<ExternalDocuments>();
}

}  // namespace kukeon::apps
