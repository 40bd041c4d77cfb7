// SPDX-License-Identifier: Apache-2.0
// `kuke delete -f`.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/engine/engine.h"
#include "kukeon/engine/in_parallel.h"

namespace kukeon::engine {
namespace {

constexpr std::size_t delete_threads = 4;  // a cell may take its whole grace to end

// "space:a" of what a deletion tells, without the parts of the object itself.
std::vector<std::string> children_in(const std::vector<std::string>& deleted) {
  std::vector<std::string> children;
  for (const std::string& one : deleted) {
    if (one.find(':') != std::string::npos) children.push_back(one);
  }
  return children;
}

}  // namespace

DeleteResult Engine::delete_document(const Desired& desired, const DeleteOptions& options) {
  const model::Path path = path_of(desired.document);
  DeleteResult result;
  result.index = desired.index;
  result.kind = kind_of(desired.document);
  result.name = path.name();
  try {
    switch (result.kind) {
      case model::Kind::realm:
        result.cascaded = children_in(delete_realm(path.realm, options).deleted);
        break;
      case model::Kind::space:
        result.cascaded = children_in(delete_space(path, options).deleted);
        break;
      case model::Kind::stack:
        result.cascaded = children_in(delete_stack(path, options).deleted);
        break;
      case model::Kind::cell: {
        delete_cell(path);
        // As many as the document names (cli.md 7.6).
        const auto& named = std::get<model::Cell>(desired.document).spec.containers;
        result.details["containers"] = fmt::format("{} deleted", named.size());
        break;
      }
      case model::Kind::container:
        delete_container(path);
        break;
    }
    result.action = "deleted";
  } catch (const Error& error) {
    // A missing parent took the object with it. By kind, never by text (runtime.md 3.10).
    const bool absent = std::ranges::any_of(model::all_kinds, [&](model::Kind kind) {
      return kind <= result.kind && error.is(model::not_found(kind));
    });
    result.action = absent ? "not found" : "failed";
    if (!absent) result.error = error.what();
  } catch (...) {
    result.action = "failed";
    result.error = current_exception_text();
  }
  return result;
}

std::vector<DeleteResult> Engine::delete_documents(const std::vector<Desired>& documents,
                                                   const DeleteOptions& options,
                                                   const std::stop_token& stop) {
  // The order of an apply, reversed.
  std::vector<Desired> ordered = documents;
  std::ranges::stable_sort(ordered, [](const Desired& a, const Desired& b) {
    return std::pair{kind_of(b.document), b.index} < std::pair{kind_of(a.document), a.index};
  });
  std::vector<DeleteResult> results(ordered.size());
  std::size_t done = 0;
  while (done < ordered.size()) {
    const model::Kind kind = kind_of(ordered[done].document);
    std::vector<std::function<void()>> tasks;
    for (; done < ordered.size() && kind_of(ordered[done].document) == kind; ++done) {
      tasks.push_back([this, &ordered, &results, &options, &stop, i = done] {
        if (!stop.stop_requested()) {
          results[i] = delete_document(ordered[i], options);
          return;
        }
        results[i].index = ordered[i].index;
        results[i].kind = kind_of(ordered[i].document);
        results[i].name = path_of(ordered[i].document).name();
        results[i].action = "failed";
        results[i].error = "not begun: the client has hung up";
      });
    }
    in_parallel(tasks, delete_threads);
  }
  return results;
}

}  // namespace kukeon::engine
