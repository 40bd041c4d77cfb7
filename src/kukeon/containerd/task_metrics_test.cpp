// SPDX-License-Identifier: Apache-2.0
#include "kukeon/containerd/task_metrics.h"

#include <gtest/gtest.h>

#include <limits>

#include "github.com/containerd/cgroups/stats/v1/metrics.pb.h"
#include "github.com/containerd/cgroups/v2/stats/metrics.pb.h"

#include "kukeon/base/error_kinds.h"

namespace kukeon::containerd {
namespace {

using std::chrono::nanoseconds;

TEST(TaskMetrics, AreReadFromCgroupV1) {
  ::io::containerd::cgroups::v1::Metrics from;
  from.mutable_memory()->mutable_usage()->set_usage(4096);
  from.mutable_memory()->mutable_usage()->set_limit(8192);
  from.mutable_memory()->set_total_inactive_file(512);
  from.mutable_cpu()->mutable_usage()->set_total(1'500);
  from.mutable_cpu()->mutable_throttling()->set_throttled_periods(3);
  from.mutable_cpu()->mutable_throttling()->set_throttled_time(900);
  from.mutable_pids()->set_current(2);
  for (const auto& [op, value] :
       {std::pair{"Read", 10U}, {"Write", 20U}, {"Sync", 30U}, {"Total", 30U}, {"read", 5U}}) {
    auto* entry = from.mutable_blkio()->add_io_service_bytes_recursive();
    entry->set_op(op);
    entry->set_value(value);
  }
  runtime::TaskMetrics to;
  decode_metrics("io.containerd.cgroups.v1.Metrics", from.SerializeAsString(), to);
  EXPECT_EQ(to.memory_bytes, 4096U);
  EXPECT_EQ(to.memory_limit_bytes, 8192U);
  EXPECT_EQ(to.inactive_file_bytes, 512U);
  EXPECT_EQ(to.cpu_time, nanoseconds{1'500});
  EXPECT_EQ(to.throttled_periods, 3U);
  EXPECT_EQ(to.throttled_time, nanoseconds{900});
  EXPECT_EQ(to.threads, 2U);
  EXPECT_FALSE(to.threads_limit);
  EXPECT_EQ(to.io_read_bytes, 15U);
  EXPECT_EQ(to.io_written_bytes, 20U);
}

TEST(TaskMetrics, AreReadFromCgroupV2) {
  ::io::containerd::cgroups::v2::Metrics from;
  from.mutable_memory()->set_usage(4096);
  from.mutable_memory()->set_usage_limit(std::numeric_limits<std::uint64_t>::max());
  from.mutable_memory()->set_inactive_file(512);
  from.mutable_cpu()->set_usage_usec(7);
  from.mutable_cpu()->set_nr_throttled(1);
  from.mutable_cpu()->set_throttled_usec(2);
  from.mutable_pids()->set_current(4);
  from.mutable_pids()->set_limit(64);
  for (const unsigned bytes : {100U, 11U}) {
    auto* entry = from.mutable_io()->add_usage();
    entry->set_rbytes(bytes);
    entry->set_wbytes(2 * bytes);
  }
  runtime::TaskMetrics to;
  decode_metrics("types.containerd.io/io.containerd.cgroups.v2.Metrics", from.SerializeAsString(),
                 to);
  EXPECT_EQ(to.memory_bytes, 4096U);
  EXPECT_FALSE(to.memory_limit_bytes);
  EXPECT_EQ(to.inactive_file_bytes, 512U);
  EXPECT_EQ(to.cpu_time, nanoseconds{7'000});
  EXPECT_EQ(to.throttled_periods, 1U);
  EXPECT_EQ(to.throttled_time, nanoseconds{2'000});
  EXPECT_EQ(to.threads, 4U);
  EXPECT_EQ(to.threads_limit, 64U);
  EXPECT_EQ(to.io_read_bytes, 111U);
  EXPECT_EQ(to.io_written_bytes, 222U);
}

TEST(TaskMetrics, HaveNoLimitWhereCgroupV1SaysItsLargestNumber) {
  ::io::containerd::cgroups::v1::Metrics from;
  from.mutable_memory()->mutable_usage()->set_limit(0x7FFFFFFFFFFFF000);
  runtime::TaskMetrics to;
  decode_metrics("io.containerd.cgroups.v1.Metrics", from.SerializeAsString(), to);
  EXPECT_FALSE(to.memory_limit_bytes);
}

TEST(TaskMetrics, OfAnotherTypeOrBrokenAreRefused) {
  runtime::TaskMetrics to;
  for (const auto& [type, bytes] : {std::pair{"io.containerd.cgroups.v3.Metrics", ""},
                                    {"io.containerd.cgroups.v1.Metrics", "\xff\xff\xff"},
                                    {"", ""}}) {
    try {
      decode_metrics(type, bytes, to);
      ADD_FAILURE() << type;
    } catch (const Error& error) {
      EXPECT_TRUE(error.is(kinds::decode_failed)) << error.what();
    }
  }
}

}  // namespace
}  // namespace kukeon::containerd
