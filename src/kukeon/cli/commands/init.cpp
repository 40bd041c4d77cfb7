// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "kukeon/api/daemon_methods.h"
#include "kukeon/api/realm_methods.h"
#include "kukeon/api/space_methods.h"
#include "kukeon/api/stack_methods.h"
#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/commands/scope.h"
#include "kukeon/cli/context.h"
#include "kukeon/cli/host/accounts.h"
#include "kukeon/cli/host/daemon_control.h"
#include "kukeon/cli/host/run_paths.h"
#include "kukeon/cli/host/server_settings.h"

namespace kukeon::cli {
namespace {

std::string or_environment(const std::optional<std::string>& flag, const char* variable,
                           std::string_view fallback) {
  if (flag && !flag->empty()) return *flag;
  const std::string value = environment(variable).value_or("");
  return value.empty() ? std::string{fallback} : value;
}

// The first hierarchy, made through the daemon, and what is to be said of it.
struct Hierarchy {
  bool changed = false;
  std::string containerd_namespace;
  std::string lines;

  void add(std::string_view what, bool created, bool exists) {
    changed = changed || created;
    lines += fmt::format("    - {}: {}\n", what,
                         created ? "created" : (exists ? "already existed" : "missing"));
  }
};

template <class Doc>
Doc document(const std::string& name, const Place& place) {
  Doc doc = address_of<Doc>(name, place);
  doc.api_version = v1beta1::api_version_v1beta1;
  doc.kind = word_of(Doc::document_kind);
  return doc;
}

Hierarchy make_hierarchy(client::Client& client, const std::string& realm_name,
                         const std::string& space_name) {
  const std::string stack_name = "default";
  const Place place{realm_name, space_name, stack_name, ""};
  Hierarchy made;

  const auto realm =
      client.call<api::CreateRealm>({.doc = document<v1beta1::RealmDoc>(realm_name, place)});
  made.containerd_namespace = realm.doc.spec.containerd_namespace;
  made.add(fmt::format("realm {}", quote(realm_name)), realm.created, realm.metadata_exists_post);
  made.add(fmt::format("containerd namespace {}", quote(made.containerd_namespace)),
           realm.containerd_namespace_created, realm.containerd_namespace_exists_post);
  made.add("realm cgroup", realm.cgroup_created, realm.cgroup_exists_post);

  const auto space =
      client.call<api::CreateSpace>({.doc = document<v1beta1::SpaceDoc>(space_name, place)});
  made.add(fmt::format("space {}", quote(space_name)), space.created, space.metadata_exists_post);
  made.add(fmt::format("network {}", quote(fmt::format("{}-{}", realm_name, space_name))),
           space.cni_network_created, space.cni_network_exists_post);
  made.add("space cgroup", space.cgroup_created, space.cgroup_exists_post);

  const auto stack =
      client.call<api::CreateStack>({.doc = document<v1beta1::StackDoc>(stack_name, place)});
  made.add(fmt::format("stack {}", quote(stack_name)), stack.created, stack.metadata_exists_post);
  made.add("stack cgroup", stack.cgroup_created, stack.cgroup_exists_post);
  return made;
}

std::string account_line(std::string_view what, const Account& account, std::string_view number) {
  if (!account.id) return fmt::format("{} \"{}\": skipped ({})", what, account_name, account.note);
  return fmt::format("{} \"{}\": {} ({} {})", what, account_name,
                     account.created ? "created" : "already existed", number, *account.id);
}

class Init : public Command {
  std::optional<std::string> realm_;
  std::optional<std::string> space_;
  std::string kukeond_image_;
  bool no_wait_ = false;
  bool regenerate_ = false;
  ServerFlags server_;

  void describe(Args& args) override {
    args.flag("--realm", realm_, "First realm (default \"default\")");
    args.flag("--space", space_, "First space (default \"default\")");
    args.flag("--no-wait", no_wait_, "Do not report the daemon's address at the end");
    args.flag("--kukeond-image", kukeond_image_, "Accepted and unused: kukeond is a host process");
    args.flag("--force-regenerate-cni", regenerate_,
              "Accepted and unused: networks repair themselves");
    server_.describe(args);
  }

  void run(Context& context) override {
    require_root("kuke init", "sets up this host");
    ServerSettings settings = load_server_settings(server_, context.flags());
    settings.validate();
    const std::string realm = or_environment(realm_, "KUKE_INIT_REALM", "default");
    const std::string space = or_environment(space_, "KUKE_INIT_SPACE", "default");

    DaemonControl daemon{settings};
    const auto running = daemon.ask();
    if (running && running->run_path != settings.run_path) {
      throw Error{kinds::instance_mismatch,
                  fmt::format("a kukeond for run path {} already listens at {}: choose another "
                              "socket with --host unix://<path>",
                              running->run_path, settings.socket)};
    }
    require_ours(settings.run_path);
    require_ours(settings.socket_directory());
    const Account group = ensure_group();
    const Account user =
        group.id ? ensure_user() : Account{std::nullopt, false, "there is no group for it"};
    const gid_t gid = group.id.value_or(0);
    own_directory(settings.run_path, gid);
    own_directory(settings.socket_directory(), gid);
    if (!settings.has_configuration) write_configuration(settings);
    if (!running) daemon.start(context.terminal(), static_cast<long>(gid));
    const auto status = daemon.ask();

    client::Client client{client::dial(settings.host())};
    const Hierarchy hierarchy = make_hierarchy(client, realm, space);
    if (group.id) share_socket(settings.socket, gid);

    const bool changed = !running || hierarchy.changed || group.created || user.created;
    context.print("{}",
                  changed ? "Initialized Kukeon runtime" : "Kukeon runtime already initialized");
    context.print("Realm: {} (namespace: {})", realm, hierarchy.containerd_namespace);
    context.print("Run path: {}", settings.run_path);
    context.print("Actions:");
    context.print("  - kukeond: {} (pid {})", running ? "already running" : "started",
                  status ? status->pid : 0);
    context.print("  Default hierarchy:");
    context.terminal().print(hierarchy.lines);
    context.print("  Permissions:");
    context.print("    - {}", account_line("group", group, "gid"));
    context.print("    - {}", account_line("user", user, "uid"));
    const char* owner = group.id ? "root:kukeon" : "root:root";
    context.print("    - \"{}\": chown {} mode 0o2750", settings.socket_directory(), owner);
    context.print("    - \"{}\": chown {} mode 0o2750", settings.run_path, owner);
    context.print("  - socket \"{}\": chown {} mode {}", settings.socket, owner,
                  group.id ? "0o0660" : "0o0600");
    const std::string no_wait = environment("KUKE_INIT_NO_WAIT").value_or("");
    if (!no_wait_ && no_wait != "true" && no_wait != "1") {
      context.print("kukeond is ready ({})", settings.host());
    }
  }

  static void write_configuration(ServerSettings& settings) {
    const fs::path path = settings.configuration;
    during(fmt::format("write server configuration {}", quote(path.string())), [&] {
      make_directories(path.parent_path(), 0755);
      write_file_atomically(path, settings.to_configuration(), 0644);
    });
    settings.has_configuration = true;
  }

  // A daemon that ran before the group existed still has the socket for itself.
  static void share_socket(const std::string& socket, gid_t gid) {
    if (::chown(socket.c_str(), 0, gid) < 0 || ::chmod(socket.c_str(), 0660) < 0) {
      throw Error::from_errno(fmt::format("give {} to group {}", socket, account_name));
    }
  }
};

const Register<Init> registered{{
    .path = "init",
    .summary = "Set up this host and start the daemon",
    .about =
        R"(Makes the group and user kukeon, the run path and the socket directory, starts kukeond (with systemd
where it runs, else as a process of its own) and creates the realm, space and stack `default`.
Running it again repairs what is missing and changes nothing else. Members of the group kukeon
may use the daemon.)",
    .examples = R"(sudo kuke init
sudo kuke init --run-path /srv/kukeon --pod-subnet-cidr 10.99.0.0/16)",
}};

}  // namespace
}  // namespace kukeon::cli
