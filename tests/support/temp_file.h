// A file with given bytes that goes away with the object.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace v2p::test {

class TempFile {
 public:
  explicit TempFile(std::span<const std::byte> bytes, const std::string& suffix = ".img");
  explicit TempFile(const std::string& text);
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  ~TempFile();

  const std::string& Path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace v2p::test
