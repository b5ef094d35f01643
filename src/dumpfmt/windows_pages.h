// Where the pages of a Windows crash dump are: one map builder per layout, and the choice of one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_source.h"
#include "base/image_facts.h"
#include "base/physical_memory.h"
#include "dumpfmt/windows_header.h"

namespace v2p::windows {

enum class PageLayout : std::uint8_t {
  kNone,          ///< no page is stored: header-only and triage dumps
  kRuns,          ///< the header's runs, packed behind it
  kLegacyBitmap,  ///< SDMP until Windows 7
  kBitmap,        ///< SDMP or FDMP since Windows 8
  kRanges,        ///< RDMP
};

/// The pages that a dump promises, and those of them that lie inside the file.
struct PageMap {
  PageLayout layout = PageLayout::kNone;
  PhysicalMemory::Index index;
  std::uint64_t promised = 0;
  std::uint64_t stored = 0;
  std::uint64_t first_page = 0;  ///< file offset
  std::uint64_t end = 0;         ///< file offset behind the last promised page
  std::vector<Fact> details;
  std::vector<std::string> warnings;
};

/// A run of a packed layout: its pages follow those of the run before it.
struct PackedRun {
  std::uint64_t first = 0;  ///< page frame number
  std::uint64_t pages = 0;
  FileOffset entry;  ///< where the table names it
};

/// No machine has wider physical addresses than 52 bits.
inline constexpr std::uint64_t kMaxFrames = std::uint64_t{1} << 40U;

/// The two halves "SDMP" + "DUMP" and so on at the end of the first header.
enum class SecondHeader : std::uint8_t { kNone, kSdmp, kFdmp, kRdmp };

Result<PageMap> MapRuns(const ByteSource& source, const WindowsHeader& header);
Result<PageMap> MapRanges(const ByteSource& source, const WindowsHeader& header);
Result<PageMap> MapBitmap(const std::shared_ptr<const ByteSource>& source,
                          const WindowsHeader& header);
Result<PageMap> MapLegacyBitmap(const std::shared_ptr<const ByteSource>& source,
                                const WindowsHeader& header);

/// Index of `runs` (in file order), clamped to the file. Runs that overlap are an error.
Result<PageMap> PackRuns(const std::vector<PackedRun>& runs, std::uint64_t first_page,
                         std::uint64_t file_size);

/// Dispatches on the dump type and checks it against the second header. When they disagree, the
/// dump is opened as what the second header says if the file's size fits that exactly.
Result<PageMap> MapPages(const std::shared_ptr<const ByteSource>& source,
                         const WindowsHeader& header);

/// "kernel bitmap" and so on; empty for types nobody is known to write.
std::string_view TypeWords(std::uint32_t type);
std::string_view LayoutWords(PageLayout layout);
/// The layout that the header's type calls for, if it is a known one.
std::optional<PageLayout> LayoutOf(const WindowsHeader& header);

}  // namespace v2p::windows
