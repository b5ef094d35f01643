// Finding and unpacking of corpus files.
// SPDX-License-Identifier: Apache-2.0
#include "support/corpus.h"

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <stdexcept>

namespace v2p::test {
namespace {

namespace fs = std::filesystem;

// Unpacked copies of this process, and the count of what was skipped; both end with it.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
    if (skipped_ != 0) std::cout << skipped_ << " corpus tests skipped: V2P_CORPUS is not set\n";
  }

  void CountSkip() { ++skipped_; }

  fs::path Unpack(const fs::path& packed, const std::string& tool, const std::string& name) {
    if (folder_.empty()) {
      std::string pattern = (fs::temp_directory_path() / "v2p-corpus-XXXXXX").string();
      if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder");
      folder_ = pattern;
    }
    const fs::path out = folder_ / name;
    if (fs::exists(out)) return out;
    fs::create_directories(out.parent_path());
    const std::string command = tool + " '" + packed.string() + "' > '" + out.string() + "'";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
    return out;
  }

 private:
  fs::path folder_;
  int skipped_ = 0;
};

Scratch& TheScratch() {
  static Scratch scratch;
  return scratch;
}

}  // namespace

std::string CorpusFile(const std::string& name) {
  const char* root = std::getenv("V2P_CORPUS");
  if (root == nullptr || *root == '\0') {
    TheScratch().CountSkip();
    return {};
  }
  if (const char* unpacked = std::getenv("V2P_CORPUS_UNPACKED")) {
    if (const fs::path cached = fs::path(unpacked) / name; fs::exists(cached)) return cached;
  }
  const fs::path plain = fs::path(root) / name;
  if (fs::exists(plain)) return plain;
  if (const fs::path zst = plain.string() + ".zst"; fs::exists(zst)) {
    return TheScratch().Unpack(zst, "zstd -q -dc --long=27", name);
  }
  if (const fs::path gz = plain.string() + ".gz"; fs::exists(gz)) {
    return TheScratch().Unpack(gz, "gzip -dc", name);
  }
  throw std::runtime_error("the corpus lacks " + name);
}

}  // namespace v2p::test
