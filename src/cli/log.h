// Messages for people: standard error, one line each, nothing raw from an image.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace v2p::cli {

/// -1 shows errors only (-q), 0 warnings too, 1 and 2 what -v and -vv ask for.
void SetLogLevel(int level);

void LogError(std::string_view line);
void LogWarning(std::string_view line);
void LogInfo(std::string_view line);   ///< -v
void LogDebug(std::string_view line);  ///< -vv

}  // namespace v2p::cli
