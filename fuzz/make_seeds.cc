// Writes the inputs that fuzzing starts from. Usage: make_seeds TARGET FOLDER
// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <string>

namespace {

// Small shipped images, whole or cut: real headers are worth more than invented ones.
void CopyShippedImages(const std::filesystem::path& folder) {
  constexpr std::uintmax_t kLargest = 256 * 1024;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(V2P_TESTDATA)) {
    if (!entry.is_regular_file() || entry.file_size() > kLargest) continue;
    const auto extension = entry.path().extension();
    if (extension == ".md" || extension == ".tsv" || extension == ".json") continue;
    std::filesystem::copy_file(entry.path(), folder / entry.path().filename(),
                               std::filesystem::copy_options::overwrite_existing);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::filesystem::path folder = argv[2];
  std::filesystem::create_directories(folder);
  CopyShippedImages(folder);
  return 0;
}
