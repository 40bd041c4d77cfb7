// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "github.com/containerd/cgroups/stats/v1/metrics.pb.h"
#include "github.com/containerd/cgroups/v2/stats/metrics.pb.h"

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/containerd/containerd_runtime.h"
#include "kukeon/containerd/task_metrics.h"

// What the tasks' cgroups have counted.
namespace kukeon::containerd {

namespace tasks = api::tasks::v1;
namespace v1 = ::io::containerd::cgroups::v1;
namespace v2 = ::io::containerd::cgroups::v2;

namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

// "No limit" is the largest page-aligned number (v1), all ones (v2), or nothing at all.
std::optional<std::uint64_t> to_limit(std::uint64_t limit) {
  constexpr std::uint64_t unlimited = std::uint64_t{1} << 62;
  return limit == 0 || limit >= unlimited ? std::nullopt : std::optional{limit};
}

void fill_in(const v1::Metrics& from, runtime::TaskMetrics& to) {
  to.memory_bytes = from.memory().usage().usage();
  to.inactive_file_bytes = from.memory().total_inactive_file();
  to.memory_limit_bytes = to_limit(from.memory().usage().limit());
  to.cpu_time = nanoseconds{from.cpu().usage().total()};
  to.throttled_periods = from.cpu().throttling().throttled_periods();
  to.throttled_time = nanoseconds{from.cpu().throttling().throttled_time()};
  to.threads = from.pids().current();
  to.threads_limit = to_limit(from.pids().limit());
  for (const auto& entry : from.blkio().io_service_bytes_recursive()) {
    const std::string op = to_lower_ascii(entry.op());  // "Read", among Sync, Async and Total
    if (op == "read") to.io_read_bytes += entry.value();
    if (op == "write") to.io_written_bytes += entry.value();
  }
}

void fill_in(const v2::Metrics& from, runtime::TaskMetrics& to) {
  to.memory_bytes = from.memory().usage();
  to.inactive_file_bytes = from.memory().inactive_file();
  to.memory_limit_bytes = to_limit(from.memory().usage_limit());
  to.cpu_time = microseconds{from.cpu().usage_usec()};
  to.throttled_periods = from.cpu().nr_throttled();
  to.throttled_time = microseconds{from.cpu().throttled_usec()};
  to.threads = from.pids().current();
  to.threads_limit = to_limit(from.pids().limit());
  for (const auto& entry : from.io().usage()) {
    to.io_read_bytes += entry.rbytes();
    to.io_written_bytes += entry.wbytes();
  }
}

template <class Message>
bool decode(const std::string& bytes, runtime::TaskMetrics& to) {
  Message message;
  if (!message.ParseFromString(bytes)) return false;
  fill_in(message, to);
  return true;
}

}  // namespace

void decode_metrics(std::string_view type, const std::string& bytes, runtime::TaskMetrics& to) {
  // Bare from containerd 1.x, behind "types.containerd.io/" or the like from others.
  const std::string_view name = type.substr(type.rfind('/') + 1);
  const bool known =
      (name == "io.containerd.cgroups.v1.Metrics" && decode<v1::Metrics>(bytes, to)) ||
      (name == "io.containerd.cgroups.v2.Metrics" && decode<v2::Metrics>(bytes, to));
  if (!known) {
    throw Error{
        kinds::decode_failed,
        fmt::format("containerd's metrics of container {} cannot be read: {} bytes of type {}",
                    to.container_id, bytes.size(), quote(type))};
  }
}

// A task that has gone, or whose cgroup has, is absent from containerd's answer.
std::vector<runtime::TaskMetrics> ContainerdRuntime::metrics(const std::string& ns,
                                                             const std::string& doing,
                                                             const std::string& filter) {
  tasks::MetricsRequest request;
  if (!filter.empty()) request.add_filters(filter);
  const auto response = client_.call<tasks::MetricsResponse>(
      {.doing = doing, .ns = ns, .timeout = slow}, *tasks_, &tasks::Tasks::Stub::Metrics, request);
  std::vector<runtime::TaskMetrics> list;
  for (const auto& metric : response.metrics()) {
    runtime::TaskMetrics one;
    one.container_id = metric.id();
    one.at = from_proto(metric.timestamp());
    decode_metrics(metric.data().type_url(), metric.data().value(), one);
    list.push_back(std::move(one));
  }
  return list;
}

std::optional<runtime::TaskMetrics> ContainerdRuntime::find_metrics(const std::string& ns,
                                                                    const std::string& id) {
  auto found = metrics(ns, fmt::format("ask for the metrics of task {}", id),
                       fmt::format("id=={}", quote(id)));
  return found.empty() ? std::nullopt : std::optional{std::move(found.front())};
}

std::vector<runtime::TaskMetrics> ContainerdRuntime::list_metrics(const std::string& ns) {
  return metrics(ns, fmt::format("ask for the metrics of the tasks of {}", ns), {});
}

}  // namespace kukeon::containerd
