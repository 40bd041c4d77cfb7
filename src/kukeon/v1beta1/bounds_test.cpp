// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/fd.h"
#include "kukeon/reflect/json.h"
#include "kukeon/v1beta1/documents.h"
#include "kukeon/v1beta1/parse.h"

// Input that was written to hurt: each is refused or handled within 100 MB and 2 s of processor
// time, and nothing crashes. Each is made and parsed in a process of its own, which ends with it.
namespace kukeon::v1beta1 {
namespace {

constexpr long most_kilobytes = 100'000;
#ifdef NDEBUG
constexpr rlim_t most_seconds = 2;
#else
constexpr rlim_t most_seconds = 8;  // the bound is one of what is shipped
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

struct Cost {
  bool refused = false;
  long kilobytes = 0;
  double seconds = 0;
};

rusage usage() {
  rusage out{};
  ::getrusage(RUSAGE_SELF, &out);
  return out;
}

// In the child: what the parse of what `make` gives costs, the text itself included.
Cost cost_of(const std::function<std::string()>& make,
             const std::function<void(std::string_view)>& parse) {
  const rlimit limit{.rlim_cur = most_seconds, .rlim_max = most_seconds + 1};
  if (!sanitized) ::setrlimit(RLIMIT_CPU, &limit);
  Cost cost;
  const long before = usage().ru_maxrss;
  const std::string text = make();
  try {
    parse(text);
  } catch (const Error&) {
    cost.refused = true;
  }
  const rusage after = usage();
  cost.kilobytes = after.ru_maxrss - before;
  cost.seconds = static_cast<double>(after.ru_utime.tv_sec + after.ru_stime.tv_sec) +
                 static_cast<double>(after.ru_utime.tv_usec + after.ru_stime.tv_usec) / 1e6;
  return cost;
}

enum class Outcome { refused, handled };

class Bounds : public ::testing::Test {
 protected:
  static void measure(Outcome outcome, const std::function<std::string()>& make,
                      const std::function<void(std::string_view)>& parse) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    Fd in{ends[0]};
    Fd out{ends[1]};
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const Cost cost = cost_of(make, parse);
      const ssize_t written = ::write(out.get(), &cost, sizeof cost);
      ::_exit(written == sizeof cost ? 0 : 1);
    }
    out = Fd{};
    Cost cost;
    const ssize_t size = ::read(in.get(), &cost, sizeof cost);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_FALSE(WIFSIGNALED(status)) << "ended by signal " << WTERMSIG(status);
    ASSERT_EQ(size, static_cast<ssize_t>(sizeof cost));
    EXPECT_EQ(cost.refused, outcome == Outcome::refused);
    if (sanitized) return;
    EXPECT_LE(cost.kilobytes, most_kilobytes);
    EXPECT_LE(cost.seconds, static_cast<double>(most_seconds));
    if (::getenv("KUKEON_BOUNDS_VERBOSE") != nullptr) {
      fmt::print("{} KB, {:.2f} s\n", cost.kilobytes, cost.seconds);
    }
  }

  static void yaml(Outcome outcome, const std::function<std::string()>& make) {
    SCOPED_TRACE("YAML");
    measure(outcome, make, [](std::string_view text) { parse_documents(text); });
  }
  static void json(Outcome outcome, const std::function<std::string()>& make) {
    SCOPED_TRACE("JSON");
    measure(outcome, make, [](std::string_view text) { reflect::from_json<CellDoc>(text); });
  }
  static void both(Outcome outcome, const std::function<std::string()>& make) {
    yaml(outcome, make);
    json(outcome, make);
  }

  static std::string repeated(std::string_view piece, std::size_t count) {
    std::string out;
    out.reserve(piece.size() * count);
    for (std::size_t i = 0; i < count; ++i) out += piece;
    return out;
  }
};

constexpr std::size_t megabyte = 1'000'000;
constexpr std::string_view cell_head =
    "{\"kind\":\"Cell\",\"metadata\":{\"name\":\"c\"},\"spec\":{\"realmId\":\"r\",\"spaceId\":"
    "\"s\","
    "\"stackId\":\"t\",\"containers\":[{\"id\":\"a\",\"image\":\"i\"}]}";

TEST_F(Bounds, ABillionLaughs) {
  yaml(Outcome::refused, [] {
    std::string bomb = "kind: Cell\na0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
    for (int i = 1; i < 10; ++i) {
      bomb += fmt::format("a{}: &a{} [", i, i) + repeated(fmt::format("*a{}, ", i - 1), 9) + "]\n";
    }
    return bomb;
  });
}

TEST_F(Bounds, TenMegabytesOfBrackets) {
  both(Outcome::refused, [] { return std::string(10 * megabyte, '['); });
  yaml(Outcome::refused, [] { return std::string(4 * megabyte, '['); });
}

TEST_F(Bounds, TenMegabytesOfOpenMaps) {
  both(Outcome::refused, [] { return repeated("{\"a\":", 2 * megabyte); });
  yaml(Outcome::refused, [] { return repeated("{\"a\":", megabyte / 2); });
}

TEST_F(Bounds, DeepNestingInBlockStyle) {
  yaml(Outcome::refused, [] {
    std::string text;
    for (std::size_t i = 0; i < 2800; ++i) text += std::string(i, ' ') + "a:\n";
    return text;
  });
  yaml(Outcome::refused, [] { return repeated("- ", 2 * megabyte); });
  yaml(Outcome::refused, [] { return repeated("? ", 2 * megabyte); });
  yaml(Outcome::refused, [] { return repeated("a:\n- ", megabyte / 2); });
}

TEST_F(Bounds, BytesThatAreNotText) {
  yaml(Outcome::refused,
       [] { return "kind: Realm\nmetadata: {name: \"" + std::string(megabyte, '\xff') + "\"}"; });
  json(Outcome::handled,
       [] { return "{\"metadata\":{\"name\":\"" + std::string(megabyte, '\xff') + "\"}}"; });
  both(Outcome::refused,
       [] { return "{\"metadata\":{\"name\":\"" + std::string(megabyte, '\0') + "\"}}"; });
  both(Outcome::refused, [] { return std::string(10 * megabyte, '\0'); });
  both(Outcome::refused, [] { return std::string(10 * megabyte, '\x80'); });
}

TEST_F(Bounds, NumbersBeyondEveryRange) {
  const auto cell = [](std::string number) {
    return std::string{cell_head} + ",\"status\":{\"state\":" + std::move(number) + "}}";
  };
  both(Outcome::refused, [&] { return cell("1e400"); });
  both(Outcome::refused, [&] { return cell(std::string(4 * megabyte, '9')); });
  both(Outcome::refused, [&] { return cell("0." + std::string(3 * megabyte, '0') + "1"); });
}

TEST_F(Bounds, TwoHundredThousandDocuments) {
  yaml(Outcome::refused, [] { return repeated("---\n", 200'000); });
  yaml(Outcome::refused,
       [] { return repeated("kind: Realm\nmetadata: {name: r}\n---\n", 200'000); });
  yaml(Outcome::refused, [] { return repeated("a\n---\n", 200'000); });
  yaml(Outcome::refused, [] { return repeated("{}\n---\n", max_manifest_documents); });
}

TEST_F(Bounds, AsManyDocumentsAsOneStreamMayHold) {
  yaml(Outcome::handled,
       [] { return repeated("kind: Realm\nmetadata: {name: r}\n---\n", max_manifest_documents); });
}

TEST_F(Bounds, ADocumentOfSixteenMegabytes) {
  const auto containers = [](std::string_view one) {
    std::string text = "{\"kind\":\"Cell\",\"spec\":{\"containers\":[" +
                       repeated(one, (16 * megabyte) / one.size());
    text.back() = ']';
    return text + "}}";
  };
  both(Outcome::refused,
       [&] { return containers(R"({"id":"a","image":"busybox","env":["A=b"]},)"); });
  const std::string script(2000, 'x');
  json(Outcome::handled, [&] { return containers(R"({"id":"a","command":")" + script + "\"},"); });
}

TEST_F(Bounds, AsManyEmptyStructsAsOneDocumentMayHold) {
  const auto containers = [] {
    std::string text = "{\"spec\":{\"containers\":[" + repeated("{},", 49'000);
    text.back() = ']';
    return text + "}}";
  };
  json(Outcome::handled, containers);
  yaml(Outcome::refused, containers);
}

TEST_F(Bounds, AStreamOfSixteenMegabytesInFourDocuments) {
  yaml(Outcome::refused, [] {
    return repeated(
        "kind: Cell\nspec:\n  containers:\n" + repeated("    - id: a\n", 300'000) + "---\n", 4);
  });
}

TEST_F(Bounds, AStringOfTenMegabytes) {
  both(Outcome::refused,
       [] { return "{\"metadata\":\"" + std::string(10 * megabyte, 'x') + "\"}"; });
  yaml(Outcome::refused,
       [] { return "{\"metadata\":\"" + std::string(4 * megabyte, 'x') + "\"}"; });
  json(Outcome::handled,
       [] { return "{\"metadata\":{\"name\":\"" + std::string(10 * megabyte, 'x') + "\"}}"; });
}

std::string many_keys(std::size_t count, std::string_view open, std::string_view close) {
  std::string text{open};
  for (std::size_t i = 0; i < count; ++i) text += fmt::format("\"k{}\":\"\",", i);
  text.pop_back();
  return text += close;
}

TEST_F(Bounds, AMapOfAMillionKeys) {
  both(Outcome::refused, [] { return many_keys(megabyte, R"({"metadata":{"labels":{)", "}}}"); });
  yaml(Outcome::refused,
       [] { return many_keys(megabyte / 4, R"({"metadata":{"labels":{)", "}}}"); });
}

TEST_F(Bounds, AMillionUnknownFields) {
  both(Outcome::refused, [] { return many_keys(megabyte, "{", "}"); });
  yaml(Outcome::refused, [] {
    std::string text = "kind: Realm\n";
    for (std::size_t i = 0; i < megabyte / 3; ++i) text += fmt::format("k{}: 1\n", i);
    return text;
  });
}

TEST_F(Bounds, AListOfAMillionItems) {
  both(Outcome::refused, [] { return "{\"later\":[" + repeated("1,", 2 * megabyte) + "1]}"; });
  yaml(Outcome::refused, [] { return "kind: Realm\nlater:\n" + repeated("- 1\n", megabyte); });
  yaml(Outcome::refused,
       [] { return "kind: Realm\nlater: [" + repeated("a,", 2 * megabyte) + "a]\n"; });
  json(Outcome::refused, [] { return "{\"later\":[" + repeated("[],", 2 * megabyte) + "1]}"; });
}

TEST_F(Bounds, TokensWithoutEnd) {
  for (const char* token : {"[],", "!a ", ",", "\"\" ", "a\n"}) {
    SCOPED_TRACE(token);
    const auto of_length = [&](std::string_view open, std::size_t bytes) {
      return std::string{open} + repeated(token, bytes / std::string_view{token}.size());
    };
    yaml(Outcome::refused, [&] { return of_length("[", megabyte / 2); });
    yaml(Outcome::refused, [&] { return of_length("{", 4 * megabyte); });
    yaml(Outcome::refused, [&] { return of_length("", 4 * megabyte); });
  }
}

TEST_F(Bounds, AKeyOfAMegabyte) {
  const auto key = [] { return "{\"" + std::string(megabyte, 'k') + "\":1}"; };
  yaml(Outcome::refused, key);
  json(Outcome::handled, key);
}

}  // namespace
}  // namespace kukeon::v1beta1
