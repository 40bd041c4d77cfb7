// SPDX-License-Identifier: Apache-2.0
#include "kukeon/reflect/reference.h"

#include <gtest/gtest.h>

#include "kukeon/reflect/test_documents.h"

namespace kukeon::reflect {
namespace {

struct Rule {
  std::string host;
  testing::CellState state = testing::CellState::pending;

  static constexpr auto fields() {
    using enum Tag;
    return std::tuple{
        field("host", &Rule::host, required, "A <name> or a|b."),
        field("state", &Rule::state, omitempty | derived, "Its state."),
    };
  }
};

struct Page {
  List<Rule> rules;
  Rule status;

  static constexpr auto fields() {
    using enum Tag;
    return std::tuple{
        field("rules", &Page::rules, omitempty | live, "The rules."),
        field("status", &Page::status, always | derived, "What is."),
    };
  }
};

TEST(ReferenceTables, HoldEveryFieldAndTheStatusApart) {
  EXPECT_EQ(reference_tables(describe<Page>()),
            R"(| field | type | required | a change | meaning |
|---|---|---|---|---|
| `rules` | []Object | | live | The rules. |
| `rules[].host` | string | required | live | A &lt;name> or a\|b. |
| `rules[].state` | string | | by the daemon | Its state. One of Pending (default), Ready, Stopped, Failed, Unknown. |

## status

What is. The daemon fills it in.

| field | type | meaning |
|---|---|---|
| `status.host` | string | A &lt;name> or a\|b. |
| `status.state` | string | Its state. One of Pending (default), Ready, Stopped, Failed, Unknown. |
)");
}

TEST(Markdown, EscapesWhatIsNotCode) {
  EXPECT_EQ(markdown("<a> * `<b> * |` \\"), "&lt;a> \\* `<b> * \\|` \\\\");
}

}  // namespace
}  // namespace kukeon::reflect
