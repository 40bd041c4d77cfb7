// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/image_reference.h"

#include <algorithm>

#include "kukeon/base/strings.h"

// The grammar of distribution/reference, read by hand.
namespace kukeon::model {
namespace {

constexpr std::string_view default_registry = "docker.io";
constexpr std::size_t max_repository_bytes = 255;

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

// Lower-case words joined by one `.`, one or two `_`, or any number of `-`.
bool is_path_component(std::string_view text) {
  std::size_t at = 0;
  const auto word = [&] {
    const std::size_t start = at;
    while (at < text.size() && is_lower_or_digit(text[at])) ++at;
    return at > start;
  };
  if (!word()) return false;
  while (at < text.size()) {
    const char separator = text[at];
    const std::size_t start = at;
    while (at < text.size() && text[at] == separator) ++at;
    const std::size_t run = at - start;
    const bool joins =
        separator == '-' || (separator == '_' && run <= 2) || (separator == '.' && run == 1);
    if (!joins || !word()) return false;
  }
  return true;
}

bool is_repository(std::string_view text) {
  return std::ranges::all_of(split(text, '/'), is_path_component);
}

// host, host:port or [address]:port.
bool is_registry(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || end == 1) return false;
    const std::string_view address = text.substr(1, end - 1);
    if (!std::ranges::all_of(address, [](char c) { return is_alphanumeric(c) || c == ':'; })) {
      return false;
    }
    text.remove_prefix(end + 1);
    if (text.empty()) return true;
    return text.size() > 1 && text[0] == ':' && std::ranges::all_of(text.substr(1), is_digit);
  }
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    const std::string_view port = text.substr(colon + 1);
    if (port.empty() || !std::ranges::all_of(port, is_digit)) return false;
    text = text.substr(0, colon);
  }
  return std::ranges::all_of(split(text, '.'), [](std::string_view label) {
    return !label.empty() && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-'; });
  });
}

bool is_tag(std::string_view text) {
  const auto word = [](char c) { return is_alphanumeric(c) || c == '_'; };
  return !text.empty() && text.size() <= 128 && word(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return word(c) || c == '.' || c == '-'; });
}

bool is_digest(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view algorithm = text.substr(0, colon);
  const std::string_view hex = text.substr(colon + 1);
  const std::size_t digits = algorithm == "sha512" ? 128 : algorithm == "sha384" ? 96 : 64;
  return (algorithm == "sha256" || algorithm == "sha384" || algorithm == "sha512") &&
         hex.size() == digits && std::ranges::all_of(hex, is_hex);
}

}  // namespace

std::string ImageReference::to_string() const {
  std::string out = registry + "/" + repository;
  if (!tag.empty()) out += ":" + tag;
  if (!digest.empty()) out += "@" + digest;
  return out;
}

std::optional<ImageReference> parse_image_reference(std::string_view text) {
  // 64 hexadecimal digits alone are an image id, not a name.
  if (text.size() == 64 && std::ranges::all_of(text, is_hex)) return std::nullopt;

  ImageReference out;
  if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
    out.digest = text.substr(at + 1);
    if (!is_digest(out.digest)) return std::nullopt;
    text = text.substr(0, at);
  }

  out.registry = default_registry;
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    const std::string_view first = text.substr(0, slash);
    if (first.find_first_of(".:") != std::string_view::npos || first == "localhost") {
      out.registry = first == "index.docker.io" ? default_registry : first;
      if (!is_registry(out.registry)) return std::nullopt;
      text.remove_prefix(slash + 1);
    }
  }

  // A colon is a tag's only after the last slash; before it, it was the registry's port.
  const std::size_t last_slash = text.rfind('/');
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos &&
      (last_slash == std::string_view::npos || colon > last_slash)) {
    out.tag = text.substr(colon + 1);
    if (!is_tag(out.tag)) return std::nullopt;
    text = text.substr(0, colon);
  } else if (out.digest.empty()) {
    out.tag = "latest";
  }

  out.repository = text;
  if (out.registry == default_registry && text.find('/') == std::string_view::npos) {
    out.repository.insert(0, "library/");
  }
  if (!is_repository(text) || out.registry.size() + out.repository.size() >= max_repository_bytes) {
    return std::nullopt;
  }
  return out;
}

std::string normalize_image_reference(std::string_view text) {
  if (text.find("://") != std::string_view::npos) return std::string{text};
  const auto reference = parse_image_reference(text);
  return reference ? reference->to_string() : std::string{text};
}

}  // namespace kukeon::model
