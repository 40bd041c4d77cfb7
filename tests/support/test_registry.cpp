// SPDX-License-Identifier: Apache-2.0
#include "support/test_registry.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"

namespace kukeon::support {
namespace {

using namespace std::chrono_literals;

// TestRegistry::user and password, as htpasswd -B writes them.
constexpr const char* htpasswd =
    "joe:$2b$04$NLny/JXqmrUpTcpK8RWw..B4mMBAg3TouaUXEochGkSlGNKsyOr7O\n";

bool is_installed(const char* program) {
  return run({.argv = {"sh", "-c", fmt::format("command -v {}", program)}}, 10s).exit.ok();
}

}  // namespace

std::optional<std::string> TestRegistry::unavailable() {
  for (const char* program : {"docker-registry", "skopeo", "openssl"}) {
    if (!is_installed(program)) return fmt::format("{} is not installed", program);
  }
  return std::nullopt;
}

TestRegistry::TestRegistry(const TestDaemon& daemon, fs::path storage, Kind kind)
    : daemon_{daemon}, storage_{std::move(storage)}, kind_{kind} {
  make_directories(storage_, 0755);
  std::string more;
  if (kind_ == Kind::with_password) {
    if (!fs::exists(certificate(storage_))) make_certificate(storage_);
    write_file_in_place(storage_ / "htpasswd", htpasswd);
    more = fmt::format(
        "  tls: {{certificate: {0}/certificate.pem, key: {0}/key.pem}}\n"
        "auth: {{htpasswd: {{realm: test, path: {0}/htpasswd}}}}\n",
        storage_.string());
    daemon_.in_its_network({"ip", "address", "add", "10.77.0.1/32", "dev", "lo"});
  }
  write_file_in_place(storage_ / "config.yml",
                      fmt::format("version: 0.1\n"
                                  "storage: {{filesystem: {{rootdirectory: {}}}}}\n"
                                  "http:\n  addr: {}\n{}",
                                  storage_.string(), address(), more));
  start();
}

void TestRegistry::make_certificate(const fs::path& storage) {
  make_directories(storage, 0755);
  const Output made =
      run({.argv = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=test registry", "-addext", "subjectAltName=IP:10.77.0.1", "-keyout",
                    (storage / "key.pem").string(), "-out", certificate(storage).string()}},
          30s);
  if (!made.exit.ok()) throw Error{kinds::unavailable, "openssl: " + made.err};
}

void TestRegistry::start() {
  const Fd log = open_file((storage_ / "log").string(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  process_ = Process::start(
      {.argv = {"nsenter", fmt::format("--net=/proc/{}/ns/net", daemon_.network_holder()),
                "docker-registry", "serve", (storage_ / "config.yml").string()},
       .dies_with_us = true},
      {-1, log.get(), log.get()});
  // proc_net_tcp(5): local address and port in hexadecimal, the remote one, 0A for LISTEN.
  const auto port = parse_integer(address().substr(address().find(':') + 1)).value();
  const std::string listens = fmt::format(":{:04X} 00000000:0000 0A", port);
  const bool answers = eventually(
      [&] {
        return read_file(fmt::format("/proc/{}/net/tcp", daemon_.network_holder())).find(listens) !=
               std::string::npos;
      },
      20s);
  if (!answers) {
    throw Error{kinds::deadline_exceeded,
                "docker-registry does not answer:\n" + read_file(storage_ / "log")};
  }
}

void TestRegistry::kill() {
  process_.signal(SIGKILL);
  process_.wait();
  process_ = {};
}

std::string TestRegistry::push(const Layout& layout, const std::string& name_and_tag) {
  const TemporaryDirectory directory;
  write_layout(layout, directory.path() / "layout");
  return push(directory.path() / "layout", name_and_tag);
}

std::string TestRegistry::push(const fs::path& layout, const std::string& name_and_tag) {
  std::string name = address() + "/" + name_and_tag;
  std::vector<std::string> argv{"skopeo", "copy", "--quiet", "--dest-tls-verify=false"};
  if (kind_ == Kind::with_password) {
    argv.push_back(fmt::format("--dest-creds={}:{}", user, password));
  }
  argv.push_back(fmt::format("oci:{}:image", layout.string()));
  argv.push_back("docker://" + name);
  const Output pushed = daemon_.in_its_network(argv);
  if (!pushed.exit.ok()) throw Error{kinds::unavailable, "skopeo: " + pushed.err};
  return name;
}

fs::path TestRegistry::blob(std::string_view digest) const {
  const std::string hex{digest.substr(digest.find(':') + 1)};
  return storage_ / "docker/registry/v2/blobs/sha256" / hex.substr(0, 2) / hex / "data";
}

std::string TestRegistry::digest_of(const std::string& repository, const std::string& tag) const {
  return std::string{trim(read_file(storage_ / "docker/registry/v2/repositories" / repository /
                                    "_manifests/tags" / tag / "current/link"))};
}

std::size_t TestRegistry::deliveries(std::string_view what) const {
  std::size_t count = 0;
  for (const std::string& line : split(read_file(storage_ / "log"), '\n')) {
    const auto get = line.find("\"GET ");
    if (get == std::string::npos || line.find(what, get) == std::string::npos) continue;
    if (line.find("HTTP/1.1\" 2") != std::string::npos) ++count;
  }
  return count;
}

}  // namespace kukeon::support
