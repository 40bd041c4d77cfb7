// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <google/protobuf/timestamp.pb.h>

#include "kukeon/base/error.h"
#include "kukeon/base/timestamp.h"
#include "kukeon/containerd/containerd.h"
#include "kukeon/runtime/runtime.h"

// Internal to this folder: the channel, what every call carries, and how a failed call becomes an
// Error.
namespace kukeon::containerd {

// How long a call may take. Slow ones are those where containerd runs a program or frees disk
// space.
inline constexpr std::chrono::seconds quick{10};
inline constexpr std::chrono::seconds slow{120};

// Where a call goes and what it does, as a verb phrase for the error's context.
struct CallInfo {
  std::string doing;
  std::string ns{};     // empty: a call without a namespace
  std::string lease{};  // empty: none
  std::chrono::milliseconds timeout = quick;
};

class Client {
 public:
  explicit Client(const std::string& socket);

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  const std::string& socket() const { return socket_; }

  // Namespace, lease and deadline of the call.
  void prepare(grpc::ClientContext& context, const CallInfo& info) const;

  // One unary call, repeated once where containerd was restarted and the channel had not noticed.
  //   Response r = client.call<Response>(info, *stub, &Stub::Method, request)
  template <class Response, class Stub, class Request>
  Response call(const CallInfo& info, Stub& stub,
                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                const Request& request) const {
    Response response;
    const grpc::Status status = attempt(info, [&](grpc::ClientContext& context) {
      response.Clear();
      return (stub.*method)(&context, request, &response);
    });
    if (!status.ok()) throw error(info, status);
    return response;
  }

  // The same, where NOT_FOUND is an answer: false.
  template <class Response, class Stub, class Request>
  bool find(const CallInfo& info, Stub& stub,
            grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
            const Request& request, Response* response) const {
    const grpc::Status status = attempt(info, [&](grpc::ClientContext& context) {
      response->Clear();
      return (stub.*method)(&context, request, response);
    });
    if (status.ok()) return true;
    if (status.error_code() == grpc::StatusCode::NOT_FOUND) return false;
    throw error(info, status);
  }

  // Reads a server stream to its end: `open(context)` answers the reader, `on_message` gets each
  // message.
  template <class Response, class Open, class OnMessage>
  void read_stream(const CallInfo& info, const Open& open, const OnMessage& on_message) const {
    const grpc::Status status = attempt(info, [&](grpc::ClientContext& context) {
      const auto reader = open(context);
      Response message;
      try {
        while (reader->Read(&message)) on_message(message);
      } catch (...) {
        context.TryCancel();
        reader->Finish();
        throw;
      }
      return reader->Finish();
    });
    if (!status.ok()) throw error(info, status);
  }

  // Kind by status code, message as containerd wrote it, context `info.doing`. When nobody answers
  // on the socket: connect_containerd, with the socket and the system's reason.
  Error error(const CallInfo& info, const grpc::Status& status) const;

 private:
  template <class Once>
  grpc::Status attempt(const CallInfo& info, const Once& once) const {
    grpc::Status status;
    {
      grpc::ClientContext context;
      prepare(context, info);
      status = once(context);
    }
    if (!reconnected(status)) return status;
    grpc::ClientContext context;
    prepare(context, info);
    return once(context);
  }

  // Whether the call was never sent but the socket answers now; then the channel is connected
  // again.
  bool reconnected(const grpc::Status& status) const;

  std::string socket_;
  std::shared_ptr<grpc::Channel> channel_;
};

Timestamp from_proto(const google::protobuf::Timestamp& at);
google::protobuf::Timestamp to_proto(const Timestamp& at);

}  // namespace kukeon::containerd
