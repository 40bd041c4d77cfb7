// SPDX-License-Identifier: Apache-2.0
#include "kukeon/network/conflist.h"

#include <optional>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/reflect/decode.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/values.h"

namespace kukeon::network {
namespace {

using reflect::field;
using reflect::List;
using enum reflect::Tag;

struct Range {
  std::string subnet;

  static constexpr auto fields() {
    return std::tuple{field("subnet", &Range::subnet, always, "Addresses to choose from.")};
  }
  bool operator==(const Range&) const = default;
};

struct Route {
  std::string dst;

  static constexpr auto fields() {
    return std::tuple{field("dst", &Route::dst, always, "Destination, over the gateway.")};
  }
  bool operator==(const Route&) const = default;
};

struct Ipam {
  std::string type;
  List<List<Range>> ranges;
  List<Route> routes;

  static constexpr auto fields() {
    return std::tuple{
        field("type", &Ipam::type, always, "The plugin that leases addresses."),
        field("ranges", &Ipam::ranges, omitempty, "One address from each set of ranges."),
        field("routes", &Ipam::routes, omitempty, "Routes inside the cell."),
    };
  }
  bool operator==(const Ipam&) const = default;
};

struct Plugin {
  std::string type;
  std::string bridge;
  bool is_gateway = false;
  bool ip_masq = false;
  std::optional<Ipam> ipam;

  static constexpr auto fields() {
    return std::tuple{
        field("type", &Plugin::type, always, "The plugin's program."),
        field("bridge", &Plugin::bridge, omitempty, "The bridge's name."),
        field("isGateway", &Plugin::is_gateway, omitempty, "The bridge has the gateway address."),
        field("ipMasq", &Plugin::ip_masq, omitempty, "Masquerade what leaves the network."),
        field("ipam", &Plugin::ipam, omitempty, "How addresses are leased."),
    };
  }
  bool operator==(const Plugin&) const = default;
};

struct Conflist {
  std::string cni_version;
  std::string name;
  List<Plugin> plugins;

  static constexpr auto fields() {
    return std::tuple{
        field("cniVersion", &Conflist::cni_version, always, "Version of the CNI specification."),
        field("name", &Conflist::name, always, "The network's name."),
        field("plugins", &Conflist::plugins, always, "The chain, in order."),
    };
  }
};

struct SubnetFile {
  std::string version;
  std::string subnet_cidr;

  static constexpr auto fields() {
    return std::tuple{
        field("version", &SubnetFile::version, always, "Version of this file."),
        field("subnetCIDR", &SubnetFile::subnet_cidr, always, "The space's subnet."),
    };
  }
};

constexpr std::string_view subnet_file_version = "v1";

Subnet parse_stored_subnet(const std::string& text) {
  try {
    return Subnet::parse(text);
  } catch (const Error& error) {
    throw Error{kinds::decode_failed, error.message()};
  }
}

}  // namespace

std::string write_conflist(const SpaceNetwork& space) {
  const Plugin bridge{
      .type = "bridge",
      .bridge = space.bridge,
      .is_gateway = true,
      .ip_masq = true,
      .ipam = Ipam{.type = "host-local",
                   .ranges = {List<Range>{Range{space.subnet.to_string()}}},
                   .routes = {Route{"0.0.0.0/0"}}},
  };
  const Plugin loopback{.type = "loopback", .bridge = {}, .ipam = {}};
  return reflect::to_json(Conflist{"0.4.0", space.name, {bridge, loopback}}, 2);
}

SpaceNetwork read_conflist(std::string_view text) {
  const auto list = reflect::from_json<Conflist>(text);
  for (const Plugin& plugin : list.plugins) {
    if (plugin.type != "bridge") continue;
    if (list.name.empty() || plugin.bridge.empty() || !plugin.ipam ||
        plugin.ipam->type != "host-local" || plugin.ipam->ranges.size() != 1 ||
        plugin.ipam->ranges[0].size() != 1) {
      break;
    }
    return {list.name, plugin.bridge, parse_stored_subnet(plugin.ipam->ranges[0][0].subnet)};
  }
  throw Error{kinds::decode_failed,
              "the conflist has no bridge plugin with a name and one host-local range"};
}

std::string write_subnet_file(const Subnet& subnet) {
  return reflect::to_json(SubnetFile{std::string{subnet_file_version}, subnet.to_string()});
}

Subnet read_subnet_file(std::string_view text) {
  const auto file = reflect::from_json<SubnetFile>(text);
  if (file.version != subnet_file_version) {
    throw Error{kinds::decode_failed,
                fmt::format("subnet file version \"{}\" is unknown", file.version)};
  }
  return parse_stored_subnet(file.subnet_cidr);
}

}  // namespace kukeon::network
