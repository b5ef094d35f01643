// `--pagefile [N=]FILE`.
// SPDX-License-Identifier: Apache-2.0
#include "cli/page_file_argument.h"

#include <charconv>

namespace v2p::cli {

std::vector<std::pair<unsigned, std::string>> PageFileArguments(
    std::span<const std::string> words) {
  std::vector<std::pair<unsigned, std::string>> files;
  unsigned next = 0;
  for (const std::string& word : words) {
    const char* const end = word.data() + word.size();
    unsigned number = next;
    std::string file = word;
    const auto parsed = std::from_chars(word.data(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr != end && *parsed.ptr == '=') {
      file.assign(parsed.ptr + 1, end);
    } else {
      number = next;
    }
    files.emplace_back(number, std::move(file));
    next = number + 1;
  }
  return files;
}

}  // namespace v2p::cli
