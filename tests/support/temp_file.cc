// Temporary files for tests.
// SPDX-License-Identifier: Apache-2.0
#include "support/temp_file.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace v2p::test {

TempFile::TempFile(std::span<const std::byte> bytes, const std::string& suffix) {
  path_ = (std::filesystem::temp_directory_path() / ("v2p-test-XXXXXX" + suffix)).string();
  const int fd = mkstemps(path_.data(), static_cast<int>(suffix.size()));
  if (fd < 0) throw std::runtime_error("cannot make a temporary file");
  close(fd);
  std::ofstream out(path_, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  if (!out) throw std::runtime_error("cannot write " + path_);
}

TempFile::TempFile(const std::string& text)
    : TempFile(std::as_bytes(std::span(text.data(), text.size())), ".txt") {}

TempFile::~TempFile() { std::filesystem::remove(path_); }

}  // namespace v2p::test
