// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kukeon/api/document_methods.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/context.h"

namespace kukeon::cli {

// The manifest that apply, plan and diff speak about, with the flags they have in common.
class Manifest {
 public:
  void describe(Args& args);

  // Reads the file; throws where the flags do not fit together.
  void read(Terminal& terminal);

  bool prunes() const { return prune_; }

  // What applying it would do.
  api::PlanDocuments::Result plan(Context& context) const;

  // Of PlanDocuments or ApplyDocuments.
  template <class Call>
  typename Call::Request request() const {
    typename Call::Request request;
    request.raw_yaml = reflect::Bytes{text_};
    request.validate = validate_;
    request.set = set_;
    request.prune = prune_;
    return request;
  }

 private:
  std::string file_;
  std::string validate_;
  std::string set_;
  bool prune_ = false;
  std::string text_;
};

}  // namespace kukeon::cli
