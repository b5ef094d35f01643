// Images of a few pages for tests.
// SPDX-License-Identifier: Apache-2.0
#include "support/sparse_memory.h"

#include "support/memory_source.h"

namespace v2p::test {
namespace {

constexpr std::size_t kOddBlock = 0x2345;  // no divisor or multiple of any entry or page

// Appends bytes to a file image and the run that describes them.
struct Writer {
  std::vector<std::byte> file{64};  // so that offset and address differ
  std::vector<Extent> runs;

  void Add(std::uint64_t pa, std::span<const std::byte> bytes) {
    runs.push_back({PhysAddr(pa), bytes.size(), FileOffset(file.size())});
    file.insert(file.end(), bytes.begin(), bytes.end());
  }
  std::unique_ptr<PhysicalMemory> Finish(std::size_t block_bytes = 0) {
    return std::make_unique<PhysicalMemory>(
        std::make_shared<MemorySource>(std::move(file), block_bytes), RunIndex(std::move(runs)));
  }
};

}  // namespace

void SparseMemory::Put(std::uint64_t pa, std::uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) {
    const std::uint64_t at = pa + i;
    pages_[at / kPage].bytes[at % kPage] = static_cast<std::byte>(value >> (8 * i));
  }
}

void SparseMemory::PutBytes(std::uint64_t pa, std::span<const std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    pages_[(pa + i) / kPage].bytes[(pa + i) % kPage] = bytes[i];
  }
}

void SparseMemory::Merge(const SparseMemory& other, std::uint64_t offset) {
  for (const auto& [pfn, page] : other.pages_) pages_[pfn + offset / kPage] = page;
}

std::vector<std::uint64_t> SparseMemory::Pages() const {
  std::vector<std::uint64_t> pages;
  for (const auto& [pfn, page] : pages_) pages.push_back(pfn * kPage);
  return pages;
}

const std::byte* SparseMemory::PageAt(std::uint64_t pa) const {
  const auto page = pages_.find(pa / kPage);
  return page == pages_.end() ? nullptr : page->second.bytes.data();
}

std::optional<std::uint64_t> SparseMemory::Get(std::uint64_t pa, unsigned bytes) const {
  std::uint64_t value = 0;
  const std::byte* const page = PageAt(pa);
  if (page == nullptr) return std::nullopt;
  for (unsigned i = 0; i < bytes; ++i) {
    value |= std::to_integer<std::uint64_t>(page[pa % kPage + i]) << (8 * i);
  }
  return value;
}

std::unique_ptr<PhysicalMemory> SparseMemory::Build(Backing backing) const {
  Writer writer;
  if (backing == Backing::kBitmap) {
    const std::uint64_t bits = pages_.empty() ? 0 : pages_.rbegin()->first + 1;
    auto bitmap = std::make_shared<std::vector<std::byte>>((bits + 7) / 8);
    const std::uint64_t first = writer.file.size();
    for (const auto& [pfn, page] : pages_) {
      (*bitmap)[pfn / 8] |= static_cast<std::byte>(1U << (pfn % 8));
      writer.Add(pfn * kPage, page.bytes);
    }
    RankIndex index(*bitmap, bits, FileOffset(first), pages_.size(), bitmap);
    return std::make_unique<PhysicalMemory>(std::make_shared<MemorySource>(std::move(writer.file)),
                                            std::move(index));
  }
  if (backing == Backing::kPieces) {
    // Four-byte pieces at odd places first, so that many entries are cut in two, then the rest.
    for (const auto& [pfn, page] : pages_) {
      const std::span bytes(page.bytes);
      std::uint64_t at = 0;
      for (std::uint64_t cut = 3 + pfn % 5; at < kPage; cut = cut * 2 + 7) {
        const std::uint64_t end = std::min(kPage, at + cut);
        writer.Add(pfn * kPage + at, bytes.subspan(at, end - at));
        writer.file.push_back(std::byte{0xee});  // pieces never join
        at = end;
      }
    }
    return writer.Finish();
  }
  for (const auto& [pfn, page] : pages_) writer.Add(pfn * kPage, page.bytes);
  return writer.Finish(backing == Backing::kBlocks ? kOddBlock : 0);
}

std::unique_ptr<PhysicalMemory> SparseMemory::BuildRanges(
    const std::map<std::uint64_t, std::uint64_t>& keep) const {
  Writer writer;
  for (const auto& [begin, end] : keep) {
    std::vector<std::byte> bytes;
    for (std::uint64_t pa = begin; pa < end; ++pa) {
      bytes.push_back(static_cast<std::byte>(Get(pa, 1).value_or(0)));
    }
    writer.Add(begin, bytes);
    writer.file.push_back(std::byte{0xee});
  }
  return writer.Finish();
}

}  // namespace v2p::test
