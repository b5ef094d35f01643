// Recognising ntoskrnl by what its headers name. Offsets: Microsoft PE and COFF Specification.
// SPDX-License-Identifier: Apache-2.0
#include "locate/kernel_image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "locate/windows_space.h"

namespace v2p {
namespace {

constexpr std::uint16_t kDosMagic = 0x5A4D;
constexpr std::size_t kNewHeaderAt = 0x3C;
constexpr std::uint32_t kMostNewHeader = 0x800;
constexpr std::uint32_t kPeMagic = 0x4550;
constexpr std::size_t kMachineAt = 4;
constexpr std::size_t kOptionalAt = 24;
constexpr std::size_t kSizeOfImageAt = 56;  // in the optional header
constexpr std::size_t kDirectories64At = 112, kDirectories32At = 96;
constexpr std::uint16_t kMagic64 = 0x20B;
constexpr unsigned kExportDirectory = 0, kDebugDirectory = 6;
constexpr std::uint32_t kMostImage = 64U << 20U;

constexpr std::size_t kDebugEntryBytes = 28;
constexpr std::uint32_t kCodeView = 2;
constexpr std::uint32_t kRsds = 0x5344'5352;
constexpr std::size_t kRsdsNameAt = 24;
constexpr std::uint32_t kMostDebugEntries = 16;

constexpr std::size_t kExportBytes = 40;
constexpr std::uint32_t kMostExports = 1U << 16U;

constexpr std::string_view kExportName = "ntoskrnl.exe";
constexpr std::string_view kOwnExport = "PsInitialSystemProcess";
constexpr std::array<std::string_view, 4> kDebugNames = {"ntkrnlmp.pdb", "ntoskrnl.pdb",
                                                         "ntkrnlpa.pdb", "ntkrpamp.pdb"};

// The first page of an image, with the checks that make offsets into it safe.
class Headers {
 public:
  Headers(VirtualReader& reader, VirtAddr base) : reader_(reader), base_(base) {}

  bool Read() {
    if (reader_.Read(base_, page_) != Reach::kReached) return false;
    if (U16(0) != kDosMagic) return false;
    pe_ = U32(kNewHeaderAt);
    if (pe_ > kMostNewHeader || U32(pe_) != kPeMagic) return false;
    return U16(pe_ + kMachineAt) == SpaceOf(reader_.TheRoot().mode).machine &&
           Bytes() >= kPageBytes && Bytes() <= kMostImage;
  }

  std::uint32_t Bytes() const { return U32(pe_ + kOptionalAt + kSizeOfImageAt); }

  /// Address of a data directory, or nothing when the image has none.
  std::optional<VirtAddr> Directory(unsigned index) const {
    const std::size_t optional = pe_ + kOptionalAt;
    const std::size_t first =
        optional + (U16(optional) == kMagic64 ? kDirectories64At : kDirectories32At);
    const std::uint32_t rva = U32(first + std::size_t{8} * index);
    if (rva == 0 || rva >= Bytes()) return std::nullopt;
    return base_ + rva;
  }

  bool HasSection(std::string_view name) const {
    const std::string_view text(reinterpret_cast<const char*>(page_.data()), page_.size());
    return text.find(name) != std::string_view::npos;
  }

 private:
  std::uint16_t U16(std::size_t at) const { return LoadLe<std::uint16_t>(page_.data() + at); }
  std::uint32_t U32(std::size_t at) const { return LoadLe<std::uint32_t>(page_.data() + at); }

  VirtualReader& reader_;
  VirtAddr base_;
  std::array<std::byte, kPageBytes> page_{};
  std::uint32_t pe_ = 0;
};

// A text of at most `most` bytes, as far as it can be read.
std::string ReadText(VirtualReader& reader, VirtAddr at, std::size_t most) {
  std::string text(most, '\0');
  const auto bytes = std::as_writable_bytes(std::span(text));
  const std::size_t here = std::min<std::size_t>(most, kPageBytes - at.value % kPageBytes);
  if (reader.Read(at, bytes.first(here)) != Reach::kReached) return {};
  if (here < most && text.find('\0') >= here &&
      reader.Read(at + here, bytes.subspan(here)) != Reach::kReached) {
    text.resize(here);
  }
  return text.substr(0, text.find('\0'));
}

struct Exports {
  std::uint32_t name = 0, functions = 0, names = 0, ordinals = 0, name_count = 0;
};

std::optional<Exports> ReadExports(VirtualReader& reader, const Headers& headers) {
  const auto at = headers.Directory(kExportDirectory);
  std::array<std::byte, kExportBytes> raw;
  if (!at || reader.Read(*at, raw) != Reach::kReached) return std::nullopt;
  const auto u32 = [&](std::size_t offset) { return LoadLe<std::uint32_t>(raw.data() + offset); };
  return Exports{u32(12), u32(28), u32(32), u32(36), std::min(u32(24), kMostExports)};
}

// "{GUID}age" of the CodeView record, without separators.
void ReadDebugName(VirtualReader& reader, const Headers& headers, KernelImage& image) {
  const auto directory = headers.Directory(kDebugDirectory);
  if (!directory) return;
  for (std::uint32_t i = 0; i < kMostDebugEntries; ++i) {
    std::array<std::byte, kDebugEntryBytes> entry;
    if (reader.Read(*directory + i * kDebugEntryBytes, entry) != Reach::kReached) return;
    if (LoadLe<std::uint32_t>(entry.data() + 12) != kCodeView) continue;
    const VirtAddr record = image.base + LoadLe<std::uint32_t>(entry.data() + 20);
    std::array<std::byte, kRsdsNameAt> head;
    if (reader.Read(record, head) != Reach::kReached) return;
    if (LoadLe<std::uint32_t>(head.data()) != kRsds) return;
    image.debug_name = ReadText(reader, record + kRsdsNameAt, 32);
    image.debug_id = fmt::format("{:08X}{:04X}{:04X}", LoadLe<std::uint32_t>(head.data() + 4),
                                 LoadLe<std::uint16_t>(head.data() + 8),
                                 LoadLe<std::uint16_t>(head.data() + 10));
    for (std::size_t b = 12; b < 20; ++b) {
      image.debug_id += fmt::format("{:02X}", std::to_integer<unsigned>(head[b]));
    }
    image.debug_id += fmt::format("{:X}", LoadLe<std::uint32_t>(head.data() + 20));
    return;
  }
}

}  // namespace

std::optional<KernelImage> KernelImageAt(VirtualReader& reader, VirtAddr base) {
  if (reader.Load<std::uint16_t>(base) != kDosMagic) return std::nullopt;
  Headers headers(reader, base);
  if (!headers.Read()) return std::nullopt;
  KernelImage image{base, headers.Bytes(), {}, {}};
  ReadDebugName(reader, headers, image);
  const auto exports = ReadExports(reader, headers);
  int signs = headers.HasSection("POOLCODE") ? 1 : 0;
  signs += std::count(kDebugNames.begin(), kDebugNames.end(), image.debug_name) != 0 ? 1 : 0;
  if (exports && ReadText(reader, base + exports->name, 16) == kExportName) ++signs;
  if (signs == 1 && FindExport(reader, image, kOwnExport)) ++signs;
  if (signs < 2) return std::nullopt;
  return image;
}

std::optional<VirtAddr> FindExport(VirtualReader& reader, const KernelImage& image,
                                   std::string_view name) {
  Headers headers(reader, image.base);
  if (!headers.Read()) return std::nullopt;
  const auto exports = ReadExports(reader, headers);
  if (!exports) return std::nullopt;
  std::uint32_t low = 0;
  std::uint32_t high = exports->name_count;  // names are sorted
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    const auto at = reader.Load<std::uint32_t>(image.base + exports->names + 4ULL * middle);
    if (!at) return std::nullopt;
    const std::string other = ReadText(reader, image.base + *at, name.size() + 1);
    if (other == name) {
      const auto ordinal =
          reader.Load<std::uint16_t>(image.base + exports->ordinals + 2ULL * middle);
      if (!ordinal) return std::nullopt;
      const auto rva =
          reader.Load<std::uint32_t>(image.base + exports->functions + 4ULL * *ordinal);
      if (!rva || *rva >= image.bytes) return std::nullopt;
      return image.base + *rva;
    }
    if (other < name) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return std::nullopt;
}

}  // namespace v2p
