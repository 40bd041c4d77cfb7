// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kukeon/api/document_methods.h"
#include "kukeon/cli/context.h"

namespace kukeon::cli {

enum class Objects { hidden, listed };

// A line for each thing that changes, `+` made, `~` changed, `>` started, `-` deleted, `!` refused,
// with what differs below it; empty where nothing does.
std::string changes_text(const api::PlanDocuments::Result& plan, Objects objects);

// "Plan: 1 to create, …" and the hash.
std::string summary_text(const api::PlanDocuments::Result& plan);

// The plan on standard output: json, yaml, or for people. Throws in the last case when a document
// is refused, as applying it would.
void print_plan(Context& context, const api::PlanDocuments::Result& plan,
                const std::string& output);

// Shows what --prune would delete and asks; throws cancelled without a yes, and where nobody can be
// asked.
void confirm_deletions(Context& context, const api::PlanDocuments::Result& plan, bool yes);

}  // namespace kukeon::cli
