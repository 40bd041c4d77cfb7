// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/nft.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <new>
#include <system_error>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/fd.h"
#include "kukeon/base/files.h"
#include "kukeon/base/strings.h"

namespace kukeon::kernel {
namespace {

// Where the kernel has no nf_tables, nft_ctx_new() ends the process instead of failing.
void require_nftables() {
  const Fd probe{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)};
  if (!probe)
    throw Error::from_errno("open a netfilter netlink socket (is nf_tables in the kernel?)");
}

// libnftables opens its socket without SOCK_CLOEXEC and does not say which descriptor it is.
void close_netfilter_sockets_on_exec() {
  std::error_code error;
  for (fs::directory_iterator at{"/proc/self/fd", error}, end; !error && at != end;
       at.increment(error)) {
    const int fd = static_cast<int>(parse_integer(at->path().filename().string()).value_or(-1));
    int domain = 0;
    int protocol = 0;
    socklen_t size = sizeof domain;
    if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 || domain != AF_NETLINK)
      continue;
    size = sizeof protocol;
    if (::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) < 0) continue;
    if (protocol == NETLINK_NETFILTER) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

// nft answers with the message, then the line it is about and a row of `^`.
std::string first_line(std::string_view text) {
  text = trim(text);
  constexpr std::string_view label = "Error: ";
  if (const auto at = text.find(label); at != std::string_view::npos)
    text.remove_prefix(at + label.size());
  return std::string{text.substr(0, text.find('\n'))};
}

std::string excerpt(const std::string& ruleset) {
  constexpr std::size_t longest = 200;
  return ruleset.size() <= longest ? ruleset : ruleset.substr(0, longest) + "…";
}

Error failure(const std::string& commands, const std::string& err) {
  const std::string cause = first_line(err);
  const ErrorKind& kind = cause.find("Operation not permitted") != std::string::npos
                              ? kinds::permission_denied
                              : kinds::os_error;
  return Error{kind, fmt::format("nft: {} (in: {})", cause, excerpt(std::string{trim(commands)}))};
}

}  // namespace

struct Nft::Impl {
  struct Answer {
    bool ok = false;
    std::string out;
    std::string err;
  };

  Impl() {
    require_nftables();
    context = nft_ctx_new(NFT_CTX_DEFAULT);
    if (context == nullptr) throw std::bad_alloc{};
    nft_ctx_buffer_output(context);
    nft_ctx_buffer_error(context);
    close_netfilter_sockets_on_exec();
  }
  ~Impl() { nft_ctx_free(context); }

  Answer ask(const std::string& commands, unsigned flags) {
    const std::lock_guard lock{mutex};
    nft_ctx_output_set_flags(context, flags);
    const bool ok = nft_run_cmd_from_buffer(context, commands.c_str()) == 0;
    return {ok, nft_ctx_get_output_buffer(context), nft_ctx_get_error_buffer(context)};
  }

  std::optional<std::string> list(const std::string& command, unsigned flags) {
    Answer answer = ask(command, flags);
    if (answer.ok) return std::move(answer.out);
    if (answer.err.find("No such file or directory") != std::string::npos) return std::nullopt;
    throw failure(command, answer.err);
  }

  std::mutex mutex;
  nft_ctx* context = nullptr;
};

Nft::Nft() : impl_{std::make_unique<Impl>()} {}
Nft::Nft(Nft&&) noexcept = default;
Nft::~Nft() = default;

void Nft::run(const std::string& ruleset) {
  const auto answer = impl_->ask(ruleset, 0);
  if (!answer.ok) throw failure(ruleset, answer.err);
}

std::optional<std::string> Nft::list(const std::string& command, Format format) {
  return impl_->list(command, format == Format::json ? unsigned{NFT_CTX_OUTPUT_JSON} : 0U);
}

}  // namespace kukeon::kernel
