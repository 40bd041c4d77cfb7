// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "kukeon/api/method.h"
#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/cli/kuke.h"
#include "kukeon/client/client.h"
#include "kukeon/reflect/json.h"

// For tests: a daemon in a thread that answers what it was told to, and `kuke` run against it.
namespace kukeon::cli {

class FakeDaemon {
 public:
  // `answer` gives the call's answer or throws what the daemon reports.
  template <api::Method M>
  void on(std::function<api::Answer<M>(const typename M::Request&)> answer) {
    answers_[std::string{M::name}] = [answer](const reflect::Tree& param) {
      typename M::Reply reply;
      try {
        reply = M::Reply::of(
            answer(reflect::from_tree<typename M::Request>(param, reflect::Syntax::json)));
      } catch (const Error& error) {
        reply.err = api::to_wire(error);
      }
      return reflect::to_json(reply);
    };
  }

  std::unique_ptr<client::Client> dial() {
    return std::make_unique<client::Client>(std::make_unique<Wire>(*this));
  }

 private:
  using Answers = std::map<std::string, std::function<std::string(const reflect::Tree&)>>;

  class Wire : public client::Transport {
   public:
    explicit Wire(FakeDaemon& daemon) : daemon_{daemon} {}

    client::Connection connect() override {
      int ends[2];
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        throw Error::from_errno("create a socket pair");
      }
      server_ = std::jthread{[this, end = ends[1]] { serve(Fd{end}); }};
      return client::Connection{Fd{ends[0]}};
    }

   private:
    void serve(const Fd& socket) {
      reflect::JsonSplitter splitter{64U << 20};
      char buffer[4096];
      while (true) {
        std::string text;
        while (!splitter.next(text)) {
          const ssize_t n = ::read(socket.get(), buffer, sizeof buffer);
          if (n <= 0) return;
          splitter.append({buffer, static_cast<std::size_t>(n)});
        }
        const reflect::Tree request = reflect::parse_json(text);
        const std::string method = request.find("method")->text;
        const auto answer = daemon_.answers_.find(method.substr(method.find('.') + 1));
        const std::string id = request.find("id")->text;
        write_all(
            socket.get(),
            answer == daemon_.answers_.end()
                ? fmt::format(R"({{"id":{},"result":null,"error":"rpc: can't find method {}"}})",
                              id, method)
                : fmt::format(R"({{"id":{},"result":{},"error":null}})", id,
                              answer->second(request.find("params")->items.at(0))),
            "answer");
      }
    }

    FakeDaemon& daemon_;
    std::jthread server_;
  };

  Answers answers_;
};

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

// Runs one command line against the daemon, with `input` on its standard input.
inline Ran run_kuke(const std::vector<std::string>& words, FakeDaemon& daemon,
                    const std::string& input = {}) {
  const Fd in{::memfd_create("in", MFD_CLOEXEC)};
  const Fd out{::memfd_create("out", MFD_CLOEXEC)};
  const Fd err{::memfd_create("err", MFD_CLOEXEC)};
  write_all(in.get(), input, "prepare the input");
  ::lseek(in.get(), 0, SEEK_SET);
  const auto read_back = [](const Fd& file) {
    std::string text(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
    if (::pread(file.get(), text.data(), text.size(), 0) < 0) text.clear();
    return text;
  };
  Terminal terminal{in.get(), out.get(), err.get()};
  const int code = kuke(words, terminal, [&](const Settings&) { return daemon.dial(); });
  return {code, read_back(out), read_back(err)};
}

inline Ran run_kuke(const std::vector<std::string>& words) {
  FakeDaemon nobody;
  return run_kuke(words, nobody);
}

}  // namespace kukeon::cli
