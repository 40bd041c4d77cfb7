// SPDX-License-Identifier: Apache-2.0
#include "kukeon/v1beta1/scheme.h"

#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"

namespace kukeon::v1beta1 {
namespace {

// The row of T's table with this key, or the number of rows.
template <reflect::Described T>
constexpr std::size_t row_named(std::string_view name) {
  std::size_t index = 0;
  bool found = false;
  reflect::for_each_field<T>([&](const auto& row) {
    if (found) return;
    if (row.name == name) {
      found = true;
    } else {
      ++index;
    }
  });
  return index;
}

// Whether a table has all keys of another, beside the heading of a document.
template <reflect::Described T, reflect::Described Other>
consteval bool has_each_row_of() {
  bool all = true;
  reflect::for_each_field<Other>([&](const auto& row) {
    const bool heading = row.name == "apiVersion" || row.name == "kind";
    if (!heading && row_named<T>(row.name) == std::tuple_size_v<decltype(T::fields())>) all = false;
  });
  return all;
}

template <class From, class To>
void copy(const From& from, To& to);

// Fills the To row from the From row of the same key; what only one side has is a document's
// heading.
template <class From, class To, std::size_t index>
void copy_row(const From& from, To& to) {
  constexpr auto target = std::get<index>(To::fields());
  constexpr std::size_t source_index = row_named<From>(target.name);
  if constexpr (source_index < std::tuple_size_v<decltype(From::fields())>) {
    constexpr auto source = std::get<source_index>(From::fields());
    copy(from.*(source.member), to.*(target.member));
  }
}

template <class From, class To>
void copy(const From& from, To& to) {
  if constexpr (std::is_same_v<From, To>) {
    to = from;
  } else if constexpr (reflect::is_list<From> && reflect::is_list<To>) {
    to = To{};
    to.set_null(from.is_null());
    to.resize(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) copy(from[i], to[i]);
  } else if constexpr (std::is_enum_v<From>) {
    if constexpr (std::is_same_v<To, model::SpaceState>) {
      to = to_model(from);
    } else {
      to = from_model(from);
    }
  } else {
    static_assert(has_each_row_of<To, From>() && has_each_row_of<From, To>(),
                  "a key that only one of the two tables has would be lost");
    [&]<std::size_t... index>(std::index_sequence<index...>) {
      (copy_row<From, To, index>(from, to), ...);
    }
    (std::make_index_sequence<std::tuple_size_v<decltype(To::fields())>>{});
  }
}

// An empty terminal block converts to none (model.md 4.2).
template <class Spec>
void drop_empty_tty(Spec& spec) {
  if (spec.tty && spec.tty->is_empty()) spec.tty.reset();
}

template <class Status>
void narrow(Status& status) {
  using State = decltype(status.state);
  const State exact = status.state;
  status.state = promised(exact);
  if (status.state != exact) status.exact_state = reflect::label(exact);
}

// A word that this version does not know says nothing: the state stands as it is.
template <class Status>
void widen(Status& status) {
  using State = decltype(status.state);
  if (const auto exact = reflect::value_of<State>(status.exact_state)) status.state = *exact;
  status.exact_state.clear();
}

template <class Spec>
void tidy_cell(Spec& spec, CellStatus& status) {
  if (spec.tty && spec.tty->default_container.empty()) spec.tty.reset();
  for (auto& container : spec.containers) drop_empty_tty(container);
  spec.containers.set_null(false);
  status.containers.set_null(false);
}

template <class Doc>
void check_version(const Doc& doc) {
  if (doc.api_version.empty() || doc.api_version == api_version_v1beta1) return;
  throw Error{kinds::conversion_failed,
              fmt::format("unsupported apiVersion for {}: {}", model::word_of(Doc::document_kind),
                          doc.api_version)};
}

void throw_first(const model::Problems& problems) {
  if (!problems.empty()) throw Error{kinds::conversion_failed, problems.front().text};
}

template <class Doc, class Model>
Doc document_of(const Model& from) {
  Doc doc;
  copy(from, doc);
  doc.api_version = api_version_v1beta1;
  doc.kind = model::word_of(Doc::document_kind);
  return doc;
}

template <class Model, class Doc>
Model model_of(const Doc& doc) {
  Model out;
  copy(doc, out);
  return out;
}

}  // namespace

CellState promised(CellState state) {
  switch (state) {
    case CellState::exited:
    case CellState::error:
      return CellState::stopped;
    case CellState::degraded:
      return CellState::ready;
    default:
      return state;
  }
}

ContainerState promised(ContainerState state) {
  switch (state) {
    case ContainerState::not_created:
    case ContainerState::exited:
    case ContainerState::error:
      return ContainerState::stopped;
    default:
      return state;
  }
}

model::SpaceState to_model(SpaceState state) {
  switch (state) {
    case SpaceState::pending:
      return model::SpaceState::pending;
    case SpaceState::ready:
      return model::SpaceState::ready;
    case SpaceState::failed:
      return model::SpaceState::failed;
    case SpaceState::unknown:
      break;
  }
  return model::SpaceState::unknown;
}

SpaceState from_model(model::SpaceState state) {
  switch (state) {
    case model::SpaceState::pending:
      return SpaceState::pending;
    case model::SpaceState::creating:
    case model::SpaceState::ready:
      return SpaceState::ready;
    case model::SpaceState::deleting:
    case model::SpaceState::failed:
      return SpaceState::failed;
    case model::SpaceState::unknown:
      break;
  }
  return SpaceState::unknown;
}

model::Realm to_model_unchecked(const RealmDoc& doc) { return model_of<model::Realm>(doc); }

model::Space to_model_unchecked(const SpaceDoc& doc) { return model_of<model::Space>(doc); }

model::Stack to_model_unchecked(const StackDoc& doc) { return model_of<model::Stack>(doc); }

model::Cell to_model_unchecked(const CellDoc& doc) {
  auto cell = model_of<model::Cell>(doc);
  tidy_cell(cell.spec, cell.status);
  widen(cell.status);
  for (ContainerStatus& container : cell.status.containers) widen(container);
  return cell;
}

model::Container to_model_unchecked(const ContainerDoc& doc) {
  auto container = model_of<model::Container>(doc);
  drop_empty_tty(container.spec);
  container.spec.containerd_id.clear();
  widen(container.status);
  return container;
}

model::Realm to_model(const RealmDoc& doc) {
  check_version(doc);
  return to_model_unchecked(doc);
}

model::Space to_model(const SpaceDoc& doc) {
  check_version(doc);
  return to_model_unchecked(doc);
}

model::Stack to_model(const StackDoc& doc) {
  check_version(doc);
  return to_model_unchecked(doc);
}

model::Cell to_model(const CellDoc& doc) {
  check_version(doc);
  model::Cell cell = to_model_unchecked(doc);
  throw_first(model::conversion_problems(cell.spec));
  if (cell.spec.root_container_id.empty()) {
    if (const auto* const root = model::root_of(cell.spec)) cell.spec.root_container_id = root->id;
  }
  return cell;
}

model::Container to_model(const ContainerDoc& doc) {
  check_version(doc);
  model::Container container = to_model_unchecked(doc);
  throw_first(model::conversion_problems(container.spec));
  return container;
}

model::ContainerSpec to_model(const ContainerSpec& spec) {
  auto out = model_of<model::ContainerSpec>(spec);
  drop_empty_tty(out);
  throw_first(model::conversion_problems(out));
  return out;
}

RealmDoc from_model(const model::Realm& realm) { return document_of<RealmDoc>(realm); }

SpaceDoc from_model(const model::Space& space) { return document_of<SpaceDoc>(space); }

StackDoc from_model(const model::Stack& stack) { return document_of<StackDoc>(stack); }

CellDoc from_model(const model::Cell& cell) {
  throw_first(model::root_problems(cell.spec));
  auto doc = document_of<CellDoc>(cell);
  tidy_cell(doc.spec, doc.status);
  narrow(doc.status);
  for (ContainerStatus& container : doc.status.containers) narrow(container);
  return doc;
}

ContainerDoc from_model(const model::Container& container) {
  auto doc = document_of<ContainerDoc>(container);
  drop_empty_tty(doc.spec);
  doc.spec.containerd_id.clear();
  narrow(doc.status);
  return doc;
}

ContainerSpec from_model(const model::ContainerSpec& spec) {
  ContainerSpec out;
  copy(spec, out);
  drop_empty_tty(out);
  return out;
}

}  // namespace kukeon::v1beta1
