// SPDX-License-Identifier: Apache-2.0
// Manifests: planned, applied, deleted.
#include <stop_token>
#include <utility>
#include <variant>

#include "kukeon/api/daemon_methods.h"
#include "kukeon/api/document_methods.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/daemon/handlers.h"
#include "kukeon/v1beta1/parse.h"
#include "kukeon/v1beta1/scheme.h"

namespace kukeon::daemon {
namespace {

std::vector<engine::Desired> desired_of(const std::vector<v1beta1::Document>& documents) {
  std::vector<engine::Desired> out;
  for (const v1beta1::Document& document : documents) {
    out.push_back(
        {document.index,
         std::visit([](const auto& doc) { return engine::Document{v1beta1::to_model(doc)}; },
                    document.doc)});
  }
  return out;
}

// What Plan and Apply have in common, so that the one foretells the other.
template <class Request>
engine::Plan plan_for(const engine::Engine& engine, const Request& request,
                      v1beta1::Validation usual, reflect::StringList& warnings) {
  const auto validation =
      request.validate.empty() ? usual : v1beta1::parse_validation(request.validate);
  const auto documents = v1beta1::parse_documents(request.raw_yaml.data, validation, &warnings);
  return engine.plan(desired_of(documents), {.set = request.set, .prune = request.prune});
}

reflect::List<api::PlannedField> fields_of(const std::vector<reflect::Difference>& fields) {
  reflect::List<api::PlannedField> out;
  for (const reflect::Difference& field : fields) {
    out.push_back({field.path, field.before, field.after,
                   std::string{engine::word_of(engine::effect_of(field))}});
  }
  return out;
}

api::PlannedChange change_of(const engine::Change& change) {
  const model::Path path = engine::path_of(change.desired);
  api::PlannedChange out;
  out.index = change.index;
  out.kind = model::word_of(engine::kind_of(change.desired));
  out.name = path.name();
  out.path = path.key();
  out.action = engine::word_of(change.action);
  out.generation = change.generation;
  out.error = change.refusal;
  out.changed = fields_of(change.fields);
  for (const engine::ContainerChange& one : change.containers) {
    out.containers.push_back(
        {one.id, std::string{engine::word_of(one.action)}, fields_of(one.fields)});
  }
  for (const engine::Touch& touch : change.objects) {
    out.objects.push_back({std::string{touch.verb}, touch.object});
  }
  return out;
}

api::AppliedResource resource_of(const engine::ApplyResult& result) {
  api::AppliedResource resource;
  resource.index = result.index;
  resource.kind = model::word_of(result.kind);
  resource.name = result.name;
  resource.action = result.action;
  resource.error = result.error;
  // Null where nothing can stand: created, unchanged (wire.md §7, 4).
  for (const std::string& change : result.changes) resource.changes.push_back(change);
  for (const auto& [field, text] : result.details) resource.details[field] = text;
  if (result.action == "failed" || result.action == "updated") resource.details.set_null(false);
  if (result.action == "updated") resource.changes.set_null(false);
  return resource;
}

api::DeletedResource resource_of(const engine::DeleteResult& result) {
  api::DeletedResource resource;
  resource.index = result.index;
  resource.kind = model::word_of(result.kind);
  resource.name = result.name;
  resource.action = result.action;
  resource.error = result.error;
  for (const std::string& child : result.cascaded) resource.cascaded.push_back(child);
  for (const auto& [key, text] : result.details) resource.details[key] = text;
  return resource;
}

// `delete -f` judges documents as apply does, and says so in other words (cli.md 7.2).
std::vector<v1beta1::Document> parse_to_delete(const std::string& stream,
                                               v1beta1::Validation validation) {
  try {
    return v1beta1::parse_documents(stream, validation);
  } catch (const Error& error) {
    constexpr std::string_view heading = "validation failed:";
    const std::string_view text = error.what();
    if (!text.starts_with(heading)) throw;
    throw Error{error.kind(), "validation errors:" + std::string{text.substr(heading.size())}};
  }
}

}  // namespace

void add_document_handlers(Router& router, engine::Engine& engine, v1beta1::Validation usual) {
  router.on<api::PlanDocuments>([&engine, usual](const api::PlanDocuments::Request& request) {
    api::PlanDocuments::Result result;
    const engine::Plan plan = plan_for(engine, request, usual, result.warnings);
    engine.remember(plan);
    result.hash = engine::hash_of(plan);
    result.changes.set_null(false);
    for (const engine::Change& change : plan.changes) result.changes.push_back(change_of(change));
    return result;
  });
  router.on<api::ApplyDocuments>(
      [&engine, usual](const api::ApplyDocuments::Request& request, const std::stop_token& gone) {
        api::ApplyDocuments::Result result;
        const engine::Plan plan = plan_for(engine, request, usual, result.warnings);
        if (!request.plan.empty()) engine.require_plan(plan, request.plan);
        result.resources.set_null(false);
        for (const auto& one : engine.execute(plan, gone))
          result.resources.push_back(resource_of(one));
        return result;
      });
  router.on<api::DeleteDocuments>(
      [&engine, usual](const api::DeleteDocuments::Request& request, const std::stop_token& gone) {
        const auto documents = parse_to_delete(request.raw_yaml.data, usual);
        api::DeleteDocuments::Result result;
        result.resources.set_null(false);
        for (const auto& one : engine.delete_documents(
                 desired_of(documents), delete_options(request.cascade, request.force), gone)) {
          result.resources.push_back(resource_of(one));
        }
        return result;
      });
}

}  // namespace kukeon::daemon
