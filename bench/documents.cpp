// SPDX-License-Identifier: Apache-2.0
// How fast documents are written and read: 10,000 cells in memory, the median of five rounds, per
// second of processor time, so that a busy machine changes little.
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "kukeon/reflect/json.h"
#include "kukeon/reflect/yaml.h"
#include "kukeon/v1beta1/documents.h"

namespace {

using namespace kukeon;
using v1beta1::CellDoc;
using v1beta1::ContainerSpec;

constexpr int cells = 10'000;
constexpr int rounds = 5;

const Timestamp created = Timestamp::parse("2026-05-14T21:10:38.123456789Z");

ContainerSpec container(const std::string& cell, const std::string& id) {
  ContainerSpec spec;
  spec.id = id;
  spec.containerd_id = "default_default_" + cell + "_" + id;
  spec.image = "docker.io/library/busybox:latest";
  spec.command = "/bin/sh";
  spec.args = {"-c", "trap 'exit 0' TERM; echo \"serving <" + cell + ">\"; sleep 3600 & wait"};
  spec.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
              "CELL=" + cell, "PORT=8080"};
  v1beta1::VolumeMount data;
  data.kind = "bind";
  data.source = "/srv/" + cell;
  data.target = "/data";
  data.read_only = true;
  v1beta1::VolumeMount scratch;
  scratch.kind = "tmpfs";
  scratch.target = "/tmp";
  scratch.size_bytes = 64 << 20;
  scratch.mode = 493;
  spec.volumes = {data, scratch};
  spec.restart_policy = "on-failure";
  return spec;
}

// As the daemon keeps it once it runs.
CellDoc cell(int number) {
  CellDoc doc;
  doc.api_version = "v1beta1";
  doc.kind = "Cell";
  doc.metadata.name = fmt::format("web-{:05}", number);
  doc.metadata.labels["app"] = "web";
  doc.metadata.labels["tier"] = number % 2 == 0 ? "front" : "back";
  doc.metadata.labels["cell.kukeon.io"] = doc.metadata.name;
  doc.spec.id = doc.metadata.name;
  doc.spec.containers = {container(doc.metadata.name, "app"),
                         container(doc.metadata.name, "sidecar")};
  doc.status.state = v1beta1::CellState::ready;
  doc.status.cgroup_path = "/kukeon/default/default/default/" + doc.metadata.name;
  doc.status.subtree_controllers = {"cpu", "io", "memory", "pids"};
  doc.status.network.bridge_name = "k-703e8b3a";
  for (const ContainerSpec& each : doc.spec.containers) {
    v1beta1::ContainerStatus& status = doc.status.containers.emplace_back();
    status.name = status.id = each.id;
    status.state = v1beta1::ContainerState::ready;
    status.start_time = created;
  }
  doc.status.ready_observed = true;
  doc.status.created_at = doc.status.updated_at = doc.status.ready_at = created;
  return doc;
}

// Runs body(i) for each cell; body gives the bytes it wrote or read.
void measure(std::string_view what, auto&& body) {
  std::array<double, rounds> seconds{};
  std::size_t bytes = 0;
  for (double& each : seconds) {
    const std::clock_t start = std::clock();
    bytes = 0;
    for (std::size_t i = 0; i < cells; ++i) bytes += body(i);
    each = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  }
  std::ranges::sort(seconds);
  const double median = seconds[rounds / 2];
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  fmt::print("{:<12} {:>7.1f} MB/s {:>9.0f} documents/s {:>6} MB peak\n", what,
             static_cast<double>(bytes) / median / 1e6, cells / median, usage.ru_maxrss / 1000);
}

}  // namespace

int main() {
#ifndef NDEBUG
  fmt::print("built without optimisation: only the ratios mean something\n");
#endif
  std::vector<CellDoc> docs;
  for (int i = 0; i < cells; ++i) docs.push_back(cell(i));
  std::vector<std::string> json(cells);
  std::vector<std::string> yaml(cells);

  measure("encode JSON", [&](std::size_t i) {
    json[i] = reflect::to_json(docs[i]);
    return json[i].size();
  });
  measure("encode YAML", [&](std::size_t i) {
    yaml[i] = reflect::to_yaml(docs[i]);
    return yaml[i].size();
  });
  // What was read is compared, so that nothing of it is optimised away.
  std::size_t wrong = 0;
  measure("decode JSON", [&](std::size_t i) {
    wrong += reflect::from_json<CellDoc>(json[i]) == docs[i] ? 0U : 1U;
    return json[i].size();
  });
  measure("decode YAML", [&](std::size_t i) {
    wrong += reflect::from_yaml<CellDoc>(yaml[i]) == docs[i] ? 0U : 1U;
    return yaml[i].size();
  });
  if (wrong != 0) fmt::print(stderr, "bench: {} documents read back wrong\n", wrong);
  return wrong == 0 ? 0 : 1;
}
