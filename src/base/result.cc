// Names and one-line form of errors.
// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <fmt/format.h>

namespace v2p {

std::string_view Name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kIo:
      return "io";
    case ErrorKind::kTruncated:
      return "truncated";
    case ErrorKind::kCorrupt:
      return "corrupt";
    case ErrorKind::kDamaged:
      return "damaged";
    case ErrorKind::kUnsupported:
      return "unsupported";
    case ErrorKind::kNoMemory:
      return "no-memory";
    case ErrorKind::kNoRoot:
      return "no-root";
    case ErrorKind::kNoMode:
      return "no-mode";
    case ErrorKind::kUsage:
      return "usage";
    case ErrorKind::kInterrupted:
      return "interrupted";
  }
  return "io";
}

std::string Error::OneLine() const {
  std::string line;
  if (!file.empty()) line += file + ": ";
  line += fmt::format("{}: {}", Name(kind), message);
  if (!at) return line;
  line += decompressed ? fmt::format(" (offset {:#x} of the decompressed image)", at->value)
                       : fmt::format(" (file offset {:#x})", at->value);
  return line;
}

}  // namespace v2p
