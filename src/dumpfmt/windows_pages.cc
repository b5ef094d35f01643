// Choice of the page layout: what the dump type says against what stands behind the first header.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/windows_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace v2p::windows {
namespace {

constexpr std::size_t kSecondBytes = 12;
constexpr std::size_t kRdmpSignatureAt = 4;  // behind the marker 0x40

Result<SecondHeader> FindSecondHeader(const ByteSource& source, const WindowsHeader& header) {
  std::array<std::byte, kSecondBytes> bytes{};
  const auto got = source.ReadAt(header.End(), bytes);
  if (!got) return tl::unexpected<Error>(got.error());
  const auto held = std::span<const std::byte>(bytes).first(*got);
  if (HasText(held, 0, "SDMPDUMP")) return SecondHeader::kSdmp;
  if (HasText(held, 0, "FDMPDUMP")) return SecondHeader::kFdmp;
  if (HasText(held, kRdmpSignatureAt, "RDMPDUMP")) return SecondHeader::kRdmp;
  return SecondHeader::kNone;
}

std::vector<PageLayout> LayoutsWith(SecondHeader second) {
  switch (second) {
    case SecondHeader::kSdmp:
      return {PageLayout::kBitmap, PageLayout::kLegacyBitmap};
    case SecondHeader::kFdmp:
      return {PageLayout::kBitmap};
    case SecondHeader::kRdmp:
      return {PageLayout::kRanges};
    case SecondHeader::kNone:
      break;
  }
  return {PageLayout::kRuns, PageLayout::kNone};
}

Result<PageMap> Map(PageLayout layout, const std::shared_ptr<const ByteSource>& source,
                    const WindowsHeader& header) {
  switch (layout) {
    case PageLayout::kRuns:
      return MapRuns(*source, header);
    case PageLayout::kLegacyBitmap:
      return MapLegacyBitmap(source, header);
    case PageLayout::kBitmap:
      return MapBitmap(source, header);
    case PageLayout::kRanges:
      return MapRanges(*source, header);
    case PageLayout::kNone:
      break;
  }
  return PageMap{};
}

bool FitsExactly(const PageMap& map, std::uint64_t file_size) {
  return map.layout != PageLayout::kNone && map.promised != 0 && map.end == file_size;
}

std::string TypeName(const WindowsHeader& header) {
  if (!header.dump_type) return "no dump type";
  const std::string_view words = TypeWords(*header.dump_type);
  return fmt::format("dump type {}{}{}{}", *header.dump_type, words.empty() ? "" : " (", words,
                     words.empty() ? "" : ")");
}

Result<PageMap> WithWarning(Result<PageMap> map, const WindowsHeader& header) {
  map->warnings.insert(
      map->warnings.begin(),
      fmt::format("the header says {}, but the file is laid out as a {} dump and is read as one",
                  TypeName(header), LayoutWords(map->layout)));
  return map;
}

// The layout among `layouts` that the file's size fits exactly, if there is one.
std::optional<PageMap> ExactFit(const std::vector<PageLayout>& layouts,
                                const std::shared_ptr<const ByteSource>& source,
                                const WindowsHeader& header) {
  for (const PageLayout layout : layouts) {
    auto map = Map(layout, source, header);
    if (map && FitsExactly(*map, source->Size())) return std::move(*map);
  }
  return std::nullopt;
}

// Types that no source documents: the second header alone tells.
Result<PageMap> MapUnknownType(SecondHeader second, const std::shared_ptr<const ByteSource>& source,
                               const WindowsHeader& header) {
  if (second != SecondHeader::kNone) {
    const auto layouts = LayoutsWith(second);
    if (auto exact = ExactFit(layouts, source, header))
      return WithWarning(std::move(*exact), header);
    Result<PageMap> first = Map(layouts.front(), source, header);
    if (first) return WithWarning(std::move(first), header);
    return first;
  }
  return Fail(
      ErrorKind::kUnsupported,
      fmt::format("{} is not known, and no SDMP, FDMP or RDMP header follows", TypeName(header)),
      header.raw.At(header.layout->dump_type));
}

// Shannon entropy in bits a byte.
double Entropy(std::span<const std::uint8_t> bytes) {
  std::array<unsigned, 256> counts{};
  for (const std::uint8_t b : bytes) ++counts[b];
  double entropy = 0;
  for (const unsigned count : counts) {
    if (count == 0) continue;
    const double share = static_cast<double>(count) / static_cast<double>(bytes.size());
    entropy -= share * std::log2(share);
  }
  return entropy;
}

constexpr double kCiphertextEntropy = 7.9;

// A page of ciphertext is even in its bytes and in their differences; tables that count upwards
// are even in their bytes only.
bool LooksEncrypted(const ByteSource& source, const WindowsHeader& header) {
  std::array<std::uint8_t, kPageBytes> page{};
  const auto got = source.ReadAt(header.End(), std::as_writable_bytes(std::span(page)));
  if (!got || *got != page.size() || Entropy(page) < kCiphertextEntropy) return false;
  for (std::size_t i = 0; i + 1 < page.size(); ++i) {
    page[i] = static_cast<std::uint8_t>(page[i + 1] - page[i]);
  }
  return Entropy(page) >= kCiphertextEntropy;
}

tl::unexpected<Error> Disagreement(SecondHeader second, const ByteSource& source,
                                   const WindowsHeader& header) {
  if (second != SecondHeader::kNone) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("{} and the second header contradict each other, and the file's size "
                            "fits neither exactly",
                            TypeName(header)),
                FileOffset(header.End()));
  }
  if (!Inside(header.End(), kSecondBytes, source.Size())) {
    return Fail(ErrorKind::kTruncated,
                fmt::format("{} needs a second header, the file ends at {:#x}", TypeName(header),
                            source.Size()),
                FileOffset(header.End()));
  }
  if (!header.attributes && LooksEncrypted(source, header)) {
    return Fail(ErrorKind::kUnsupported,
                "the dump looks encrypted: decrypt it with KernelDumpDecrypt.exe (Debugging Tools "
                "for Windows)",
                FileOffset(header.End()));
  }
  return Fail(ErrorKind::kCorrupt,
              fmt::format("{} needs a second header, none is there", TypeName(header)),
              FileOffset(header.End()));
}

// SDMP stands for two layouts; the declared one is doubted when none of its pages is in the file.
Result<PageMap> MapDeclared(PageLayout declared, SecondHeader second,
                            const std::shared_ptr<const ByteSource>& source,
                            const WindowsHeader& header) {
  Result<PageMap> map = Map(declared, source, header);
  if ((map && map->stored != 0) || second != SecondHeader::kSdmp) return map;
  // It does not fit exactly, or its pages would be in the file. Its index may be large: it goes
  // before the other's is made.
  map = PageMap{};
  auto others = LayoutsWith(second);
  others.erase(std::remove(others.begin(), others.end(), declared), others.end());
  if (auto exact = ExactFit(others, source, header)) return WithWarning(std::move(*exact), header);
  return Map(declared, source, header);
}

}  // namespace

std::string_view TypeWords(std::uint32_t type) {
  switch (type) {
    case kTypeFull:
      return "full";
    case kTypeSummary:
      return "legacy kernel summary";
    case kTypeHeader:
      return "header only";
    case kTypeTriage:
      return "triage";
    case kTypeBitmapFull:
      return "full bitmap";
    case kTypeBitmapKernel:
      return "kernel bitmap";
    case kTypeAutomatic:
      return "automatic bitmap";
    case kTypeRangesKernel:
      return "kernel ranges";
    case kTypeRangesActive:
      return "active ranges";
    case kTypeRangesFull:
      return "complete ranges";
    default:
      return {};
  }
}

std::string_view LayoutWords(PageLayout layout) {
  switch (layout) {
    case PageLayout::kRuns:
      return "full";
    case PageLayout::kLegacyBitmap:
      return "legacy kernel summary";
    case PageLayout::kBitmap:
      return "bitmap";
    case PageLayout::kRanges:
      return "range";
    case PageLayout::kNone:
      break;
  }
  return "pageless";
}

std::optional<PageLayout> LayoutOf(const WindowsHeader& header) {
  switch (header.dump_type.value_or(kTypeFull)) {
    case kTypeFull:
      return PageLayout::kRuns;
    case kTypeSummary:
      return PageLayout::kLegacyBitmap;
    case kTypeHeader:
    case kTypeTriage:
      return PageLayout::kNone;
    case kTypeBitmapFull:
    case kTypeBitmapKernel:
    case kTypeAutomatic:
      return PageLayout::kBitmap;
    case kTypeRangesKernel:
    case kTypeRangesActive:
    case kTypeRangesFull:
      return PageLayout::kRanges;
    default:
      return std::nullopt;
  }
}

Result<PageMap> MapPages(const std::shared_ptr<const ByteSource>& source,
                         const WindowsHeader& header) {
  const auto found = FindSecondHeader(*source, header);
  if (!found) return tl::unexpected<Error>(found.error());
  const SecondHeader second = *found;
  const auto declared = LayoutOf(header);
  if (header.dump_type == 0U) {
    return Fail(ErrorKind::kCorrupt, "dump type 0 names no kind of dump",
                header.raw.At(header.layout->dump_type));
  }
  // Without a type and without runs, only the second header can tell.
  const bool silent = !header.dump_type && !header.run_count && second != SecondHeader::kNone;
  if (!declared || silent) {
    return MapUnknownType(second, source, header);
  }
  const auto layouts = LayoutsWith(second);
  if (std::find(layouts.begin(), layouts.end(), *declared) != layouts.end()) {
    return MapDeclared(*declared, second, source, header);
  }
  // A full dump's first page may happen to look like a second header.
  if (*declared == PageLayout::kRuns) {
    if (auto exact = ExactFit({PageLayout::kRuns}, source, header)) return std::move(*exact);
  }
  if (auto exact = ExactFit(layouts, source, header)) return WithWarning(std::move(*exact), header);
  return Disagreement(second, *source, header);
}

}  // namespace v2p::windows
