// What `v2p info` shows, in its two forms.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "cli/args.h"
#include "dumpfmt/image.h"

namespace v2p::cli {

/// "x86", "x64", "arm64"; nothing when unknown.
std::optional<std::string_view> MachineName(Machine machine);
/// "windows", "linux"; nothing when unknown.
std::optional<std::string_view> OsName(GuestOs os);
/// "kernel", "user"; nothing when unknown.
std::optional<std::string_view> PrivilegeName(Privilege privilege);

/// `shown_runs` bounds the memory map.
std::string InfoText(const std::string& name, const Image& image, std::size_t shown_runs);
/// `v2p.info/1` and a line break.
std::string InfoJson(const std::string& name, const Image& image);

}  // namespace v2p::cli
