// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "kukeon/base/files.h"
#include "kukeon/base/process.h"
#include "support/test_daemon.h"
#include "support/test_layout.h"

namespace kukeon::support {

// A registry of the test's own in the network of a TestDaemon, so that its port is free by
// construction: plain on 127.0.0.1:5000, or on 10.77.0.1:5443 with TLS and one account.
class TestRegistry {
 public:
  enum class Kind { plain, with_password };
  static constexpr const char* user = "joe";
  static constexpr const char* password = "tr0ub4dor-and-3";

  // Why this host cannot run one, for GTEST_SKIP.
  static std::optional<std::string> unavailable();

  // Returns when it answers. `storage` outlives it: another registry may go on with it.
  TestRegistry(const TestDaemon& daemon, fs::path storage, Kind kind = Kind::plain);
  TestRegistry(const TestRegistry&) = delete;
  TestRegistry& operator=(const TestRegistry&) = delete;
  ~TestRegistry() = default;

  std::string address() const { return kind_ == Kind::plain ? "127.0.0.1:5000" : "10.77.0.1:5443"; }
  // Trusted by a program that has it as SSL_CERT_FILE.
  static fs::path certificate(const fs::path& storage) { return storage / "certificate.pem"; }
  static void make_certificate(const fs::path& storage);

  // Pushes an image; answers its full name.
  std::string push(const Layout& layout, const std::string& name_and_tag);
  // Pushes a layout that is on disk.
  std::string push(const fs::path& layout, const std::string& name_and_tag);

  // The file of a blob in its storage.
  fs::path blob(std::string_view digest) const;
  // What it holds for a name: the manifest's digest.
  std::string digest_of(const std::string& repository, const std::string& tag) const;
  // How often the log has `GET …<what>` from skopeo with a status below 300.
  std::size_t deliveries(std::string_view what) const;

  void freeze() { process_.signal(SIGSTOP); }
  void go_on() { process_.signal(SIGCONT); }
  void kill();
  void start();

 private:
  const TestDaemon& daemon_;
  fs::path storage_;
  Kind kind_;
  Process process_;
};

}  // namespace kukeon::support
