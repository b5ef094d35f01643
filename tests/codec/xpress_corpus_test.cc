// Streams that Windows itself compressed (corpus only): samba's vectors of both algorithms with
// their originals, and prefetch files, whose content begins with a known mark.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>

#include "base/bytes.h"
#include "codec/xpress.h"
#include "codec/xpress_kernels.h"
#include "support/corpus.h"
#include "support/tar.h"
#include "support/zstd_files.h"

namespace v2p::test {
namespace {

std::span<const std::byte> BytesOf(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

struct Counts {
  int decoded = 0;
  int stored = 0;
};

// Each folder has streams named like their originals plus an extension.
Counts RunFolder(const std::map<std::string, std::string>& members, const std::string& folder,
                 xpress::Decode* xpress::Kernel::*function) {
  Counts counts;
  for (const auto& [name, stream] : members) {
    if (!name.starts_with(folder + "/") || name.ends_with("/")) continue;
    const std::string base = name.substr(folder.size() + 1);
    const auto original =
        members.find("decompressed/" + base.substr(0, base.rfind('.')) + ".decomp");
    if (original == members.end()) {
      ADD_FAILURE() << "no original for " << name;
      continue;
    }
    if (stream == original->second) {  // nothing was gained: Windows stores such blocks
      ++counts.stored;
      continue;
    }
    for (const xpress::Kernel& kernel : xpress::Kernels()) {
      std::string out(original->second.size(), '\x5a');
      const XpressResult used =
          xpress::Run(kernel.*function, BytesOf(stream),
                      std::as_writable_bytes(std::span(out.data(), out.size())));
      EXPECT_TRUE(used && stream.size() - *used <= 4) << name << " " << kernel.name;
      EXPECT_TRUE(out == original->second) << name << " " << kernel.name;
    }
    ++counts.decoded;
  }
  return counts;
}

TEST(XpressCorpus, HuffmanByWindows) {
  V2P_CORPUS_FILE(path, "xpress/samba_windows_made_vectors.tar");
  const auto members = ReadTar(path);
  const Counts a = RunFolder(members, "compressed-huffman", &xpress::Kernel::huffman);
  const Counts b = RunFolder(members, "compressed-more-huffman", &xpress::Kernel::huffman);
  EXPECT_EQ(a.decoded + b.decoded, 100);
}

TEST(XpressCorpus, PlainByWindows) {
  V2P_CORPUS_FILE(path, "xpress/samba_windows_made_vectors.tar");
  const auto members = ReadTar(path);
  const Counts a = RunFolder(members, "compressed-plain", &xpress::Kernel::plain);
  const Counts b = RunFolder(members, "compressed-more-plain", &xpress::Kernel::plain);
  EXPECT_EQ(a.decoded + b.decoded, 80);
  EXPECT_EQ(a.stored + b.stored, 19);
}

class PrefetchFiles : public testing::TestWithParam<const char*> {};

// libfwnt gave the same bytes for all of them; here the format's own marks are checked: "SCCA" at
// 4 and the file's size at 12 (libscca, "Windows Prefetch File format").
TEST_P(PrefetchFiles, HoldTheirMark) {
  V2P_CORPUS_FILE(path, std::string("xpress/prefetch_mam/") + GetParam() + ".pf");
  const Bytes file = ReadFile(path);
  ASSERT_EQ(std::memcmp(file.data(), "MAM\x04", 4), 0);
  const auto size = LoadLe<std::uint32_t>(file.data() + 4);
  for (const xpress::Kernel& kernel : xpress::Kernels()) {
    Bytes out(size);
    ASSERT_TRUE(xpress::Run(kernel.huffman, std::span(file).subspan(8), out)) << kernel.name;
    EXPECT_EQ(std::memcmp(out.data() + 4, "SCCA", 4), 0);
    EXPECT_EQ(LoadLe<std::uint32_t>(out.data() + 12), size);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Xpress, PrefetchFiles,
    testing::Values("EZ_CALC.EXE-3FBEF7FD", "EZ_CALCULATOR.EXE-6940BD5C", "EZ_CHROME.EXE-B3BA7868",
                    "EZ_CMD.EXE-D269B812", "EZ_DCODE-E65B9FE8", "EZ_DEVENV.EXE-854D7862",
                    "plaso_AM_DELTA_PATCH", "plaso_BYTECODEGENERATOR.EXE-C1E9BCE6",
                    "plaso_NOTEPAD.EXE-D8414F97", "plaso_ONEDRIVE.EXE-7E152375"));

}  // namespace
}  // namespace v2p::test
