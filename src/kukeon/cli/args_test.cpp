// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/args.h"

#include <gtest/gtest.h>

#include "kukeon/base/error.h"

namespace kukeon::cli {
namespace {

using namespace std::chrono_literals;

// A command with one flag of each type, and the global switch -v.
struct Sample {
  std::string name;
  std::string output = "table";
  std::optional<std::string> realm;
  std::int64_t count = 0;
  std::chrono::nanoseconds timeout = 10s;
  std::vector<std::string> words;
  bool follow = false;
  bool verbose = false;
  Args args;
  Args globals;
  Parsed parsed;

  Sample() {
    args.flag("-o, --output", output, "Format");
    args.flag("--realm", realm, "Realm");
    args.flag("--count", count, "Count");
    args.flag("--timeout", timeout, "Timeout");
    args.flag("--command", words, "Words");
    args.flag("-f, --follow", follow, "Follow");
    globals.flag("-v, --verbose", verbose, "Verbose");
  }

  void parse(const std::vector<std::string>& input) { parsed = parse_flags(args, globals, input); }
  void parse_all(const std::vector<std::string>& input) {
    parse(input);
    parse_words(args, parsed, "kuke daemon start");
  }
};

std::string refusal(const std::vector<std::string>& input) {
  Sample sample;
  try {
    sample.parse_all(input);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Args, TakeAFlagInEverySpelling) {
  for (const std::vector<std::string>& input :
       std::vector<std::vector<std::string>>{{"--output", "json"},
                                             {"--output=json"},
                                             {"-o", "json"},
                                             {"-ojson"},
                                             {"-o=json"},
                                             {"-fo", "json"},
                                             {"-vfojson"}}) {
    Sample sample;
    sample.parse(input);
    EXPECT_EQ(sample.output, "json") << input[0];
  }
}

TEST(Args, TakeSwitchesWithAndWithoutAValue) {
  Sample sample;
  sample.parse({"-f", "--verbose=true"});
  EXPECT_TRUE(sample.follow && sample.verbose);
  sample.parse({"--follow=false", "-v=0"});
  EXPECT_FALSE(sample.follow || sample.verbose);
}

TEST(Args, TakeFlagsBeforeAndBehindWords) {
  Sample sample;
  sample.parse({"a", "-o", "json", "b", "-v", "c"});
  EXPECT_EQ(sample.parsed.words, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(sample.output, "json");
}

TEST(Args, EndFlagsAtTwoDashes) {
  Sample sample;
  sample.parse({"-f", "--", "-o", "--realm", "--"});
  EXPECT_EQ(sample.parsed.words, (std::vector<std::string>{"-o", "--realm", "--"}));
}

TEST(Args, TellAnEmptyValueFromNone) {
  Sample sample;
  sample.parse({});
  EXPECT_FALSE(sample.realm);
  sample.parse({"--realm="});
  EXPECT_EQ(sample.realm, "");
  sample.parse({"--realm", "", "x"});
  EXPECT_EQ(sample.realm, "");
  EXPECT_EQ(sample.parsed.words, std::vector<std::string>{"x"});
}

TEST(Args, TakeAnythingAsTheValueOfAFlag) {
  Sample sample;
  sample.parse({"--output", "--realm"});
  EXPECT_EQ(sample.output, "--realm");
  sample.parse({"-o", "-f"});
  EXPECT_EQ(sample.output, "-f");
  EXPECT_FALSE(sample.follow);
}

TEST(Args, TrimStringsAndKeepRepeatedValuesWhole) {
  Sample sample;
  sample.parse({"--realm", " dev ", "--command", "a,b", "--command= c"});
  EXPECT_EQ(sample.realm, "dev");
  EXPECT_EQ(sample.words, (std::vector<std::string>{"a,b", " c"}));
}

TEST(Args, LetTheLastOfARepeatedFlagWin) {
  Sample sample;
  sample.parse({"-o", "yaml", "-o", "json", "--count=1", "--count=2"});
  EXPECT_EQ(sample.output, "json");
  EXPECT_EQ(sample.count, 2);
}

TEST(Args, TakeADashAsAWordAndAsAValue) {
  Sample sample;
  sample.parse({"-", "-o", "-"});
  EXPECT_EQ(sample.parsed.words, std::vector<std::string>{"-"});
  EXPECT_EQ(sample.output, "-");
}

TEST(Args, NameAWrongFlagAsTheContractDoes) {
  EXPECT_EQ(refusal({"--bogus"}), "unknown flag: --bogus");
  EXPECT_EQ(refusal({"--bogus=1"}), "unknown flag: --bogus");
  EXPECT_EQ(refusal({"-x"}), "unknown shorthand flag: 'x' in -x");
  EXPECT_EQ(refusal({"-xf"}), "unknown shorthand flag: 'x' in -xf");
  EXPECT_EQ(refusal({"-fx"}), "unknown shorthand flag: 'x' in -x");
  EXPECT_EQ(refusal({"--output"}), "flag needs an argument: --output");
  EXPECT_EQ(refusal({"-o"}), "flag needs an argument: 'o' in -o");
  EXPECT_EQ(refusal({"-fo"}), "flag needs an argument: 'o' in -o");
}

TEST(Args, SayWhyAValueIsWrong) {
  EXPECT_EQ(
      refusal({"--count", "x"}),
      R"(invalid argument "x" for "--count" flag: strconv.ParseInt: parsing "x": invalid syntax)");
  EXPECT_EQ(refusal({"--timeout=abc"}),
            R"(invalid argument "abc" for "--timeout" flag: time: invalid duration "abc")");
  EXPECT_EQ(
      refusal({"--follow=maybe"}),
      R"(invalid argument "maybe" for "-f, --follow" flag: strconv.ParseBool: parsing "maybe": invalid syntax)");
  EXPECT_EQ(
      refusal({"--follow="}),
      R"(invalid argument "" for "-f, --follow" flag: strconv.ParseBool: parsing "": invalid syntax)");
}

TEST(Args, CountWordsAsTheContractDoes) {
  EXPECT_EQ(refusal({"web"}), R"(unknown command "web" for "kuke daemon start")");

  Sample exact;
  exact.args.positional("NAME", exact.name);
  EXPECT_NO_THROW(exact.parse_all({"web"}));
  EXPECT_EQ(exact.name, "web");
  const auto message = [](Sample& sample, const std::vector<std::string>& input) -> std::string {
    try {
      sample.parse_all(input);
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message(exact, {}), "accepts 1 arg(s), received 0");
  EXPECT_EQ(message(exact, {"a", "b"}), "accepts 1 arg(s), received 2");

  Sample optional;
  optional.args.optional_positional("NAME", optional.name);
  EXPECT_EQ(message(optional, {}), "accepted");
  EXPECT_EQ(message(optional, {"a", "b"}), "accepts at most 1 arg(s), received 2");

  Sample required;
  std::string file;
  required.args.flag("-f, --file", file, "File");
  Args fresh;
  fresh.flag("-f, --file", file, "File");
  fresh.required();
  const Parsed parsed = parse_flags(fresh, Args{}, {});
  EXPECT_THROW(parse_words(fresh, parsed, "kuke apply"), Error);
  try {
    parse_words(fresh, parsed, "kuke apply");
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), R"(required flag(s) "file" not set)");
  }
}

TEST(Duration, IsGos) {
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("1m30s"), 90s);
  EXPECT_EQ(parse_duration("1.5h"), 90min);
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("-2us"), -2us);
  EXPECT_EQ(parse_duration(".5s"), 500ms);
  EXPECT_EQ(parse_duration("0"), 0s);
  for (const char* wrong :
       {"", "abc", "10", "s", "1x", "inf", "1s2", "--1s", "1e3s", "999999999h"}) {
    EXPECT_THROW(parse_duration(wrong), Error) << wrong;
  }
}

}  // namespace
}  // namespace kukeon::cli
