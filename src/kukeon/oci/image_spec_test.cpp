// SPDX-License-Identifier: Apache-2.0
#include "kukeon/oci/image_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kukeon/base/error.h"

namespace kukeon::oci {
namespace {

using testing::ElementsAre;

TEST(ImageConfig, IsReadFromWhatDockerWrites) {
  const auto config =
      parse_image_config(R"({"architecture":"amd64","os":"linux","created":"2026-01-02T03:04:05Z",
    "config":{"Hostname":"","User":"app","ExposedPorts":{"80/tcp":{}},"Env":["PATH=/bin","A=b=c"],
      "Cmd":["serve"],"Image":"sha256:0","Volumes":null,"WorkingDir":"/srv","Entrypoint":null,
      "OnBuild":null,"Labels":{"a":"b"},"StopSignal":"SIGINT"},
    "rootfs":{"type":"layers","diff_ids":["sha256:1","sha256:2"]},"history":[{"created_by":"x"}]})");
  EXPECT_EQ(config.architecture, "amd64");
  EXPECT_EQ(config.config.user, "app");
  EXPECT_THAT(config.config.env, ElementsAre("PATH=/bin", "A=b=c"));
  EXPECT_THAT(config.config.cmd, ElementsAre("serve"));
  EXPECT_TRUE(config.config.entrypoint.empty());
  EXPECT_TRUE(config.config.exposed_ports.contains("80/tcp"));
  EXPECT_EQ(config.config.stop_signal, "SIGINT");
  EXPECT_THAT(config.rootfs.diff_ids, ElementsAre("sha256:1", "sha256:2"));
}

TEST(ImageConfig, IsWrittenWithoutWhatIsNotSet) {
  ImageConfig config;
  config.architecture = "amd64";
  config.os = "linux";
  config.config.cmd = {"/bin/sh"};
  config.rootfs.diff_ids = {"sha256:1"};
  EXPECT_EQ(to_json(config), R"({"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sh"]},)"
                             R"("rootfs":{"type":"layers","diff_ids":["sha256:1"]}})");
}

TEST(Manifest, RoundTrips) {
  const std::string text =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
      R"("config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:c","size":3},)"
      R"("layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:l","size":9}]})";
  EXPECT_EQ(to_json(parse_manifest(text)), text);
}

TEST(Index, CarriesNamesAndPlatforms) {
  const auto index =
      parse_index(R"({"schemaVersion":2,"manifests":[{"mediaType":"m","digest":"d","size":1,
    "annotations":{"org.opencontainers.image.ref.name":"web:1"},
    "platform":{"architecture":"arm64","os":"linux","variant":"v8","os.version":"x"}}]})");
  ASSERT_EQ(index.manifests.size(), 1U);
  EXPECT_EQ(index.manifests[0].annotations.find(ref_name_annotation)->second, "web:1");
  EXPECT_EQ(index.manifests[0].platform->to_string(), "linux/arm64/v8");
}

TEST(Documents, AreRefusedWhenTheyAreNoJson) {
  EXPECT_THROW(parse_index("{"), Error);
  EXPECT_THROW(parse_manifest("[]"), Error);
  EXPECT_THROW(parse_image_config(R"({"rootfs":{"diff_ids":"x"}})"), Error);
  EXPECT_THROW(parse_docker_archive_manifest("{}"), Error);
}

}  // namespace
}  // namespace kukeon::oci
