// Standard output: written in batches, with a closed pipe told apart from a failure.
// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/args.h"
#include "cli/log.h"
#include "cli/signals.h"

namespace v2p::cli {

Written WriteOut(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) {
      if (Interrupted()) return Written::kInterrupted;
      continue;
    }
    if (wrote < 0) return errno == EPIPE ? Written::kPipeClosed : Written::kFailed;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return Written::kAll;
}

namespace {

// Nothing, or the status to exit with when no more can be written.
std::optional<int> StatusOf(Written written) {
  switch (written) {
    case Written::kAll:
      return std::nullopt;
    case Written::kPipeClosed:
      return kAllTranslated;
    case Written::kInterrupted:
      return kInterruptedStatus;
    case Written::kFailed:
      break;
  }
  LogError(fmt::format("standard output: {}", std::strerror(errno)));
  return kNoImage;
}

}  // namespace

std::optional<int> Flush(std::string* bytes) {
  const Written written = WriteOut(*bytes);
  bytes->clear();
  return StatusOf(written);
}

int PrintAndExit(std::string_view bytes, int status) {
  const auto ended = StatusOf(WriteOut(bytes));
  return ended.value_or(kAllTranslated) == kAllTranslated ? status : *ended;
}

}  // namespace v2p::cli
