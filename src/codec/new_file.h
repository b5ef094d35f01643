// NewFile: a file that gets its name only when it is complete.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "codec/fd.h"

namespace v2p {

/// Written under a temporary name in the directory of the final one; removed unless published.
class NewFile {
 public:
  /// Refuses when `path` exists and is not a regular file, or exists at all without `replace`.
  /// The permissions are `mode` less the process's umask.
  static Result<NewFile> Create(const std::string& path, bool replace, mode_t mode);

  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  Status Append(std::span<const std::byte> bytes);
  /// Writes at `at`; what lies between the end and `at` becomes a hole, which reads as zeros.
  /// May be called from several threads.
  Status WriteAt(std::uint64_t at, std::span<const std::byte> bytes);
  /// Makes the file `bytes` long, with a hole at its end where it was shorter.
  Status Resize(std::uint64_t bytes);
  std::uint64_t Size() const { return size_; }
  const std::string& TemporaryName() const { return temporary_; }

  /// Flushes to disk and renames. Without `replace`, a file that has appeared meanwhile stays.
  Status Publish();

 private:
  NewFile(Fd fd, std::string path, std::string temporary, bool replace);

  Fd fd_;
  std::string path_;
  std::string temporary_;  // empty when there is nothing to remove
  std::atomic<std::uint64_t> size_ = 0;
  bool replace_;
};

/// Permissions for a copy of the file `in`: not wider than its own. Refuses when `out` is that
/// file.
Result<mode_t> ModeForCopy(const std::string& in, const std::string& out);

}  // namespace v2p
