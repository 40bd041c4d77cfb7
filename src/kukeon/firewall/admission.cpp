// SPDX-License-Identifier: Apache-2.0
#include "kukeon/firewall/admission.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/log.h"
#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"

namespace kukeon::firewall {
namespace {

// A rule of ours, in the words of iptables(8). It is written with the program that made the chain:
// one expression that iptables-nft has no words for (nft's own `ct state` is one) makes it refuse
// the whole table, and docker's next call fails.
struct Rule {
  std::string_view tag;
  std::vector<std::string> match;
};

const std::array rules{
    Rule{"kukeon-forward:established", {"-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"}},
    Rule{"kukeon-forward:ingress", {"!", "-i", "k-+", "-o", "k-+"}},
};

constexpr std::string_view chain = "FORWARD";

std::string iptables(std::string_view program, std::vector<std::string> arguments) {
  Command command;
  command.argv = {std::string{program}, "-w", "5"};
  std::ranges::move(arguments, std::back_inserter(command.argv));
  const Output output = run(command, std::chrono::seconds{10});
  if (!output.exit.ok()) {
    throw Error{kinds::os_error, fmt::format("{}: {}", join(command.argv, " "), trim(output.err))};
  }
  return output.out;
}

std::vector<std::string> with_rule(std::string_view verb, const Rule& rule) {
  std::vector<std::string> words{std::string{verb}, std::string{chain}};
  if (verb == "-I") words.push_back("1");
  std::ranges::copy(rule.match, std::back_inserter(words));
  for (std::string_view word : {"-m", "comment", "--comment"}) words.emplace_back(word);
  words.emplace_back(rule.tag);
  words.emplace_back("-j");
  words.emplace_back("ACCEPT");
  return words;
}

// The chain as `iptables -S` prints it.
struct ForwardChain {
  std::string_view program;
  bool drops = false;
  std::string listing;

  bool has(const Rule& rule) const { return listing.find(rule.tag) != std::string::npos; }
};

// Each of the two packet filters that a host may have under the name iptables; asked only where its
// table exists, since asking makes one.
enum class Which { all, dropping };
std::vector<ForwardChain> foreign_chains(kernel::Nft& nft, Which which) {
  std::vector<ForwardChain> found;
  const auto add = [&](std::string_view program) {
    try {
      ForwardChain foreign{program, false, iptables(program, {"-S", std::string{chain}})};
      foreign.drops = foreign.listing.find(fmt::format("-P {} DROP", chain)) != std::string::npos;
      if (foreign.drops || which == Which::all) found.push_back(std::move(foreign));
    } catch (const Error& error) {
      if (!error.is(kinds::not_found)) throw;
      log::warn("a FORWARD chain may drop what our cells send; install iptables",
                {{"cause", error.what()}});
    }
  };
  // An nft listing spares the program where there is nothing to do.
  const auto listing = nft.list(fmt::format("list chain ip filter {}", chain));
  if (listing && (which == Which::all || listing->find("policy drop") != std::string::npos)) {
    add("iptables-nft");
  }
  // Absent where the legacy modules are not loaded.
  const auto legacy = read_file_if_exists("/proc/thread-self/net/ip_tables_names", 4096);
  if (legacy && std::ranges::count(split(*legacy, '\n'), "filter") > 0) add("iptables-legacy");
  return found;
}

}  // namespace

bool ForwardAdmission::ensure() {
  return during("admitting our bridges to the host's FORWARD chain", [&] {
    bool entered = false;
    for (const ForwardChain& foreign : foreign_chains(nft_, Which::dropping)) {
      entered = true;
      for (const Rule& rule : rules) {
        if (foreign.has(rule)) continue;
        iptables(foreign.program, with_rule("-I", rule));
        log::info("rule added to a FORWARD chain that drops",
                  {{"program", foreign.program}, {"rule", rule.tag}});
      }
    }
    return entered;
  });
}

void ForwardAdmission::remove() {
  during("removing our rules from the host's FORWARD chain", [&] {
    for (const ForwardChain& foreign : foreign_chains(nft_, Which::all)) {
      for (const Rule& rule : rules) {
        if (foreign.has(rule)) iptables(foreign.program, with_rule("-D", rule));
      }
    }
  });
}

std::vector<std::string> ForwardAdmission::inventory() {
  std::vector<std::string> found;
  for (const ForwardChain& foreign : foreign_chains(nft_, Which::all)) {
    for (const Rule& rule : rules) {
      if (foreign.has(rule)) {
        found.push_back(fmt::format("{} rule {} {}", foreign.program, chain, rule.tag));
      }
    }
  }
  return found;
}

}  // namespace kukeon::firewall
