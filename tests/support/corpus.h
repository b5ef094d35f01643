// The corpus of real images that V2P_CORPUS points at; tests that need it are skipped without.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace v2p::test {

/// Path of the corpus file `name`, for example "guests/x64/x64.elf", which the corpus holds plain
/// or as .zst or .gz. Unpacked copies come from V2P_CORPUS_UNPACKED (a folder of the same layout)
/// or are made in a folder that goes away with the process. Empty when V2P_CORPUS is unset, which
/// is counted and printed at exit; throws when the corpus lacks the file.
std::string CorpusFile(const std::string& name);

}  // namespace v2p::test

/// Inside a test: `path` is the unpacked file, or the test ends as skipped.
#define V2P_CORPUS_FILE(path, name)                     \
  const std::string path = v2p::test::CorpusFile(name); \
  if (path.empty()) GTEST_SKIP() << "V2P_CORPUS is not set: " << (name)
