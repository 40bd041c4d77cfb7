// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"
#include "kukeon/containerd/containerd_runtime.h"

// The content store.
namespace kukeon::containerd {

using google::protobuf::Empty;
namespace content = api::content::v1;

namespace {

constexpr std::size_t chunk_bytes = std::size_t{1} << 20;

// A minute, and what a disk of 1 MiB/s would need.
std::chrono::milliseconds upload_time(std::int64_t bytes) {
  return std::chrono::seconds{60 + std::max<std::int64_t>(bytes, 0) / (1 << 20)};
}

// Fills the chunk, over short answers of the source; less than a chunk means that the source has
// ended.
std::size_t read_chunk(const runtime::Source& source, std::string& chunk) {
  std::size_t filled = 0;
  while (filled < chunk.size()) {
    const std::size_t got = source(chunk.data() + filled, chunk.size() - filled);
    if (got == 0) break;
    filled += got;
  }
  return filled;
}

}  // namespace

bool ContainerdRuntime::has_blob(const std::string& ns, const std::string& digest) {
  content::InfoRequest request;
  request.set_digest(digest);
  content::InfoResponse response;
  return client_.find({.doing = fmt::format("look up blob {}", digest), .ns = ns}, *content_,
                      &content::Content::Stub::Info, request, &response);
}

void ContainerdRuntime::write_blob(const std::string& ns, const runtime::Descriptor& blob,
                                   const runtime::Source& source, const Labels& labels,
                                   const std::string& lease) {
  const auto lock = uploads_.lock(ns + "/" + blob.digest);
  const std::string ref = "kukeon-" + blob.digest;
  try {
    upload(ns, blob, source, labels, lease, ref);
  } catch (...) {
    abort_upload(ns, ref);
    throw;
  }
}

void ContainerdRuntime::upload(const std::string& ns, const runtime::Descriptor& blob,
                               const runtime::Source& source, const Labels& labels,
                               const std::string& lease, const std::string& ref) {
  const CallInfo info{.doing = fmt::format("write blob {}", blob.digest),
                      .ns = ns,
                      .lease = lease,
                      .timeout = upload_time(blob.size_bytes)};
  grpc::ClientContext context;
  client_.prepare(context, info);
  // The upload's ref exists until the server has seen the end of the stream.
  struct Canceller {
    grpc::ClientContext& context;
    ~Canceller() { context.TryCancel(); }
  } cancel_on_exit{context};
  const auto stream = content_->Write(&context);

  content::WriteContentRequest request;
  content::WriteContentResponse response;
  // False when the blob is there already: opening it under a lease has then put it under that
  // lease.
  const auto exchange = [&] {
    if (stream->Write(request) && stream->Read(&response)) return true;
    const grpc::Status status = stream->Finish();
    if (status.error_code() == grpc::StatusCode::ALREADY_EXISTS) return false;
    const Error error = client_.error(info, status);
    if (error.is(kinds::failed_precondition)) {  // digest or size
      Error wrong{kinds::invalid_argument, error.message()};
      wrong.add_context(info.doing);
      throw wrong;
    }
    throw error;
  };

  request.set_action(content::STAT);
  request.set_ref(ref);
  request.set_total(blob.size_bytes);
  request.set_expected(blob.digest);
  if (!exchange()) return;

  // Bytes are there before the first write when another namespace has the blob, or when an earlier
  // upload was cut off. All of them: only the commit is missing. Some: a write at offset 0 starts
  // anew.
  std::int64_t offset = 0;
  const bool complete = response.offset() == blob.size_bytes && blob.size_bytes > 0;
  if (complete) {
    offset = blob.size_bytes;
  } else {
    std::string chunk;
    for (;;) {
      chunk.resize(chunk_bytes);
      const std::size_t size = read_chunk(source, chunk);
      chunk.resize(size);
      if (size > 0) {
        if (offset + static_cast<std::int64_t>(size) > blob.size_bytes) {
          throw Error{kinds::invalid_argument,
                      fmt::format("blob {} is longer than the {} bytes its descriptor says",
                                  blob.digest, blob.size_bytes)};
        }
        request.set_action(content::WRITE);
        request.set_offset(offset);
        request.set_data(chunk);
        if (!exchange()) return;
        offset += static_cast<std::int64_t>(size);
      }
      if (size < chunk_bytes) break;
    }
    if (offset != blob.size_bytes) {
      throw Error{kinds::invalid_argument,
                  fmt::format("blob {} ends after {} of the {} bytes its descriptor says",
                              blob.digest, offset, blob.size_bytes)};
    }
  }

  request.set_action(content::COMMIT);
  request.clear_data();
  request.set_offset(offset);
  set_labels(labels, request.mutable_labels());
  exchange();
}

void ContainerdRuntime::abort_upload(const std::string& ns, const std::string& ref) {
  content::AbortRequest request;
  request.set_ref(ref);
  try {
    Empty response;
    client_.find({.doing = "abort an upload", .ns = ns}, *content_, &content::Content::Stub::Abort,
                 request, &response);
  } catch (const Error& error) {
    // containerd drops unfinished uploads by itself after a day.
    log::warn("upload not aborted", {{"ref", ref}, {"error", error.what()}});
  }
}

std::string ContainerdRuntime::read_blob(const std::string& ns, const std::string& digest,
                                         std::size_t limit) {
  content::ReadContentRequest request;
  request.set_digest(digest);
  std::string bytes;
  client_.read_stream<content::ReadContentResponse>(
      {.doing = fmt::format("read blob {}", digest),
       .ns = ns,
       .timeout = upload_time(static_cast<std::int64_t>(limit))},
      [&](grpc::ClientContext& context) { return content_->Read(&context, request); },
      [&](const content::ReadContentResponse& part) {
        if (part.data().size() > limit - bytes.size()) {
          throw Error{
              kinds::invalid_argument,
              fmt::format("blob {} is larger than the {} bytes expected of it", digest, limit)};
        }
        bytes += part.data();
      });
  return bytes;
}

void ContainerdRuntime::set_blob_labels(const std::string& ns, const std::string& digest,
                                        const Labels& labels) {
  if (labels.empty()) return;
  content::UpdateRequest request;
  request.mutable_info()->set_digest(digest);
  set_labels(labels, request.mutable_info()->mutable_labels());
  for (const auto& [key, value] : labels) request.mutable_update_mask()->add_paths("labels." + key);
  client_.call<content::UpdateResponse>({.doing = fmt::format("label blob {}", digest), .ns = ns},
                                        *content_, &content::Content::Stub::Update, request);
}

std::vector<runtime::Descriptor> ContainerdRuntime::list_blobs(const std::string& ns) {
  std::vector<runtime::Descriptor> blobs;
  const content::ListContentRequest request;
  client_.read_stream<content::ListContentResponse>(
      {.doing = fmt::format("list blobs of {}", ns), .ns = ns, .timeout = slow},
      [&](grpc::ClientContext& context) { return content_->List(&context, request); },
      [&](const content::ListContentResponse& part) {
        for (const auto& info : part.info()) {
          blobs.push_back({.media_type = {}, .digest = info.digest(), .size_bytes = info.size()});
        }
      });
  return blobs;
}

void ContainerdRuntime::delete_blob(const std::string& ns, const std::string& digest) {
  content::DeleteContentRequest request;
  request.set_digest(digest);
  Empty response;
  client_.find({.doing = fmt::format("delete blob {}", digest), .ns = ns}, *content_,
               &content::Content::Stub::Delete, request, &response);
}

}  // namespace kukeon::containerd
