// Reads the members of a tar archive.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

namespace v2p::test {

/// Contents of the archive's files by name, the first folder of the name left out. POSIX ustar
/// only: no long names.
std::map<std::string, std::string> ReadTar(const std::string& path);

}  // namespace v2p::test
