// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/containerd/containerd_runtime.h"

// Images, snapshots and the layers between them.
namespace kukeon::containerd {

using google::protobuf::Empty;
namespace images = api::images::v1;
namespace snapshots = api::snapshots::v1;

namespace {

::containerd::types::Descriptor to_proto(const runtime::Descriptor& blob) {
  ::containerd::types::Descriptor result;
  result.set_media_type(blob.media_type);
  result.set_digest(blob.digest);
  result.set_size(blob.size_bytes);
  return result;
}

runtime::ImageRecord from_proto(const images::Image& image) {
  return {.name = image.name(),
          .target = {.media_type = image.target().media_type(),
                     .digest = image.target().digest(),
                     .size_bytes = image.target().size()},
          .labels = get_labels(image.labels()),
          .created_at = containerd::from_proto(image.created_at())};
}

template <class Response>
std::vector<runtime::Mount> mounts_of(const Response& response) {
  std::vector<runtime::Mount> mounts;
  for (const auto& mount : response.mounts()) {
    mounts.push_back({.type = mount.type(),
                      .source = mount.source(),
                      .options = {mount.options().begin(), mount.options().end()}});
  }
  return mounts;
}

}  // namespace

void ContainerdRuntime::put_image(const std::string& ns, const runtime::ImageRecord& image) {
  images::Image record;
  record.set_name(image.name);
  *record.mutable_target() = to_proto(image.target);
  set_labels(image.labels, record.mutable_labels());
  const CallInfo info{.doing = fmt::format("record image {}", image.name), .ns = ns};
  // Whoever deletes between our update and our create, or creates before it, makes us look again.
  for (int attempt = 0; attempt < 3; ++attempt) {
    images::UpdateImageRequest update;
    *update.mutable_image() = record;
    images::UpdateImageResponse updated;
    if (client_.find(info, *images_, &images::Images::Stub::Update, update, &updated)) return;
    images::CreateImageRequest create;
    *create.mutable_image() = record;
    if (!image.created_at.is_zero()) {
      *create.mutable_image()->mutable_created_at() = containerd::to_proto(image.created_at);
    }
    try {
      client_.call<images::CreateImageResponse>(info, *images_, &images::Images::Stub::Create,
                                                create);
      return;
    } catch (const Error& error) {
      if (!error.is(kinds::already_exists)) throw;
    }
  }
  throw Error{kinds::stale_resource,
              fmt::format("image {} is being created and deleted by someone else", image.name)};
}

std::optional<runtime::ImageRecord> ContainerdRuntime::find_image(const std::string& ns,
                                                                  const std::string& name) {
  images::GetImageRequest request;
  request.set_name(name);
  images::GetImageResponse response;
  if (!client_.find({.doing = fmt::format("look up image {}", name), .ns = ns}, *images_,
                    &images::Images::Stub::Get, request, &response)) {
    return std::nullopt;
  }
  return from_proto(response.image());
}

std::vector<runtime::ImageRecord> ContainerdRuntime::list_images(const std::string& ns) {
  const auto response = client_.call<images::ListImagesResponse>(
      {.doing = fmt::format("list images of {}", ns), .ns = ns}, *images_,
      &images::Images::Stub::List, images::ListImagesRequest{});
  std::vector<runtime::ImageRecord> records;
  for (const auto& image : response.images()) records.push_back(from_proto(image));
  return records;
}

void ContainerdRuntime::delete_image(const std::string& ns, const std::string& name) {
  images::DeleteImageRequest request;
  request.set_name(name);
  request.set_sync(true);
  Empty response;
  client_.find({.doing = fmt::format("delete image {}", name), .ns = ns, .timeout = slow}, *images_,
               &images::Images::Stub::Delete, request, &response);
}

std::string ContainerdRuntime::snapshotter() { return options_.snapshotter; }

bool ContainerdRuntime::snapshot_exists(const std::string& ns, const std::string& key) {
  snapshots::StatSnapshotRequest request;
  request.set_snapshotter(options_.snapshotter);
  request.set_key(key);
  snapshots::StatSnapshotResponse response;
  return client_.find({.doing = fmt::format("look up snapshot {}", key), .ns = ns}, *snapshots_,
                      &snapshots::Snapshots::Stub::Stat, request, &response);
}

std::vector<runtime::Mount> ContainerdRuntime::prepare_snapshot(const std::string& ns,
                                                                const std::string& key,
                                                                const std::string& parent,
                                                                const Labels& labels,
                                                                const std::string& lease) {
  snapshots::PrepareSnapshotRequest request;
  request.set_snapshotter(options_.snapshotter);
  request.set_key(key);
  request.set_parent(parent);
  set_labels(labels, request.mutable_labels());
  if (lease.empty()) {
    (*request.mutable_labels())[gc_root_label] = Timestamp::now().to_string();
  }
  return mounts_of(client_.call<snapshots::PrepareSnapshotResponse>(
      {.doing = fmt::format("prepare snapshot {}", key), .ns = ns, .lease = lease}, *snapshots_,
      &snapshots::Snapshots::Stub::Prepare, request));
}

std::vector<runtime::Mount> ContainerdRuntime::view_snapshot(const std::string& ns,
                                                             const std::string& key,
                                                             const std::string& parent,
                                                             const std::string& lease) {
  snapshots::ViewSnapshotRequest request;
  request.set_snapshotter(options_.snapshotter);
  request.set_key(key);
  request.set_parent(parent);
  if (lease.empty()) {
    (*request.mutable_labels())[gc_root_label] = Timestamp::now().to_string();
  }
  return mounts_of(client_.call<snapshots::ViewSnapshotResponse>(
      {.doing = fmt::format("view snapshot {}", parent), .ns = ns, .lease = lease}, *snapshots_,
      &snapshots::Snapshots::Stub::View, request));
}

std::vector<runtime::Mount> ContainerdRuntime::snapshot_mounts(const std::string& ns,
                                                               const std::string& key) {
  snapshots::MountsRequest request;
  request.set_snapshotter(options_.snapshotter);
  request.set_key(key);
  return mounts_of(client_.call<snapshots::MountsResponse>(
      {.doing = fmt::format("ask for the mounts of snapshot {}", key), .ns = ns}, *snapshots_,
      &snapshots::Snapshots::Stub::Mounts, request));
}

void ContainerdRuntime::commit_snapshot(const std::string& ns, const std::string& name,
                                        const std::string& key, const Labels& labels,
                                        const std::string& lease) {
  snapshots::CommitSnapshotRequest request;
  request.set_snapshotter(options_.snapshotter);
  request.set_name(name);
  request.set_key(key);
  set_labels(labels, request.mutable_labels());
  client_.call<Empty>({.doing = fmt::format("commit snapshot {}", name), .ns = ns, .lease = lease},
                      *snapshots_, &snapshots::Snapshots::Stub::Commit, request);
}

void ContainerdRuntime::remove_snapshot(const std::string& ns, const std::string& key,
                                        const std::string& snapshotter) {
  snapshots::RemoveSnapshotRequest request;
  request.set_snapshotter(snapshotter.empty() ? options_.snapshotter : snapshotter);
  request.set_key(key);
  Empty response;
  client_.find({.doing = fmt::format("remove snapshot {}", key), .ns = ns, .timeout = slow},
               *snapshots_, &snapshots::Snapshots::Stub::Remove, request, &response);
}

std::vector<std::string> ContainerdRuntime::list_snapshots(const std::string& ns,
                                                           const std::string& snapshotter) {
  snapshots::ListSnapshotsRequest request;
  request.set_snapshotter(snapshotter.empty() ? options_.snapshotter : snapshotter);
  std::vector<std::string> keys;
  client_.read_stream<snapshots::ListSnapshotsResponse>(
      {.doing = fmt::format("list snapshots of {}", ns), .ns = ns},
      [&](grpc::ClientContext& context) { return snapshots_->List(&context, request); },
      [&](const snapshots::ListSnapshotsResponse& part) {
        for (const auto& info : part.info()) keys.push_back(info.name());
      });
  return keys;
}

std::string ContainerdRuntime::apply_layer(const std::string& ns, const runtime::Descriptor& layer,
                                           const std::vector<runtime::Mount>& mounts,
                                           const std::string& lease) {
  api::diff::v1::ApplyRequest request;
  *request.mutable_diff() = to_proto(layer);
  for (const runtime::Mount& mount : mounts) {
    auto* added = request.add_mounts();
    added->set_type(mount.type);
    added->set_source(mount.source);
    for (const std::string& option : mount.options) added->add_options(option);
  }
  const auto time = slow + std::chrono::seconds{layer.size_bytes / (1 << 20)};
  const auto response = client_.call<api::diff::v1::ApplyResponse>(
      {.doing = fmt::format("extract layer {}", layer.digest),
       .ns = ns,
       .lease = lease,
       .timeout = time},
      *diff_, &api::diff::v1::Diff::Stub::Apply, request);
  return response.applied().digest();
}

}  // namespace kukeon::containerd
