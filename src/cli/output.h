// Standard output: written in batches, with a closed pipe told apart from a failure.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace v2p::cli {

enum class Written { kAll, kPipeClosed, kInterrupted, kFailed };

/// Writes all of `bytes` to standard output. On kFailed errno says why.
Written WriteOut(std::string_view bytes);

/// Writes all of `bytes` and empties it. Nothing, or the status to exit with when no more can be
/// written; a failure is logged.
std::optional<int> Flush(std::string* bytes);

/// Writes `bytes` and turns the outcome into an exit status: `status` when all was written or the
/// reader went away (which is no error), else that of the failure, which is logged.
int PrintAndExit(std::string_view bytes, int status);

}  // namespace v2p::cli
