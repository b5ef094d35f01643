// Writes the inputs that fuzzing starts from. Usage: make_seeds TARGET FOLDER
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/zstd_pack.h"
#include "support/elf_builder.h"
#include "support/hiberfil_builder.h"
#include "support/layout.h"
#include "support/legacy_hiberfil_builder.h"
#include "support/lime_builder.h"
#include "support/memory_source.h"
#include "support/windows_dump_builder.h"
#include "support/windows_image.h"
#include "support/xpress_oracles.h"
#include "support/zstd_files.h"

namespace {

class Seeds {
 public:
  explicit Seeds(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
  }

  void Write(std::string_view name, std::span<const std::byte> bytes) const {
    std::ofstream out(folder_ / name, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
  }

  // Small shipped images: real headers are worth more than invented ones.
  void CopyShippedImages(std::uintmax_t largest) const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(V2P_TESTDATA)) {
      if (!entry.is_regular_file() || entry.file_size() > largest) continue;
      const auto name = entry.path().filename().string();
      if (name.ends_with(".md") || name.ends_with(".tsv") || name.ends_with(".tsv.zst")) continue;
      std::filesystem::copy_file(entry.path(), folder_ / name,
                                 std::filesystem::copy_options::overwrite_existing);
    }
  }

 private:
  std::filesystem::path folder_;
};

void WindowsDumps(const Seeds& seeds) {
  for (const bool is_64 : {false, true}) {
    for (const std::uint32_t type : {1U, 2U, 3U, 4U, 5U, 6U, 8U, 10U}) {
      if (!is_64 && type >= 8) continue;  // no 32-bit range dump is known
      v2p::test::WindowsDumpBuilder builder(is_64, type, {{1, 2}, {0x83, 1}});
      builder.Set("MachineImageType", is_64 ? 0x8664 : 0x14C).Set("DirectoryTableBase", 0x1000);
      if (!is_64) builder.Set("PaeEnabled", 1);
      seeds.Write("windows-" + std::to_string(is_64 ? 64 : 32) + "-" + std::to_string(type),
                  builder.Build());
    }
  }
}

void ElfCores(const Seeds& seeds) {
  for (const bool is_64 : {false, true}) {
    for (const bool many : {false, true}) {
      v2p::test::ElfBuilder builder({.is64 = is_64, .pn_xnum = many});
      builder.QemuCpu({}).VirtualBoxCpu({}).Vmcoreinfo("OSRELEASE=6.1.0\nPAGESIZE=4096\n");
      builder.Load(0x1000, 0x1800, 0x3000).Load(0x100000, 0x1000).Alias(0, 0x200000);
      seeds.Write(std::string("elf-") + (is_64 ? "64" : "32") + (many ? "-xnum" : ""),
                  builder.Build());
    }
  }
}

void Lime(const Seeds& seeds) {
  v2p::test::LimeBuilder builder;
  builder.Range(0x1000, 0x2bff).ShortRange(0x10000, 0x11fff, 0x400).Range(0x20000, 0x20fff);
  seeds.Write("lime", builder.Bytes());
}

void Hiberfils(const Seeds& seeds) {
  using v2p::test::SetCoding;
  for (const char* header : {"modern64_360", "modern64_3E0", "modern64_4D8", "modern32_340"}) {
    v2p::test::ModernHiberfil builder(header);
    builder.Boot({{{1, 2}}, SetCoding::kPlain, {}}).Boot({{{9, 1}}, SetCoding::kRaw, {}});
    builder.Kernel({{{0x20, 1}, {0x30, 4}}, SetCoding::kPlain, {}});
    builder.Kernel({{{0x40, 1}}, SetCoding::kPlain, 0xAU});
    seeds.Write(std::string("hiberfil-") + header, builder.Build());
  }
  for (const char* header :
       {"xp_x86", "xp_x64", "vista2_x86", "vista2_x64", "win7_x86", "win7_x64"}) {
    v2p::test::LegacyHiberfil builder(header);
    builder.Table({{1, 2}, {9, 15}}).Table({{0x40, 1}}, SetCoding::kRaw);
    builder.Processor(header[0] == 'x' ? 2 : 1, 0x80000001, 0x1000, 0x20, 0x80000000);
    auto bytes = builder.Build();
    seeds.Write(std::string("hiberfil-") + header, bytes);
    std::fill(bytes.begin(), bytes.begin() + 0x1000, std::byte{});
    seeds.Write(std::string("hiberfil-wiped-") + header, bytes);
  }
}

// Windows 8 and later without a header; the last byte has fuzz_open take it for what it is.
void WipedHiberfil(const Seeds& seeds) {
  v2p::test::ModernHiberfil builder("modern64_3E0");
  for (std::uint64_t i = 0; i < 9; ++i) {
    builder.Boot({{{2 * i, 1}}, v2p::test::SetCoding::kPlain, {}});
    builder.Kernel({{{0x100 + 2 * i, 1}}, v2p::test::SetCoding::kPlain, {}});
  }
  auto bytes = builder.Slack(std::vector<std::byte>(64, std::byte{6})).Build();
  std::fill(bytes.begin(), bytes.begin() + 0x1000, std::byte{});
  seeds.Write("hiberfil-wiped-modern", bytes);
}

// Parameters as fuzz_walk reads them, then pages whose entries lead to each other.
void PageTables(const Seeds& seeds) {
  constexpr std::size_t kHead = 64;
  constexpr std::size_t kPages = 6;
  for (unsigned mode = 0; mode < 5; ++mode) {
    std::vector<std::byte> seed(kHead + kPages * 0x1000);
    seed[0] = static_cast<std::byte>(mode);
    seed[1] = static_cast<std::byte>(mode % 3);
    std::memset(seed.data() + 36, 254, 16);  // pieces without gaps
    const std::size_t width = mode == 0 ? 4 : 8;
    for (std::size_t at = kHead; at + width <= seed.size(); at += width) {
      const std::uint64_t slot = at / width;
      const std::uint64_t flags = slot % 7 == 0 ? 0xE3 : slot % 5 == 0 ? 0x880 : 0x63;
      const std::uint64_t entry = (slot % kPages) << 12U | flags;
      std::memcpy(seed.data() + at, &entry, width);
    }
    seeds.Write("tables-" + std::to_string(mode), seed);
  }
}

// The same for fuzz_follow, with entries of every form that is not present.
void Entries(const Seeds& seeds) {
  constexpr std::size_t kHead = 64;
  constexpr std::size_t kPages = 6;
  constexpr std::uint64_t kForms[] = {0x880,          0x200000000080, 0x8000000000000480,
                                      0x1234000020a4, 0x200,          0xffffffff00000420};
  for (unsigned kind = 0; kind < 20; ++kind) {
    std::vector<std::byte> seed(kHead + kPages * 0x1000);
    seed[0] = static_cast<std::byte>(kind % 5);
    seed[1] = static_cast<std::byte>(kind / 5 * 2 + 1);
    const std::uint64_t build = kind % 2 == 0 ? 17763 : 7601;
    std::memcpy(seed.data() + 4, &build, 2);
    const std::size_t width = kind % 5 == 0 ? 4 : 8;
    for (std::size_t at = kHead; at + width <= seed.size(); at += width) {
      const std::uint64_t slot = at / width;
      const std::uint64_t frame = (slot % kPages) << 12U;
      const std::uint64_t entry = slot % 2 == 0 ? frame | 1U : frame ^ kForms[slot / 2 % 6];
      std::memcpy(seed.data() + at, &entry, width);
    }
    seeds.Write("entries-" + std::to_string(kind), seed);
  }
}

// Two frames that tell their sizes, with the seek table and without; and what makes fuzz_zstd pack
// by itself and change one byte.
void Zstd(const Seeds& seeds) {
  v2p::test::Bytes plain(100'000);
  for (std::size_t i = 0; i < plain.size(); ++i) plain[i] = static_cast<std::byte>(i % 4096 / 64);
  const v2p::test::TempDir dir;
  v2p::PackOptions options;
  options.frame_bytes = 64U << 10U;
  const std::string packed = dir.Path("packed.zst");
  if (!v2p::PackZstd(v2p::test::MemorySource(plain), packed, options)) std::abort();
  const auto seekable = v2p::test::ReadFile(packed);
  constexpr std::size_t kTable = 8 + 2 * 12 + 9;  // skippable header, two entries, footer
  seeds.Write("zstd-seekable", seekable);
  seeds.Write("zstd-frames", std::span(seekable).first(seekable.size() - kTable));
  v2p::test::Bytes change(5 + 3000, std::byte{'a'});
  change[0] = std::byte{'P'};
  seeds.Write("zstd-changed-byte", change);
}

// Blocks by other people's encoders, where they are installed, and the rare 32-bit lengths by hand.
void Xpress(const Seeds& seeds) {
  const auto write = [&](std::string_view name, unsigned mode, std::size_t size,
                         std::span<const std::byte> stream) {
    v2p::test::Bytes input = {static_cast<std::byte>(mode), static_cast<std::byte>(size & 0xFFU),
                              static_cast<std::byte>(size >> 8U)};
    input.insert(input.end(), stream.begin(), stream.end());
    seeds.Write(name, input);
  };
  const auto huffman = v2p::test::WimHuffmanEncoder();
  const auto plain = v2p::test::SambaPlainEncoder();
  for (unsigned i = 0; i < 16; ++i) {
    const auto block = v2p::test::MemoryLike(4096 + 1000 * i, i);
    const std::string name = "block-" + std::to_string(i);
    if (const auto stream = huffman ? huffman(block) : std::nullopt) {
      write(name + "-huffman", 1, block.size(), *stream);
      write(name + "-repaired", 3, block.size(), *stream);
    }
    if (const auto stream = plain ? plain(block) : std::nullopt) {
      write(name + "-plain", 0, block.size(), *stream);
    }
  }
  v2p::test::Bytes lengths(256);
  lengths[0x30] = std::byte{0x10};
  lengths[0x31] = std::byte{0x33};
  lengths[0x87] = std::byte{0x20};
  for (const int value : {0x80, 0x5b, 0, 0, 0xff, 0, 0, 0x55, 2, 0, 0}) {
    lengths.push_back(static_cast<std::byte>(value));
  }
  write("long-huffman", 1, 603, lengths);
}

// Every column and depth as they are, and with one word of one structure changed.
void Stores(const Seeds& seeds) {
  for (int column = 0; column < 9; ++column) {
    for (int depth = 0; depth < 3; ++depth) {
      const std::string name = "store-" + std::to_string(column) + "-" + std::to_string(depth);
      std::vector<std::byte> seed = {static_cast<std::byte>(column), static_cast<std::byte>(depth)};
      seeds.Write(name, seed);
      for (const int value : {column, 2, 0x70, 3, 0x45, 0x23, 0x01, 0x00}) {
        seed.push_back(static_cast<std::byte>(value));
      }
      seeds.Write(name + "-changed", seed);
    }
  }
}

// A claim, flags, frames, pages: as fuzz_locate reads them.
void Windows(const Seeds& seeds) {
  const std::pair<v2p::ModeName, const char*> kinds[] = {{v2p::ModeName::kX86, "2600"},
                                                         {v2p::ModeName::kPae, "2600"},
                                                         {v2p::ModeName::kX64, "19041"},
                                                         {v2p::ModeName::kX64La57, "26100"},
                                                         {v2p::ModeName::kArm64, "22000"}};
  for (const auto& [mode, layout] : kinds) {
    v2p::test::WindowsRecipe recipe;
    recipe.mode = mode;
    recipe.layout = layout;
    recipe.processes = {{"a.exe", 8, 4}, {"b.exe", 12, 4}, {"c.exe", 16, 4, /*linked=*/false}};
    recipe.noise_pages = 0;
    const v2p::test::SparseMemory memory = v2p::test::BuildWindows(recipe).memory;
    std::vector<std::uint64_t> pages = memory.Pages();
    pages.resize(std::min<std::size_t>(pages.size(), 255));
    std::vector<std::byte> seed(16 + pages.size() * (4 + v2p::kPageBytes));
    v2p::test::PutLe(seed, 0, 8, recipe.root);
    v2p::test::PutLe(seed, 8, 1, pages.size());
    v2p::test::PutLe(seed, 9, 1, 0xA0);  // the claim is made, processes are listed
    for (std::size_t i = 0; i < pages.size(); ++i) {
      v2p::test::PutLe(seed, 16 + i * 4, 4, pages[i] >> v2p::kPageShift);
      std::memcpy(seed.data() + 16 + pages.size() * 4 + i * v2p::kPageBytes,
                  memory.PageAt(pages[i]), v2p::kPageBytes);
    }
    seeds.Write("windows-" + std::string(layout) + "-" + std::to_string(static_cast<int>(mode)),
                seed);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view target = argv[1];
  const Seeds seeds(argv[2]);
  if (target == "fuzz_walk") {
    PageTables(seeds);
    return 0;
  }
  if (target == "fuzz_locate") {
    Windows(seeds);
    return 0;
  }
  if (target == "fuzz_follow") {
    Entries(seeds);
    return 0;
  }
  if (target == "fuzz_store") {
    Stores(seeds);
    return 0;
  }
  if (target == "fuzz_xpress") {
    Xpress(seeds);
    return 0;
  }
  seeds.CopyShippedImages(64 * 1024);
  if (target == "fuzz_open") {
    WindowsDumps(seeds);
    ElfCores(seeds);
    Lime(seeds);
    Hiberfils(seeds);
    WipedHiberfil(seeds);
  }
  if (target == "fuzz_zstd") Zstd(seeds);
  return 0;
}
