// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "kukeon/base/files.h"
#include "kukeon/image/import.h"
#include "kukeon/image/registry_answer.h"
#include "kukeon/model/realm.h"
#include "kukeon/runtime/runtime.h"

namespace kukeon::image {

using Credentials = std::vector<model::RegistryCredentials>;

// Those for `registry`: of its own address, else those without one, else null. Docker Hub's
// addresses are one; a scheme and a path in an address do not count (runtime.md 2.9).
const model::RegistryCredentials* credentials_for(std::string_view registry,
                                                  const Credentials& credentials);

// Whether a registry is on this host, where it may speak plain HTTP: localhost, 127.0.0.0/8, [::1].
bool is_on_this_host(std::string_view registry);

struct PullOptions {
  std::string program = "skopeo";  // speaks to registries; empty: nobody does
  std::chrono::milliseconds deadline = std::chrono::hours{1};  // of one pull, all attempts
  std::chrono::milliseconds stall = std::chrono::minutes{3};   // without a byte
  // Before the second attempt; doubles with each.
  std::chrono::milliseconds pause{500};
  int attempts = 4;                                    // at a failure that may pass
  std::uint64_t most_bytes = std::uint64_t{64} << 30;  // of one image, compressed
  std::uint64_t kept_bytes = std::uint64_t{4} << 30;   // of all that failed pulls have fetched
};

// Brings images in from registries, through skopeo into an OCI layout and from there as an archive
// comes in. Layers that the namespace has are not fetched again, nor those that an earlier attempt
// has fetched whole. Safe from any thread.
class Puller {
 public:
  // `directory` is the puller's own, and made when it is needed.
  Puller(ImageStore& images, runtime::Runtime& runtime, fs::path directory,
         PullOptions options = {});
  Puller(const Puller&) = delete;
  Puller& operator=(const Puller&) = delete;

  // Pulls what the registry has under this name now, whatever is there already, and answers the
  // normalised name. Who asks for what is being pulled waits and shares the outcome. Throws
  // pull_image; image_not_found where the registry has no such repository or tag; invalid_image,
  // disk_full, deadline_exceeded, and cancelled when `stop` is requested. No password is in any
  // message.
  std::string pull(const std::string& ns, const std::string& reference,
                   const Credentials& credentials, const std::stop_token& stop = {});

  // Removes what pulls of another process left. For the start of a daemon: nothing may be pulling.
  void remove_leftovers();

 private:
  struct Flight;
  struct Transfer;

  void deliver(const Transfer& transfer, const std::stop_token& stop);
  std::optional<RegistryAnswer> fetch(const Transfer& transfer, std::chrono::milliseconds timeout,
                                      const std::stop_token& stop);
  bool import(const Transfer& transfer, const std::set<std::string>& stand_ins);
  std::set<std::string> place_stand_ins(const Transfer& transfer);
  static void remove_stand_ins(const Transfer& transfer, std::set<std::string>& stand_ins);
  void keep_some(const Transfer& transfer, std::set<std::string>& stand_ins) noexcept;
  void remove_oldest_kept();

  ImageStore& images_;
  runtime::Runtime& runtime_;
  fs::path directory_;
  PullOptions options_;
  std::mutex mutex_;
  std::condition_variable_any landed_;
  std::map<fs::path, std::shared_ptr<Flight>> flights_;  // by Transfer::home
};

}  // namespace kukeon::image
