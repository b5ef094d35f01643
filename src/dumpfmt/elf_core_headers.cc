// Reading of ELF headers, 32 and 64 bits, little-endian.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/elf_core_headers.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"

namespace v2p {
namespace {

// System V gABI, chapter 4 "Object Files" and chapter 5 "Program Header".
constexpr std::size_t kClassAt = 4;
constexpr std::size_t kDataAt = 5;
constexpr std::uint8_t kClass32 = 1;
constexpr std::uint8_t kClass64 = 2;
constexpr std::uint8_t kDataLittle = 1;
constexpr std::uint8_t kDataBig = 2;
constexpr std::size_t kTypeAt = 0x10;
constexpr std::size_t kMachineAt = 0x12;
constexpr std::uint16_t kManyPrograms = 0xFFFF;  // PN_XNUM: the count is in section 0's sh_info
constexpr std::uint32_t kLoad = 1;
constexpr std::uint32_t kNote = 4;

// Where the fields stand that the two classes place differently. `wide`: fields of 8 bytes.
struct Fields {
  bool wide;
  std::size_t header_bytes, phoff, shoff, phentsize, phnum, shentsize, shnum, shstrndx;
  std::size_t program_bytes, p_type, p_offset, p_paddr, p_filesz, p_memsz;
  std::size_t section_bytes, sh_offset, sh_size, sh_info;
};
constexpr Fields k32 = {false, 0x34, 0x1C, 0x20, 0x2A, 0x2C, 0x2E, 0x30, 0x32, 0x20,
                        0x00,  0x04, 0x0C, 0x10, 0x14, 0x28, 0x10, 0x14, 0x1C};
constexpr Fields k64 = {true, 0x40, 0x20, 0x28, 0x36, 0x38, 0x3A, 0x3C, 0x3E, 0x38,
                        0x00, 0x08, 0x18, 0x20, 0x28, 0x40, 0x18, 0x20, 0x2C};

// The largest core seen has 131070 of them. Each takes some 100 bytes of our memory, and of a
// compressed file next to none.
constexpr std::uint64_t kMaxPrograms = std::uint64_t{1} << 22U;

constexpr std::size_t kPieceBytes = std::size_t{64} << 10U;
constexpr std::size_t kNameTableLimit = std::size_t{64} << 10U;  // a core has a handful of sections

const Fields& FieldsOf(const ElfHeader& header) { return header.is64 ? k64 : k32; }

std::uint64_t Word(const Fields& f, const Record& record, std::size_t at) {
  return f.wide ? record.U64(at) : record.U32(at);
}

std::uint64_t Word(const Fields& f, const std::byte* p) {
  return f.wide ? LoadLe<std::uint64_t>(p) : LoadLe<std::uint32_t>(p);
}

Result<std::uint64_t> ProgramCount(const ByteSource& source, const ElfHeader& header,
                                   std::uint16_t count) {
  if (count != kManyPrograms || header.section_at == 0) return count;
  const Fields& f = FieldsOf(header);
  const auto section = ReadRecord(source, header.section_at, f.section_bytes, "ELF section 0");
  if (!section) return tl::unexpected<Error>(section.error());
  return section->U32(f.sh_info);
}

Status CheckTable(const ByteSource& source, const ElfHeader& header) {
  if (header.program_count == 0) return {};
  const Fields& f = FieldsOf(header);
  if (header.program_stride < f.program_bytes) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("ELF program headers of {} bytes", header.program_stride),
                FileOffset(f.phentsize));
  }
  if (header.program_count > kMaxPrograms) {
    return Fail(ErrorKind::kUnsupported,
                fmt::format("ELF cores of more than {} program headers are not read, this has {}",
                            kMaxPrograms, header.program_count),
                FileOffset(header.section_at));
  }
  const std::uint64_t bytes = header.program_count * header.program_stride;  // 32 by 16 bits
  if (!Inside(header.program_at, bytes, source.Size())) {
    return Fail(ErrorKind::kTruncated,
                fmt::format("{} ELF program headers do not fit the file", header.program_count),
                FileOffset(header.program_at));
  }
  return {};
}

}  // namespace

Result<ElfHeader> ReadElfHeader(const ByteSource& source) {
  const auto ident = ReadRecord(source, 0, kMachineAt + 2, "ELF header");
  if (!ident) return tl::unexpected<Error>(ident.error());
  const std::uint8_t elf_class = ident->U8(kClassAt);
  if (elf_class != kClass32 && elf_class != kClass64) {
    return Fail(ErrorKind::kCorrupt, fmt::format("ELF class {}", elf_class), FileOffset(kClassAt));
  }
  if (ident->U8(kDataAt) == kDataBig) {
    return Fail(ErrorKind::kUnsupported, "big-endian ELF: only little-endian machines are read",
                FileOffset(kDataAt));
  }
  if (ident->U8(kDataAt) != kDataLittle) {
    return Fail(ErrorKind::kCorrupt, fmt::format("ELF byte order {}", ident->U8(kDataAt)),
                FileOffset(kDataAt));
  }
  ElfHeader header;
  header.is64 = elf_class == kClass64;
  const Fields& f = FieldsOf(header);
  const auto record = ReadRecord(source, 0, f.header_bytes, "ELF header");
  if (!record) return tl::unexpected<Error>(record.error());
  header.type = record->U16(kTypeAt);
  header.machine = record->U16(kMachineAt);
  header.program_at = Word(f, *record, f.phoff);
  header.section_at = Word(f, *record, f.shoff);
  header.program_stride = record->U16(f.phentsize);
  header.section_stride = record->U16(f.shentsize);
  header.section_count = record->U16(f.shnum);
  header.names_index = record->U16(f.shstrndx);
  const auto count = ProgramCount(source, header, record->U16(f.phnum));
  if (!count) return tl::unexpected<Error>(count.error());
  header.program_count = *count;
  if (auto fits = CheckTable(source, header); !fits) return tl::unexpected<Error>(fits.error());
  return header;
}

Result<ElfSegments> ReadElfSegments(const ByteSource& source, const ElfHeader& header) {
  const Fields& f = FieldsOf(header);
  ElfSegments segments;
  const std::uint64_t stride = header.program_stride;
  if (header.program_count == 0) return segments;
  std::vector<std::byte> piece(std::max<std::size_t>(kPieceBytes, stride));
  const std::uint64_t a_piece = piece.size() / stride;
  for (std::uint64_t i = 0; i < header.program_count; i += a_piece) {
    const std::uint64_t n = std::min(a_piece, header.program_count - i);
    const std::uint64_t at = header.program_at + i * stride;
    const std::span<std::byte> bytes(piece.data(), static_cast<std::size_t>(n * stride));
    if (auto read = ReadExactly(source, at, bytes, "ELF program headers"); !read) {
      return tl::unexpected<Error>(read.error());
    }
    for (std::uint64_t k = 0; k < n; ++k) {
      const std::byte* p = bytes.data() + k * stride;
      const auto type = LoadLe<std::uint32_t>(p + f.p_type);
      if (type != kLoad && type != kNote) continue;
      auto& list = type == kLoad ? segments.loads : segments.notes;
      list.push_back({at + k * stride, Word(f, p + f.p_offset), Word(f, p + f.p_paddr),
                      Word(f, p + f.p_filesz), Word(f, p + f.p_memsz)});
    }
  }
  return segments;
}

Result<bool> HasElfSection(const ByteSource& source, const ElfHeader& header,
                           std::string_view name) {
  const Fields& f = FieldsOf(header);
  if (header.section_at == 0 || header.names_index >= header.section_count ||
      header.section_stride < f.section_bytes) {
    return false;
  }
  const std::uint64_t names_at = std::uint64_t{header.names_index} * header.section_stride;
  const auto at = CheckedAdd(header.section_at, names_at);
  if (!at || !Inside(*at, f.section_bytes, source.Size())) return false;
  const auto section = ReadRecord(source, *at, f.section_bytes, "ELF section header");
  if (!section) return tl::unexpected<Error>(section.error());
  std::vector<std::byte> names(static_cast<std::size_t>(
      std::min<std::uint64_t>(Word(f, *section, f.sh_size), kNameTableLimit)));
  if (names.empty()) return false;
  const auto got = source.ReadAt(Word(f, *section, f.sh_offset), names);
  if (!got) return tl::unexpected<Error>(got.error());
  for (std::size_t i = 0; i + name.size() < *got; ++i) {  // with its NUL behind it
    if (HasText(names, i, name) && names[i + name.size()] == std::byte{0}) return true;
  }
  return false;
}

}  // namespace v2p
