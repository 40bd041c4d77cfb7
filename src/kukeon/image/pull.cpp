// SPDX-License-Identifier: Apache-2.0
#include "kukeon/image/pull.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"
#include "kukeon/base/process.h"
#include "kukeon/base/rollback.h"
#include "kukeon/base/strings.h"
#include "kukeon/image/digest.h"
#include "kukeon/model/image_reference.h"

namespace kukeon::image {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Images that some build on this host makes; no registry has them (runtime.md 2.9).
constexpr std::string_view internal_registry = "kukeon.internal";
// Smaller blobs are manifests and configs, which are fetched in any case.
constexpr std::int64_t smallest_stand_in = 4096;
constexpr std::string_view other_ways =
    "bring it in with `kuke image load <archive>` or `kuke image import <name> <rootfs>`";

std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::string registry_of_address(std::string_view address) {
  address = trim(address);
  if (const auto scheme = address.find("://"); scheme != std::string_view::npos) {
    address.remove_prefix(scheme + 3);
  }
  const std::string host = to_lower_ascii(address.substr(0, address.find('/')));
  const bool is_hub = host == "index.docker.io" || host == "registry-1.docker.io";
  return is_hub ? "docker.io" : host;
}

// Bytes on disk below a directory that someone else writes to.
std::uint64_t allocated_bytes(const fs::path& directory) {
  std::uint64_t total = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it{directory, error}, end; !error && it != end;
       it.increment(error)) {
    struct stat info {};
    if (::lstat(it->path().c_str(), &info) == 0) {
      total += static_cast<std::uint64_t>(info.st_blocks) * 512;
    }
  }
  return total;
}

void remove_all_quietly(const fs::path& path) noexcept {
  try {
    fs::remove_all(path);
  } catch (const std::exception& error) {
    log::warn("file of a pull stays", {{"path", path.string()}, {"cause", error.what()}});
  }
}

// Looks at what arrives, and asks for a stop when nothing has for long, when there is more than an
// image may have, or when `outer` asks for one.
class Watch {
 public:
  Watch(fs::path directory, const PullOptions& options, const std::stop_token& outer)
      : directory_{std::move(directory)},
        options_{options},
        on_outer_{outer, [this] { stop_.request_stop(); }},
        thread_{[this](const std::stop_token& end) { look(end); }} {}

  std::stop_token token() const { return stop_.get_token(); }

  // What it did not like; empty for a stop of someone else's. Ends the watch.
  std::string end() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
    return complaint_;
  }

 private:
  void look(const std::stop_token& end) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock{mutex};
    const milliseconds pause =
        std::clamp<milliseconds>(options_.stall / 10, milliseconds{10}, std::chrono::seconds{1});
    std::uint64_t bytes = 0;
    auto last_change = steady_clock::now();
    for (;;) {
      never.wait_for(lock, end, pause, [] { return false; });
      if (end.stop_requested()) return;
      const std::uint64_t now = allocated_bytes(directory_);
      if (now != bytes) last_change = steady_clock::now();
      bytes = now;
      if (bytes > options_.most_bytes) {
        complaint_ =
            fmt::format("it is larger than the limit of {} MiB", options_.most_bytes >> 20);
      } else if (steady_clock::now() - last_change > options_.stall) {
        complaint_ =
            fmt::format("the registry has sent nothing for {} s",
                        std::chrono::duration_cast<std::chrono::seconds>(options_.stall).count());
      }
      if (!complaint_.empty()) {
        stop_.request_stop();
        return;
      }
    }
  }

  fs::path directory_;
  const PullOptions& options_;
  std::string complaint_;  // written by the thread, read after its end
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> on_outer_;
  std::jthread thread_;
};

}  // namespace

// One pull that is going on; guarded by Puller::mutex_.
struct Puller::Flight {
  bool landed = false;
  std::optional<Error> failure;
};

// What is pulled, and where its files are meanwhile.
struct Puller::Transfer {
  std::string ns;
  std::string name;      // normalised
  std::string registry;  // of the name
  std::string source;    // as skopeo names it
  const model::RegistryCredentials* credentials = nullptr;
  fs::path home;

  fs::path blobs() const { return home / "blobs"; }
  fs::path blob(std::string_view digest) const { return blobs() / "sha256" / digest.substr(7); }
  fs::path layout() const { return home / "layout"; }
  fs::path auth() const { return home / "auth.json"; }

  Error failure(const ErrorKind& kind, std::string_view text) const {
    return Error{kind, fmt::format("{} {}: {}", kinds::pull_image.text, name, text)};
  }
  Error failure(const RegistryAnswer& answer, int attempts) const;
};

Error Puller::Transfer::failure(const RegistryAnswer& answer, int attempts) const {
  const auto told = [&](const ErrorKind& kind, std::string_view remedy) {
    return failure(kind, fmt::format("{}; {}", answer.text, remedy));
  };
  switch (answer.refusal) {
    case Refusal::denied:
      return told(kinds::pull_image,
                  credentials != nullptr
                      ? fmt::format("{} does not take the realm's credentials for it: check"
                                    " spec.registryCredentials",
                                    registry)
                      : fmt::format("it is private or does not exist: check the name, or give the"
                                    " realm credentials for {} in spec.registryCredentials",
                                    registry));
    case Refusal::no_image:
      return told(kinds::image_not_found,
                  fmt::format("{} has no such repository or tag: check the name", registry));
    case Refusal::no_platform:
      return told(kinds::pull_image, fmt::format("{} has it for other machines only", registry));
    case Refusal::unreachable:
      return told(kinds::pull_image,
                  fmt::format("{} cannot be reached: check the name and this host's network, or {}",
                              registry, other_ways));
    case Refusal::untrusted:
      return told(kinds::pull_image,
                  fmt::format("the certificate of {} is not trusted here: put that of its authority"
                              " into /etc/containers/certs.d/{}/ca.crt",
                              registry, registry));
    case Refusal::plain_http:
      return told(kinds::pull_image,
                  fmt::format("{} speaks no TLS, and only a registry on this host may do without",
                              registry));
    case Refusal::damaged:
      return told(kinds::pull_image,
                  fmt::format("{} has damaged content, nothing was brought in", registry));
    case Refusal::disk_full:
      return told(kinds::disk_full, fmt::format("make room below {}", home.parent_path().string()));
    case Refusal::passing:
      return told(kinds::pull_image,
                  fmt::format("tried {} times; whole layers are kept for the next try", attempts));
    case Refusal::other:
      break;
  }
  return failure(kinds::pull_image, answer.text);
}

const model::RegistryCredentials* credentials_for(std::string_view registry,
                                                  const Credentials& credentials) {
  const std::string wanted = registry_of_address(registry);
  const auto find = [&](const std::string& address) -> const model::RegistryCredentials* {
    const auto found = std::ranges::find_if(credentials, [&](const auto& each) {
      return registry_of_address(each.server_address) == address;
    });
    return found != credentials.end() ? &*found : nullptr;
  };
  const auto* exact = find(wanted);
  return exact != nullptr ? exact : find("");
}

bool is_on_this_host(std::string_view registry) {
  if (registry == "[::1]" || registry.starts_with("[::1]:")) return true;
  const std::string host = to_lower_ascii(registry.substr(0, registry.find(':')));
  if (host == "localhost") return true;
  // An address, not the name of a host that begins like one.
  return host.starts_with("127.") && std::ranges::count(host, '.') == 3 &&
         host.find_first_not_of("0123456789.") == std::string::npos;
}

Puller::Puller(ImageStore& images, runtime::Runtime& runtime, fs::path directory,
               PullOptions options)
    : images_{images},
      runtime_{runtime},
      directory_{std::move(directory)},
      options_{std::move(options)} {}

std::string Puller::pull(const std::string& ns, const std::string& reference,
                         const Credentials& credentials, const std::stop_token& stop) {
  const auto parsed = model::parse_image_reference(trim(reference));
  if (!parsed) {
    throw Error{kinds::invalid_image, fmt::format("invalid image reference {}", quote(reference))};
  }
  Transfer transfer{.ns = ns,
                    .name = parsed->to_string(),
                    .registry = parsed->registry,
                    // skopeo takes a tag or a digest, and the digest says more.
                    .source = fmt::format("docker://{}/{}{}{}", parsed->registry,
                                          parsed->repository, parsed->digest.empty() ? ":" : "@",
                                          parsed->digest.empty() ? parsed->tag : parsed->digest),
                    .credentials = credentials_for(parsed->registry, credentials),
                    .home = {}};
  transfer.home = directory_ / sha256_digest(ns + " " + transfer.name).substr(7, 32);
  if (transfer.registry == internal_registry) {
    throw transfer.failure(kinds::pull_image, "images of kukeon.internal are built on this host");
  }
  if (options_.program.empty()) {
    throw transfer.failure(kinds::pull_image,
                           fmt::format("no registry can be asked; {}", other_ways));
  }

  std::shared_ptr<Flight> flight;
  {
    std::unique_lock lock{mutex_};
    auto& there = flights_[transfer.home];
    if (there) {
      flight = there;
      if (!landed_.wait(lock, stop, [&] { return flight->landed; })) {
        throw transfer.failure(kinds::cancelled, "the pull was stopped");
      }
      if (flight->failure) throw Error{*flight->failure};
      return transfer.name;
    }
    flight = there = std::make_shared<Flight>();
  }

  std::optional<Error> failure;
  const auto began = steady_clock::now();
  try {
    deliver(transfer, stop);
  } catch (const Error& error) {
    failure = error;
  } catch (const std::exception& error) {
    failure = transfer.failure(kinds::pull_image, error.what());
  }
  {
    const std::lock_guard lock{mutex_};
    flight->landed = true;
    flight->failure = failure;
    flights_.erase(transfer.home);
  }
  landed_.notify_all();
  if (failure) throw Error{*failure};
  log::info(
      "image pulled",
      {{"image", transfer.name},
       {"namespace", ns},
       {"ms", std::chrono::duration_cast<milliseconds>(steady_clock::now() - began).count()}});
  return transfer.name;
}

void Puller::deliver(const Transfer& transfer, const std::stop_token& stop) {
  const auto deadline = steady_clock::now() + options_.deadline;
  std::set<std::string> stand_ins;
  Rollback undo;
  undo.add([&] { keep_some(transfer, stand_ins); });

  bool with_stand_ins = true;
  milliseconds pause = options_.pause;
  for (int attempt = 1;;) {
    make_directories(transfer.blobs() / "sha256", 0700);
    remove_stand_ins(transfer, stand_ins);
    if (with_stand_ins) stand_ins = place_stand_ins(transfer);
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    const auto refused = fetch(transfer, std::max(left, milliseconds{1}), stop);
    if (!refused) {
      if (import(transfer, stand_ins)) break;
      // A layer that needed no fetching went with its image meanwhile.
      with_stand_ins = false;
      continue;
    }
    if (refused->refusal != Refusal::passing || attempt == options_.attempts) {
      const bool may_pass =
          refused->refusal == Refusal::passing || refused->refusal == Refusal::unreachable;
      if (!may_pass) fs::remove_all(transfer.home);
      throw transfer.failure(*refused, attempt);
    }
    log::info("pull is tried again", {{"image", transfer.name}, {"cause", refused->text}});
    ++attempt;
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock{mutex};
    never.wait_for(lock, stop, pause, [] { return false; });
    pause *= 2;
  }
  undo.commit();
  remove_all_quietly(transfer.home);
}

// False where the content store no longer has the blob of a stand-in.
bool Puller::import(const Transfer& transfer, const std::set<std::string>& stand_ins) {
  try {
    images_.load_layout(transfer.ns,
                        {.index = transfer.layout() / "index.json",
                         .blobs = transfer.blobs(),
                         .stand_ins = stand_ins},
                        {.name = transfer.name});
    return true;
  } catch (const Error& error) {
    if (error.is(kinds::not_found) && !stand_ins.empty()) return false;
    const bool is_of_image = error.is(kinds::load_image) || error.is(kinds::invalid_argument) ||
                             error.is(kinds::not_found);
    // Whatever it is that is wrong with it, the next pull fetches all of it again.
    if (is_of_image) fs::remove_all(transfer.home);
    throw transfer.failure(is_of_image ? kinds::pull_image : error.kind(), error.what());
  }
}

// Nothing when the layout is there.
std::optional<RegistryAnswer> Puller::fetch(const Transfer& transfer, milliseconds timeout,
                                            const std::stop_token& stop) {
  fs::remove_all(transfer.layout());
  Rollback remove_auth;
  remove_auth.add([auth = transfer.auth()] { fs::remove(auth); });
  std::vector<std::string> secrets;
  // Written where there is nothing to say too: without one, skopeo takes the passwords of root.
  std::string auths;
  if (transfer.credentials != nullptr) {
    const auto& [username, password, address] = *transfer.credentials;
    const std::string both = base64(fmt::format("{}:{}", username, password));
    auths = fmt::format(R"("{}":{{"auth":"{}"}})", transfer.registry, both);
    secrets = {both, password};
  }
  write_file_atomically(transfer.auth(), fmt::format(R"({{"auths":{{{}}}}})", auths), 0600);

  Command command;
  command.argv = {options_.program,
                  "copy",
                  "--quiet",
                  "--src-authfile",
                  transfer.auth().string(),
                  "--dest-shared-blob-dir",
                  transfer.blobs().string()};
  if (is_on_this_host(transfer.registry)) command.argv.emplace_back("--src-tls-verify=false");
  command.argv.push_back(transfer.source);
  command.argv.push_back(fmt::format("oci:{}:image", transfer.layout().string()));
  command.dies_with_us = true;

  Watch watch{transfer.home, options_, stop};
  try {
    const Output output = run(command, timeout, {}, std::size_t{1} << 20, watch.token());
    if (output.exit.ok()) return std::nullopt;
    return understand(output.err, secrets);
  } catch (const Error& error) {
    if (error.is(kinds::not_found)) {
      throw transfer.failure(
          kinds::pull_image,
          fmt::format("{} is not installed, so no registry can be asked; install it, or {}",
                      options_.program, other_ways));
    }
    if (error.is(kinds::deadline_exceeded)) {
      throw transfer.failure(
          kinds::deadline_exceeded,
          fmt::format("it did not arrive within {} s",
                      std::chrono::duration_cast<std::chrono::seconds>(options_.deadline).count()));
    }
    if (!error.is(kinds::cancelled)) throw;
    const std::string complaint = watch.end();
    if (complaint.empty()) throw transfer.failure(kinds::cancelled, "the pull was stopped");
    throw transfer.failure(kinds::pull_image, complaint);
  }
}

// A file of the right size and without content for each blob that the namespace has: skopeo looks
// for the file alone and fetches what is missing.
std::set<std::string> Puller::place_stand_ins(const Transfer& transfer) {
  std::set<std::string> placed;
  for (const auto& blob : runtime_.list_blobs(transfer.ns)) {
    if (blob.size_bytes < smallest_stand_in || !is_sha256_digest(blob.digest)) continue;
    const fs::path path = transfer.blob(blob.digest);
    const Fd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!file && errno != EEXIST) {
      throw Error::from_errno(fmt::format("make {}", path.string()));
    }
    if (file && ::ftruncate(file.get(), blob.size_bytes) < 0) {
      throw Error::from_errno(fmt::format("make {}", path.string()));
    }
    placed.insert(blob.digest);
  }
  return placed;
}

void Puller::remove_stand_ins(const Transfer& transfer, std::set<std::string>& stand_ins) {
  for (const auto& digest : stand_ins) fs::remove(transfer.blob(digest));
  stand_ins.clear();
}

// Of a pull that failed, the layers that arrived whole: the next one goes on from there.
void Puller::keep_some(const Transfer& transfer, std::set<std::string>& stand_ins) noexcept {
  try {
    fs::remove_all(transfer.layout());
    remove_stand_ins(transfer, stand_ins);
    const fs::path blobs = transfer.blobs() / "sha256";
    if (!fs::exists(blobs) || fs::is_empty(blobs)) fs::remove_all(transfer.home);
    remove_oldest_kept();
  } catch (const std::exception& error) {
    log::warn("rest of a pull is dropped", {{"image", transfer.name}, {"cause", error.what()}});
    remove_all_quietly(transfer.home);
  }
}

void Puller::remove_oldest_kept() {
  const std::lock_guard lock{mutex_};
  struct Kept {
    fs::file_time_type at;
    fs::path path;
    std::uint64_t bytes;
  };
  std::vector<Kept> kept;
  std::uint64_t total = 0;
  for (const auto& entry : fs::directory_iterator{directory_}) {
    // What others are pulling right now counts, and stays.
    const std::uint64_t bytes = allocated_bytes(entry.path());
    total += bytes;
    const auto flight = flights_.find(entry.path());
    if (flight == flights_.end()) {
      kept.push_back({entry.last_write_time(), entry.path(), bytes});
    }
  }
  std::ranges::sort(kept, {}, &Kept::at);
  for (const Kept& oldest : kept) {
    if (total <= options_.kept_bytes) break;
    fs::remove_all(oldest.path);
    total -= oldest.bytes;
  }
}

void Puller::remove_leftovers() { fs::remove_all(directory_); }

}  // namespace kukeon::image
