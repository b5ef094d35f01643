// What `v2p ps` shows, in its forms.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "locate/findings.h"

namespace v2p::cli {

std::string PsText(std::span<const System> systems);
std::string PsJson(const std::string& image, std::span<const System> systems);  ///< v2p.processes/1
/// `v2p.process/1` a line, then `v2p.orphan-root/1` a line.
std::string PsNdjson(const std::string& image, std::span<const System> systems);
std::string PsCsv(const std::string& image, std::span<const System> systems);

}  // namespace v2p::cli
