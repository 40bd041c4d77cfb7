// SPDX-License-Identifier: Apache-2.0
#include "kukeon/image/registry_answer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/strings.h"

namespace kukeon::image {
namespace {

constexpr std::size_t longest_answer = 400;

// The text of the last `level=fatal msg="…"`, which Go's %q wrote; else the last line.
std::string last_message(std::string_view text) {
  constexpr std::string_view mark = "level=fatal msg=";
  const std::size_t at = text.rfind(mark);
  if (at == std::string_view::npos) {
    const std::string_view whole = trim(text);
    return std::string{whole.substr(whole.rfind('\n') + 1)};
  }
  text.remove_prefix(at + mark.size());
  if (!text.starts_with('"')) return std::string{text.substr(0, text.find('\n'))};
  std::string message;
  for (std::size_t i = 1; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      message += text[i];
      continue;
    }
    ++i;
    message += text[i] == 'n' || text[i] == 't' || text[i] == 'r' ? ' ' : text[i];
  }
  return message;
}

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool blank = static_cast<unsigned char>(c) <= ' ' || c == 0x7f;
    if (!blank) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  return std::string{trim(line)};
}

void erase_all(std::string& text, std::string_view what, std::string_view with) {
  if (what.empty()) return;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
}

void erase_queries(std::string& text) {
  for (std::size_t at = 0; (at = text.find("://", at)) != std::string::npos; at += 3) {
    const std::size_t end = std::min(text.find_first_of(" \"'", at), text.size());
    const std::size_t query = text.find('?', at);
    if (query < end) text.erase(query, end - query);
  }
}

bool has_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(
      words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

// The first row that fits decides, so what is told more exactly stands above.
Refusal refusal_of(std::string_view text) {
  const std::string lower = to_lower_ascii(text);
  if (has_any(lower, {"no space left on device", "disk quota exceeded"})) return Refusal::disk_full;
  if (has_any(lower, {"digest did not match", "does not match provided manifest digest",
                      "does not match expected digest"})) {
    return Refusal::damaged;
  }
  if (has_any(lower, {"x509:", "certificate"})) return Refusal::untrusted;
  if (has_any(lower, {"server gave http response to https client"})) return Refusal::plain_http;
  if (has_any(lower, {"no image found in manifest list", "no image found in image index"})) {
    return Refusal::no_platform;
  }
  if (has_any(lower, {"toomanyrequests", "too many requests", "registry 429", "status: 429",
                      "statuscode: 429", "registry 5", "http status: 5", "statuscode: 5",
                      "connection reset", "broken pipe", "eof", "i/o timeout",
                      "tls handshake timeout", "awaiting headers", "stream error",
                      "temporary failure in name resolution", "use of closed"})) {
    return Refusal::passing;
  }
  if (has_any(lower, {"unauthorized", "denied", "authentication required", "forbidden",
                      "statuscode: 401", "statuscode: 403", "invalid username/password"})) {
    return Refusal::denied;
  }
  if (has_any(lower, {"dial tcp", "connection refused", "no such host", "network is unreachable",
                      "no route to host", "server misbehaving"})) {
    return Refusal::unreachable;
  }
  if (has_any(lower, {"manifest unknown", "name unknown", "name_unknown", "not known to registry",
                      "statuscode: 404", "not found"})) {
    return Refusal::no_image;
  }
  return Refusal::other;
}

}  // namespace

RegistryAnswer understand(std::string_view standard_error,
                          const std::vector<std::string>& secrets) {
  std::string text = one_line(last_message(standard_error));
  // Before anything is cut off: half a secret would no longer be found.
  for (const std::string& secret : secrets) erase_all(text, secret, "***");
  erase_queries(text);
  // The name follows, which whoever reads this knows.
  for (const std::string_view prefix :
       {"initializing source docker://", "determining manifest MIME type for docker://"}) {
    const std::size_t end = text.find(": ");
    if (text.starts_with(prefix) && end != std::string::npos) text.erase(0, end + 2);
  }
  for (const std::string_view prefix : {"writing blob: ", "happened during read: "}) {
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
  }
  if (text.empty()) text = "no reason was given";
  RegistryAnswer answer{.text = {}, .refusal = refusal_of(text)};
  if (text.size() > longest_answer) text = text.substr(0, longest_answer - 3) + "...";
  answer.text = to_valid_utf8(text);
  return answer;
}

}  // namespace kukeon::image
