// SPDX-License-Identifier: Apache-2.0
#include "kukeon/containerd/client.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/format.h>
#include <grpcpp/channel.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/fd.h"

namespace kukeon::containerd {
namespace {

using grpc::StatusCode;

// containerd limits its messages to 16 MiB each way.
constexpr int max_message_bytes = 16 << 20;

std::shared_ptr<grpc::Channel> make_channel(const std::string& socket) {
  grpc::ChannelArguments arguments;
  // For unix sockets gRPC sends the percent-encoded path as authority, which Go's HTTP/2 server
  // refuses.
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetMaxReceiveMessageSize(max_message_bytes);
  arguments.SetMaxSendMessageSize(max_message_bytes);
  return grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments);
}

// connect(2) to the socket: 0, or its errno.
int probe(const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, socket.c_str(), socket.size() + 1);
  const Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!fd) return errno;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    return errno;
  }
  return 0;
}

// gRPC's own words for a call that never left; containerd uses the same code for a locked upload.
bool never_sent(const grpc::Status& status) {
  return status.error_code() == StatusCode::UNAVAILABLE &&
         status.error_message().starts_with("failed to connect");
}

const ErrorKind& kind_of(const grpc::Status& status) {
  const std::string& text = status.error_message();
  if (text.find("no space left on device") != std::string::npos) return kinds::disk_full;
  switch (status.error_code()) {
    case StatusCode::NOT_FOUND:
      return kinds::not_found;
    case StatusCode::ALREADY_EXISTS:
      return kinds::already_exists;
    case StatusCode::FAILED_PRECONDITION:
      return kinds::failed_precondition;
    case StatusCode::INVALID_ARGUMENT:
    case StatusCode::OUT_OF_RANGE:
      return kinds::invalid_argument;
    case StatusCode::DEADLINE_EXCEEDED:
      return kinds::deadline_exceeded;
    case StatusCode::CANCELLED:
      return kinds::cancelled;
    case StatusCode::PERMISSION_DENIED:
      return kinds::permission_denied;
    case StatusCode::UNAVAILABLE:
      return kinds::unavailable;
    default:
      // The server's own view of our deadline arrives as text when it wins the race.
      return text.find("context deadline exceeded") != std::string::npos ? kinds::deadline_exceeded
                                                                         : kinds::unknown;
  }
}

}  // namespace

Client::Client(const std::string& socket) : socket_{socket}, channel_{make_channel(socket)} {}

void Client::prepare(grpc::ClientContext& context, const CallInfo& info) const {
  context.set_deadline(std::chrono::system_clock::now() + info.timeout);
  if (!info.ns.empty()) context.AddMetadata("containerd-namespace", info.ns);
  if (!info.lease.empty()) context.AddMetadata("containerd-lease", info.lease);
}

bool Client::reconnected(const grpc::Status& status) const {
  if (!never_sent(status) || probe(socket_) != 0) return false;
  grpc::experimental::ChannelResetConnectionBackoff(channel_.get());
  return channel_->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds{2});
}

Error Client::error(const CallInfo& info, const grpc::Status& status) const {
  std::string text = status.error_message();
  if (status.error_code() == StatusCode::UNAVAILABLE) {
    const int reason = probe(socket_);
    const bool by_grpc = never_sent(status) || text.starts_with("Socket closed") ||
                         text.starts_with("Connection reset") || text.find("GOAWAY") != text.npos;
    if (reason == EACCES || reason == EPERM) {
      return Error{
          kinds::connect_containerd,
          fmt::format("failed to connect to containerd: {}: permission denied (run as root, or "
                      "add yourself to the group that owns the socket)",
                      socket_)};
    }
    if (reason != 0) {
      return Error{kinds::connect_containerd,
                   fmt::format("failed to connect to containerd: {}: {} (is containerd running?)",
                               socket_, std::generic_category().message(reason))};
    }
    if (by_grpc) {
      Error error{
          kinds::connect_containerd,
          fmt::format("failed to connect to containerd: {}: the connection was lost", socket_)};
      error.add_context(info.doing);
      return error;
    }
  }
  if (status.error_code() == StatusCode::DEADLINE_EXCEEDED) {
    text = fmt::format("containerd did not answer within {} ms", info.timeout.count());
  }
  // containerd's spelling of "no better class than this".
  constexpr std::string_view suffix = ": unknown";
  if (text.ends_with(suffix)) text.resize(text.size() - suffix.size());
  Error error{kind_of(status), text.empty() ? "containerd gave no reason" : std::move(text)};
  error.add_context(info.doing);
  return error;
}

Timestamp from_proto(const google::protobuf::Timestamp& at) {
  return {.unix_seconds = at.seconds(), .nanoseconds = at.nanos()};
}

google::protobuf::Timestamp to_proto(const Timestamp& at) {
  google::protobuf::Timestamp result;
  result.set_seconds(at.unix_seconds);
  result.set_nanos(at.nanoseconds);
  return result;
}

}  // namespace kukeon::containerd
