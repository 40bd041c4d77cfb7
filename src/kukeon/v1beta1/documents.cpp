// SPDX-License-Identifier: Apache-2.0
#include "kukeon/v1beta1/documents.h"

namespace kukeon::v1beta1 {
namespace {

void write_null_lists_empty(ContainerSpec& spec) {
  spec.args.set_null(false);
  spec.env.set_null(false);
  spec.ports.set_null(false);
  spec.volumes.set_null(false);
  spec.networks.set_null(false);
  spec.networks_aliases.set_null(false);
}

}  // namespace

CellDoc new_cell_doc() {
  CellDoc doc;
  doc.status.state = CellState::unknown;
  return new_cell_doc(doc);
}

CellDoc new_cell_doc(const CellDoc& from) {
  CellDoc doc = from;
  doc.metadata.labels.set_null(false);
  doc.spec.containers.set_null(false);
  doc.status.containers.set_null(false);
  for (ContainerSpec& container : doc.spec.containers) write_null_lists_empty(container);
  return doc;
}

ContainerDoc new_container_doc() { return new_container_doc(ContainerDoc{}); }

ContainerDoc new_container_doc(const ContainerDoc& from) {
  ContainerDoc doc = from;
  doc.metadata.labels.set_null(false);
  write_null_lists_empty(doc.spec);
  doc.spec.security_opts.set_null(false);
  return doc;
}

}  // namespace kukeon::v1beta1
