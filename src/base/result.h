// Result<T>: a value, or one Error that can be printed as one line.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

#include "base/address.h"

namespace v2p {

/// What went wrong, in the terms a script can act on. The kebab-case names are API.
enum class ErrorKind : std::uint8_t {
  kIo,           ///< "io": the operating system refused, or the file changed under us
  kTruncated,    ///< "truncated": the file ends inside something that opening needs
  kCorrupt,      ///< "corrupt": a recognised format contradicts itself
  kDamaged,      ///< "damaged": a part that cannot be decoded; what it holds counts as absent
  kUnsupported,  ///< "unsupported": recognised and named, but not read by this version
  kNoMemory,     ///< "no-memory": the format holds no physical memory (triage, header-only)
  kNoRoot,       ///< "no-root": no DirectoryTableBase is claimed, none was given
  kNoMode,       ///< "no-mode": the paging mode is neither claimed nor given
  kUsage,        ///< "usage": the caller asked for something that makes no sense
  kInterrupted,  ///< "interrupted": a signal ended the work early
};

/// Kebab-case name of a kind, as it stands in `v2p.error/1` records.
std::string_view Name(ErrorKind kind);

/// One failure. `message` is one line without a trailing full stop; it names the reason and,
/// where there is one, the next step to take.
struct Error {
  ErrorKind kind = ErrorKind::kIo;
  std::string message;
  std::string file;              ///< name of the image, filled in by the opener
  std::optional<FileOffset> at;  ///< where in the file, when it is known
  bool decompressed = false;     ///< `at` counts the bytes that decompression gives

  /// "memory.dmp: corrupt: run 3 lies outside the file (file offset 0xc8)".
  std::string OneLine() const;
};

template <class T>
using Result = tl::expected<T, Error>;

using Status = tl::expected<void, Error>;

/// Builds the error arm of any Result.
inline tl::unexpected<Error> Fail(ErrorKind kind, std::string message,
                                  std::optional<FileOffset> at = std::nullopt) {
  return tl::unexpected<Error>(Error{kind, std::move(message), {}, at});
}

}  // namespace v2p
