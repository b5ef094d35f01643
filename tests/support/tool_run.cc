// Running the tool, and files for it to read.
// SPDX-License-Identifier: Apache-2.0
#include "support/tool_run.h"

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>

namespace v2p::test {

Outcome RunTool(const std::string& arguments) {
  Outcome run;
  const std::string command = std::string(V2P_BINARY) + " " + arguments + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> buffer{};
  while (const std::size_t got = fread(buffer.data(), 1, buffer.size(), pipe)) {
    run.out.append(buffer.data(), got);
  }
  run.status = WEXITSTATUS(pclose(pipe));
  return run;
}

void WriteRaw(const SparseMemory& memory, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  for (const std::uint64_t at : memory.Pages()) {
    file.seekp(static_cast<std::streamoff>(at));
    file.write(reinterpret_cast<const char*>(memory.PageAt(at)), 4096);
  }
}

}  // namespace v2p::test
