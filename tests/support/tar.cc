// Reads tar archives: POSIX ustar, name at 0, octal size at 124, blocks of 512 bytes.
// SPDX-License-Identifier: Apache-2.0
#include "support/tar.h"

#include <fstream>
#include <sstream>

namespace v2p::test {

std::map<std::string, std::string> ReadTar(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream all;
  all << in.rdbuf();
  const std::string tar = all.str();
  std::map<std::string, std::string> members;
  for (std::size_t at = 0; at + 512 <= tar.size() && tar[at] != '\0';) {
    const std::string name = tar.c_str() + at;
    const std::size_t size = std::stoul(tar.substr(at + 124, 11), nullptr, 8);
    members[name.substr(name.find('/') + 1)] = tar.substr(at + 512, size);
    at += 512 + (size + 511) / 512 * 512;
  }
  return members;
}

}  // namespace v2p::test
