// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <locale.h>

namespace kukeon::image {

// Puts this thread into a UTF-8 locale for a scope: libarchive converts names by the thread's
// locale, and a daemon runs in "C", where it would refuse what is not ASCII.
class Utf8Locale {
 public:
  Utf8Locale() : locale_{::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)} {
    if (locale_ != nullptr) before_ = ::uselocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;
  ~Utf8Locale() {
    if (locale_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }

 private:
  locale_t locale_ = nullptr;
  locale_t before_ = nullptr;
};

}  // namespace kukeon::image
