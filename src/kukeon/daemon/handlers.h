// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kukeon/base/timestamp.h"
#include "kukeon/daemon/router.h"
#include "kukeon/engine/engine.h"
#include "kukeon/v1beta1/parse.h"

namespace kukeon::daemon {

// What `kuke status` asks of a daemon beside what its engine knows.
struct DaemonFacts {
  std::string socket;
  std::string containerd_socket;
  bool containerd_supervised = false;
  std::string oci_runtime;
  Timestamp started_at;
  v1beta1::Validation manifest_validation = v1beta1::Validation::strict;
};

// The calls of each area. Engine and runtime outlive the router.
void add_realm_handlers(Router& router, engine::Engine& engine);
void add_space_handlers(Router& router, engine::Engine& engine);
void add_stack_handlers(Router& router, engine::Engine& engine);
void add_cell_handlers(Router& router, engine::Engine& engine);
void add_container_handlers(Router& router, engine::Engine& engine);
void add_purge_handlers(Router& router, engine::Engine& engine);  // and RefreshAll
void add_image_handlers(Router& router, engine::Engine& engine);
// `usual` judges manifests whose sender does not say how.
void add_document_handlers(Router& router, engine::Engine& engine, v1beta1::Validation usual);
void add_daemon_handlers(Router& router, engine::Engine& engine, runtime::Runtime& runtime,
                         DaemonFacts facts);

inline engine::DeleteOptions delete_options(bool cascade, bool force) {
  return {cascade ? engine::Cascade::yes : engine::Cascade::no,
          force ? engine::Force::yes : engine::Force::no};
}

}  // namespace kukeon::daemon
