// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

// Padded standard base64 as Go's encoding/base64.StdEncoding. Used inside reflect only.
namespace kukeon::reflect {

void append_base64(std::string& out, std::string_view bytes);

// CR and LF are passed over; throws decode_failed, `illegal base64 data at input byte N`.
std::string decode_base64(std::string_view text);

}  // namespace kukeon::reflect
