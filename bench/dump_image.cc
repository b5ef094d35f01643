// Benchmark images. Files are sparse: only headers, bitmaps and page tables are written.
// SPDX-License-Identifier: Apache-2.0
#include "dump_image.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <map>
#include <random>
#include <stdexcept>

#include "base/rank_index.h"

namespace v2p::bench {
namespace {

// Bitmap dump layout: DUMP_HEADER64 of mindumpdef.h and the second header that kdmp-parser names.
constexpr std::uint64_t kHeader = 0x2000;
constexpr std::uint64_t kBitmap = kHeader + 0x38;
constexpr std::uint64_t kPresentWritable = 0x63;
constexpr std::uint64_t kLarge = 0x80;

class File {
 public:
  explicit File(const std::string& path)
      : fd_(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    if (fd_ < 0) throw std::runtime_error("cannot write " + path);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { close(fd_); }

  void Write(std::uint64_t at, const void* data, std::size_t bytes) {
    if (pwrite(fd_, data, bytes, static_cast<off_t>(at)) != static_cast<ssize_t>(bytes)) {
      throw std::runtime_error("disk full?");
    }
  }
  void Resize(std::uint64_t bytes) {
    if (ftruncate(fd_, static_cast<off_t>(bytes)) != 0) throw std::runtime_error("cannot resize");
  }

 private:
  int fd_;
};

// A bitmap dump whose pages are placed by frame number.
class BitmapDump {
 public:
  BitmapDump(const std::string& path, std::uint64_t frames, unsigned ragged_percent,
             std::mt19937_64& random)
      : file_(path), bitmap_(frames / 8), frames_(frames), random_(random) {
    for (std::size_t at = 0; at < bitmap_.size(); at += 8) {
      const bool ragged = random() % 100 < ragged_percent;
      const std::uint64_t word = ragged ? random() | 1U : ~std::uint64_t{0};
      std::memcpy(bitmap_.data() + at, &word, 8);
    }
    first_page_ = (kBitmap + bitmap_.size() + 0xfff) & ~std::uint64_t{0xfff};
    index_ = RankIndex(bitmap_, frames, FileOffset(first_page_), frames, nullptr);
    file_.Resize(first_page_ + index_.PresentBytes());
  }

  std::uint64_t PresentPages() const { return index_.SetBits(); }

  Pfn RandomFrame() {
    for (;;) {
      const Pfn pfn(random_() % frames_);
      if (index_.Find(pfn.Base())) return pfn;
    }
  }

  void WritePage(Pfn pfn, const void* data) {
    file_.Write(index_.Find(pfn.Base())->at.value, data, kPageBytes);
  }

  void WriteHeader(std::uint64_t dtb) {
    std::vector<std::byte> head(kBitmap);
    for (std::size_t at = 0; at < head.size(); at += 4) std::memcpy(head.data() + at, "PAGE", 4);
    const auto put = [&](std::size_t at, std::uint64_t value, std::size_t bytes) {
      std::memcpy(head.data() + at, &value, bytes);
    };
    std::memcpy(head.data(), "PAGEDU64", 8);
    put(0x08, 15, 4);
    put(0x0c, 19041, 4);
    put(0x10, dtb, 8);
    put(0x30, 0x8664, 4);
    put(0x34, 2, 4);
    put(0xf98, 5, 4);
    std::memcpy(head.data() + kHeader, "SDMPDUMP", 8);
    std::memset(head.data() + kHeader + 8, 0, 0x18);
    put(kHeader + 0x20, first_page_, 8);
    put(kHeader + 0x28, index_.SetBits(), 8);
    put(kHeader + 0x30, frames_, 8);
    file_.Write(0, head.data(), head.size());
    file_.Write(kBitmap, bitmap_.data(), bitmap_.size());
  }

 private:
  File file_;
  std::vector<std::byte> bitmap_;
  std::uint64_t frames_;
  std::uint64_t first_page_ = 0;
  RankIndex index_;
  std::mt19937_64& random_;
};

// x64 tables in random frames of a dump, written out at the end.
class Tables {
 public:
  explicit Tables(BitmapDump& dump) : dump_(dump), root_(NewTable()) {}

  // Maps the page of 4 KiB << (9 * large_levels) at `va` to `pa`.
  void Map(std::uint64_t va, std::uint64_t pa, unsigned large_levels) {
    MapUnder(root_, va, pa, large_levels);
  }

  // A root with the same upper half as the first.
  std::uint64_t NewProcess() {
    const std::uint64_t root = NewTable();
    const auto& kernel = tables_.at(root_);
    std::copy(kernel.begin() + 256, kernel.end(), tables_.at(root).begin() + 256);
    return root;
  }

  void MapUnder(std::uint64_t root, std::uint64_t va, std::uint64_t pa, unsigned large_levels) {
    std::uint64_t table = root;
    for (unsigned level = 3; level > large_levels; --level) {
      std::uint64_t& entry = Entry(table, va, level);
      if (entry == 0) entry = NewTable() * kPageBytes | kPresentWritable;
      table = entry / kPageBytes;
    }
    Entry(table, va, large_levels) = pa | kPresentWritable | (large_levels > 0 ? kLarge : 0);
  }

  std::uint64_t WriteAll() {
    for (const auto& [pfn, entries] : tables_) dump_.WritePage(Pfn(pfn), entries.data());
    dump_.WriteHeader(root_ * kPageBytes);
    return root_ * kPageBytes;
  }

  std::uint64_t Count() const { return tables_.size(); }

 private:
  std::uint64_t& Entry(std::uint64_t table, std::uint64_t va, unsigned level) {
    return tables_.at(table)[va >> (12 + 9 * level) & 511U];
  }
  std::uint64_t NewTable() {
    for (;;) {
      const std::uint64_t pfn = dump_.RandomFrame().value;
      if (tables_.try_emplace(pfn).second) return pfn;
    }
  }

  BitmapDump& dump_;
  std::map<std::uint64_t, std::array<std::uint64_t, 512>> tables_;
  std::uint64_t root_;
};

// A region of `pages` pages of one size, mapped to random frames.
struct Region {
  std::uint64_t base;
  std::uint64_t pages;
  unsigned large_levels;
  std::vector<std::uint64_t> frames;

  std::uint64_t PageBytes() const { return kPageBytes << (9 * large_levels); }

  void MapAll(Tables& tables, std::uint64_t memory_bytes, std::mt19937_64& random) {
    for (std::uint64_t i = 0; i < pages; ++i) {
      frames.push_back(random() % memory_bytes / PageBytes() * PageBytes());
      tables.Map(base + i * PageBytes(), frames.back(), large_levels);
    }
  }
  void Draw(DumpImage& image, std::mt19937_64& random) const {
    const std::uint64_t page = random() % pages;
    const std::uint64_t offset = random() % PageBytes();
    image.addresses.emplace_back(base + page * PageBytes() + offset);
    image.answers.emplace_back(frames[page] + offset);
  }
};

constexpr std::uint64_t kGib = std::uint64_t{1} << 30;

// Runs of 1 to 7 pages until the process maps `pages`: half of its own, half out of `libraries`,
// of which each process has about a quarter.
void MapProcess(Tables& tables, std::uint64_t root, std::uint64_t pages, std::uint64_t frames,
                std::mt19937_64& random) {
  constexpr std::uint64_t kLibraries = 77'000;
  std::uint64_t va = 0x7ff000000000;
  for (std::uint64_t mapped = 0; mapped < pages;) {
    const bool library = random() % 2 == 0;
    const std::uint64_t first = library ? random() % (kLibraries / 8) * 8 : random() % (frames - 7);
    const std::uint64_t run = library ? 1 + first / 8 % 7 : 1 + random() % 7;
    for (std::uint64_t i = 0; i < run; ++i) {
      tables.MapUnder(root, va + i * kPageBytes, (first + i) * kPageBytes, 0);
    }
    mapped += run;
    va += (run + 1) * kPageBytes;
  }
}

}  // namespace

DumpImage MakeOneGib(const std::string& folder, std::size_t addresses) {
  std::mt19937_64 random(1);
  DumpImage image{folder + "/one-gib.dmp"};
  BitmapDump dump(image.path, kGib / kPageBytes, 0, random);
  Tables tables(dump);
  Region small{0xfffff80000000000, 16384, 0, {}};
  Region large{0xfffff90000000000, 512, 1, {}};
  Region huge{0xfffffa0000000000, 16, 2, {}};
  small.MapAll(tables, kGib, random);
  large.MapAll(tables, kGib, random);
  huge.MapAll(tables, kGib, random);
  for (std::size_t i = 0; i < addresses; ++i) {
    const auto dice = random() % 100;
    (dice < 70 ? small : dice < 95 ? large : huge).Draw(image, random);
  }
  image.tables = tables.Count();
  image.present_pages = dump.PresentPages();
  image.dtb = tables.WriteAll();
  return image;
}

DumpImage MakeEightGib(const std::string& folder, std::size_t addresses, std::size_t processes) {
  constexpr std::uint64_t kPagesEach = 41'500;
  std::mt19937_64 random(8);
  DumpImage image{folder + "/eight-gib.dmp"};
  // 5 % ragged words keep half their bits: the span is 2.5 % longer than 8 GiB of pages.
  BitmapDump dump(image.path, 2'150'912, 5, random);
  Tables tables(dump);
  Region small{0xfffff80000000000, 16384 * 512, 0, {}};
  small.MapAll(tables, 8 * kGib, random);
  for (std::size_t i = 0; i < addresses; ++i) small.Draw(image, random);
  for (std::size_t i = 0; i < processes; ++i) {
    const std::uint64_t root = tables.NewProcess();
    image.processes.push_back(root * kPageBytes);
    MapProcess(tables, root, kPagesEach, 8 * kGib / kPageBytes, random);
  }
  image.tables = tables.Count();
  image.present_pages = dump.PresentPages();
  image.dtb = tables.WriteAll();
  return image;
}

DumpImage MakeSparse(const std::string& folder, std::uint64_t mib) {
  std::mt19937_64 random(64);
  DumpImage image{folder + "/sparse-" + std::to_string(mib) + "-mib.dmp"};
  BitmapDump dump(image.path, mib * (kGib >> 10) / kPageBytes, 10, random);
  Tables tables(dump);
  const Pfn page = dump.RandomFrame();
  image.addresses.emplace_back(0xfffff80012345678);
  image.answers.push_back(page.Base() + 0x678);
  tables.Map(0xfffff80012345000, page.Base().value, 0);
  image.tables = tables.Count();
  image.present_pages = dump.PresentPages();
  image.dtb = tables.WriteAll();
  return image;
}

}  // namespace v2p::bench
