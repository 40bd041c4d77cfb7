// SPDX-License-Identifier: Apache-2.0
#include "kukeon/oci/seccomp.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/reflect/json.h"

namespace kukeon::oci {
namespace {

// Bounds of a profile; Debian's has 35 rules with 472 names and is four levels deep.
constexpr std::size_t deepest = 16;
constexpr std::size_t most_rules = 4096;
constexpr std::size_t most_names = 16384;
constexpr std::size_t most_cached = 64;

constexpr std::string_view action_errno = "SCMP_ACT_ERRNO";
constexpr std::string_view action_trace = "SCMP_ACT_TRACE";

// The words of the OCI runtime specification, "Seccomp"; a runtime's own message for another word
// names neither rule nor file.
constexpr std::array<std::string_view, 9> actions{
    "SCMP_ACT_ALLOW",        action_errno,      "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS", action_trace,      "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_LOG",          "SCMP_ACT_NOTIFY", "SCMP_ACT_TRAP"};
constexpr std::array<std::string_view, 7> operators{
    "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",       "SCMP_CMP_EQ",
    "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"};
constexpr std::array<std::string_view, 19> architectures{
    "SCMP_ARCH_X86",     "SCMP_ARCH_X86_64",   "SCMP_ARCH_X32",         "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS",     "SCMP_ARCH_MIPS64",      "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",  "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",   "SCMP_ARCH_PPC64LE",  "SCMP_ARCH_S390",        "SCMP_ARCH_S390X",
    "SCMP_ARCH_RISCV64", "SCMP_ARCH_PARISC",   "SCMP_ARCH_PARISC64"};

// Both formats in one: the first four members are the filter's, the others Docker's.
struct Argument {
  std::uint32_t index = 0;
  std::uint64_t value = 0;
  std::uint64_t value_two = 0;
  std::string op;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("index", &Argument::index, always, "Which argument, from 0."),
        reflect::field("value", &Argument::value, always, "What it is compared with."),
        reflect::field("valueTwo", &Argument::value_two, omitempty, "The value under a mask."),
        reflect::field("op", &Argument::op, always, "How it is compared."),
    };
  }
};

struct Condition {
  reflect::StringList caps;
  reflect::StringList arches;
  std::string min_kernel;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("caps", &Condition::caps, omitempty, "Capabilities of the container."),
        reflect::field("arches", &Condition::arches, omitempty, "Architectures."),
        reflect::field("minKernel", &Condition::min_kernel, omitempty, "Oldest kernel, 4.8."),
    };
  }
};

struct Rule {
  reflect::StringList names;
  std::string action;
  std::optional<std::uint32_t> errno_ret;
  reflect::List<Argument> args;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("names", &Rule::names, always, "System calls."),
        reflect::field("action", &Rule::action, always, "What becomes of them."),
        reflect::field("errnoRet", &Rule::errno_ret, omitempty, "The errno of SCMP_ACT_ERRNO."),
        reflect::field("args", &Rule::args, omitempty, "All must hold."),
    };
  }
};

struct ProfileRule {
  std::string name;
  reflect::StringList names;
  std::string action;
  std::optional<std::uint32_t> errno_ret;
  std::string errno_name;
  reflect::List<Argument> args;
  Condition includes;
  Condition excludes;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("name", &ProfileRule::name, omitempty, "One system call."),
        reflect::field("names", &ProfileRule::names, omitempty, "System calls."),
        reflect::field("action", &ProfileRule::action, always, "What becomes of them."),
        reflect::field("errnoRet", &ProfileRule::errno_ret, omitempty, "The errno, a number."),
        reflect::field("errno", &ProfileRule::errno_name, omitempty, "The errno, its name."),
        reflect::field("args", &ProfileRule::args, omitempty, "All must hold."),
        reflect::field("includes", &ProfileRule::includes, omitempty, "Where the rule holds."),
        reflect::field("excludes", &ProfileRule::excludes, omitempty, "Where it does not."),
    };
  }
};

struct ArchitectureRow {
  std::string architecture;
  reflect::StringList sub_architectures;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("architecture", &ArchitectureRow::architecture, always, "Native."),
        reflect::field("subArchitectures", &ArchitectureRow::sub_architectures, omitempty,
                       "What it runs beside."),
    };
  }
};

struct Profile {
  std::string default_action;
  std::optional<std::uint32_t> default_errno_ret;
  std::string default_errno_name;
  reflect::StringList architectures;
  reflect::List<ArchitectureRow> arch_map;
  reflect::StringList flags;
  std::string listener_path;
  std::string listener_metadata;
  reflect::List<ProfileRule> syscalls;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("defaultAction", &Profile::default_action, always, "For all else."),
        reflect::field("defaultErrnoRet", &Profile::default_errno_ret, omitempty, "Its errno."),
        reflect::field("defaultErrno", &Profile::default_errno_name, omitempty, "Its name."),
        reflect::field("architectures", &Profile::architectures, omitempty, "Of the filter."),
        reflect::field("archMap", &Profile::arch_map, omitempty, "Of the profile."),
        reflect::field("flags", &Profile::flags, omitempty, "Of seccomp(2)."),
        reflect::field("listenerPath", &Profile::listener_path, omitempty, "Of an agent."),
        reflect::field("listenerMetadata", &Profile::listener_metadata, omitempty, "For it."),
        reflect::field("syscalls", &Profile::syscalls, omitempty, "Rules, in order."),
    };
  }
};

struct Filter {
  std::string default_action;
  std::optional<std::uint32_t> default_errno_ret;
  reflect::StringList architectures;
  reflect::StringList flags;
  std::string listener_path;
  std::string listener_metadata;
  reflect::List<Rule> syscalls;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("defaultAction", &Filter::default_action, always, "For all else."),
        reflect::field("defaultErrnoRet", &Filter::default_errno_ret, omitempty, "Its errno."),
        reflect::field("architectures", &Filter::architectures, omitempty, "Others are killed."),
        reflect::field("flags", &Filter::flags, omitempty, "Of seccomp(2)."),
        reflect::field("listenerPath", &Filter::listener_path, omitempty, "Of an agent."),
        reflect::field("listenerMetadata", &Filter::listener_metadata, omitempty, "For it."),
        reflect::field("syscalls", &Filter::syscalls, omitempty, "Rules, in order."),
    };
  }
};

Error bad(std::string text) {
  return Error{kinds::invalid_argument, "seccomp profile: " + std::move(text)};
}

void require_word(std::string_view what, std::string_view word,
                  std::span<const std::string_view> known) {
  if (std::ranges::find(known, word) != known.end()) return;
  std::string text = fmt::format("{} is {}", quote(word), what);
  const auto likely = nearest(word, {known.begin(), known.end()});
  if (!likely.empty()) text += fmt::format("; did you mean {}?", likely);
  throw bad(std::move(text));
}

// "EPERM", "1".
std::uint32_t errno_of(std::string_view name) {
  constexpr int largest_errno = 4095;  // MAX_ERRNO of the kernel
  if (const auto number = parse_integer(name); number && *number >= 0 && *number <= largest_errno) {
    return static_cast<std::uint32_t>(*number);
  }
  for (int number = 1; number <= largest_errno; ++number) {
    const char* const known = ::strerrorname_np(number);
    if (known != nullptr && name == known) return static_cast<std::uint32_t>(number);
  }
  throw bad(fmt::format("{} is no errno", quote(name)));
}

// The name says what it means on every architecture, the number only on the one it was written on.
std::optional<std::uint32_t> errno_of(const std::optional<std::uint32_t>& number,
                                      const std::string& name, std::string_view action) {
  if (action != action_errno && action != action_trace) return std::nullopt;
  if (!name.empty()) return errno_of(name);
  return number;
}

std::pair<int, int> parse_kernel(std::string_view text) {
  const auto dot = text.find('.');
  const auto number = [&](std::string_view digits) {
    const auto value = parse_integer(digits);
    if (dot == std::string_view::npos || !value || *value < 0 || *value > 1'000'000) {
      throw bad(fmt::format("minKernel {} is no <major>.<minor>", quote(text)));
    }
    return static_cast<int>(*value);
  };
  return {number(text.substr(0, dot)),
          number(dot == std::string_view::npos ? "" : text.substr(dot + 1))};
}

class Converter {
 public:
  Converter(const reflect::StringList& capabilities, const SeccompHost& host)
      : capabilities_{capabilities}, host_{host} {}

  Filter convert(Profile profile) const {
    require_word("no action", profile.default_action, actions);
    Filter filter{.default_action = profile.default_action,
                  .default_errno_ret = errno_of(profile.default_errno_ret,
                                                profile.default_errno_name, profile.default_action),
                  .architectures = architectures_of(profile),
                  .flags = std::move(profile.flags),
                  .listener_path = std::move(profile.listener_path),
                  .listener_metadata = std::move(profile.listener_metadata),
                  .syscalls = {}};
    if (profile.syscalls.size() > most_rules) {
      throw bad(fmt::format("has more than {} rules", most_rules));
    }
    std::size_t names = 0;
    for (std::size_t i = 0; i < profile.syscalls.size(); ++i) {
      auto& rule = profile.syscalls[i];
      during(fmt::format("rule {}", i), [&] { check(rule); });
      names += rule.names.size();
      if (names > most_names) throw bad(fmt::format("names more than {} calls", most_names));
      if (applies(rule)) filter.syscalls.push_back(to_rule(std::move(rule)));
    }
    return filter;
  }

 private:
  reflect::StringList architectures_of(const Profile& profile) const {
    if (!profile.arch_map.empty() && !profile.architectures.empty()) {
      throw bad("has both architectures and archMap; keep one");
    }
    for (const auto& name : profile.architectures) {
      require_word("no architecture", name, architectures);
    }
    if (!profile.architectures.empty()) return profile.architectures;
    const bool known = std::ranges::any_of(
        profile.arch_map, [&](const auto& row) { return row.architecture == host_.name; });
    // Empty: the runtime takes the native one.
    return known ? reflect::StringList{std::string{host_.name}} : reflect::StringList{};
  }

  static void check(ProfileRule& rule) {
    if (!rule.name.empty()) rule.names.push_back(rule.name);
    if (rule.names.empty()) throw bad("a rule names no system call");
    require_word("no action", rule.action, actions);
    for (const auto& argument : rule.args) {
      if (argument.index > 5) {
        throw bad(fmt::format("a system call has no argument {}", argument.index));
      }
      require_word("no comparison", argument.op, operators);
    }
  }

  bool has_capability(const std::string& name) const {
    return std::ranges::find(capabilities_, name) != capabilities_.end();
  }

  bool has_architecture(const Condition& condition) const {
    return std::ranges::find(condition.arches, host_.word) != condition.arches.end();
  }

  bool has_kernel(const Condition& condition) const {
    return std::pair{host_.kernel_major, host_.kernel_minor} >= parse_kernel(condition.min_kernel);
  }

  // Includes: all capabilities, one of the architectures. Excludes: any of them.
  bool applies(const ProfileRule& rule) const {
    const auto& in = rule.includes;
    const auto& out = rule.excludes;
    const auto has = [&](const std::string& name) { return has_capability(name); };
    if (!in.arches.empty() && !has_architecture(in)) return false;
    if (has_architecture(out)) return false;
    if (!std::ranges::all_of(in.caps, has) || std::ranges::any_of(out.caps, has)) return false;
    if (!in.min_kernel.empty() && !has_kernel(in)) return false;
    return out.min_kernel.empty() || !has_kernel(out);
  }

  static Rule to_rule(ProfileRule rule) {
    return {.names = std::move(rule.names),
            .action = rule.action,
            .errno_ret = errno_of(rule.errno_ret, rule.errno_name, rule.action),
            .args = std::move(rule.args)};
  }

  const reflect::StringList& capabilities_;
  const SeccompHost& host_;
};

}  // namespace

SeccompHost SeccompHost::here() {
  SeccompHost host;
#if defined(__x86_64__) && defined(__ILP32__)
  host.word = "x32", host.name = "SCMP_ARCH_X32";
#elif defined(__x86_64__)
  host.word = "amd64", host.name = "SCMP_ARCH_X86_64";
#elif defined(__i386__)
  host.word = "x86", host.name = "SCMP_ARCH_X86";
#elif defined(__aarch64__)
  host.word = "arm64", host.name = "SCMP_ARCH_AARCH64";
#elif defined(__arm__)
  host.word = "arm", host.name = "SCMP_ARCH_ARM";
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  host.word = "ppc64le", host.name = "SCMP_ARCH_PPC64LE";
#elif defined(__s390x__)
  host.word = "s390x", host.name = "SCMP_ARCH_S390X";
#elif defined(__riscv) && __riscv_xlen == 64
  host.word = "riscv64", host.name = "SCMP_ARCH_RISCV64";
#elif defined(__mips64) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  host.word = "mips64le", host.name = "SCMP_ARCH_MIPSEL64";
#endif
  utsname system{};
  if (::uname(&system) < 0) throw Error::from_errno("ask for the kernel's version");
  // "6.1.0-13-amd64"
  const auto parts =
      split(std::string_view{system.release}.substr(
                0, std::string_view{system.release}.find_first_not_of("0123456789.")),
            '.');
  const auto part = [&](std::size_t i) {
    return i < parts.size() ? static_cast<int>(parse_integer(parts[i]).value_or(0)) : 0;
  };
  host.kernel_major = part(0);
  host.kernel_minor = part(1);
  return host;
}

std::string seccomp_filter(std::string_view profile, const reflect::StringList& capabilities,
                           const SeccompHost& host) {
  const auto tree = reflect::parse_json(profile, {.depth = deepest});
  if (tree.kind != reflect::Tree::Kind::map) throw bad("is no JSON object");
  return reflect::to_json(Converter{capabilities, host}.convert(
      reflect::from_tree<Profile>(tree, reflect::Syntax::json)));
}

std::string DefaultSeccompFilters::for_capabilities(const reflect::StringList& capabilities) {
  std::vector<std::string> sorted{capabilities.begin(), capabilities.end()};
  std::ranges::sort(sorted);
  const std::string key = join(sorted, " ");
  return made_.with([&](auto& made) {
    auto found = made.find(key);
    if (found == made.end()) {
      if (made.size() >= most_cached) made.clear();
      found =
          made.emplace(key, seccomp_filter(default_seccomp_profile(), capabilities, host_)).first;
    }
    return found->second;
  });
}

}  // namespace kukeon::oci
