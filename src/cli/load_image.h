// Opens the image of a command line, and says whether its bytes can still be trusted.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cli/args.h"
#include "dumpfmt/image.h"

namespace v2p::cli {

/// Opens with progress.
Result<Image> LoadImage(const Args& args);

/// The image's warnings, on standard error.
void LogWarnings(const Args& args, const Image& image);

/// The reason why nothing read since may be reported: a page that could not be fetched, or a file
/// that became shorter. To be asked before results leave.
std::optional<Error> ImageFault(const Args& args, const Image& image);

/// What was met that could not be decoded, as one line: its pages count as absent.
std::string DamageLine(const Args& args, const Damage& damage);

/// `error` as one line. A usage error is about the command line: its kind goes without saying.
std::string ErrorLine(const Error& error);

/// Reports `error` on standard error and, in the JSON forms, as a record; gives the exit status.
int FailWith(const Args& args, Error error);

}  // namespace v2p::cli
