// ELF headers of a core file: the file header, program headers, and whether sections make it Xen's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/byte_source.h"

namespace v2p {

// System V gABI and the processor supplements.
inline constexpr std::uint16_t kElfTypeCore = 4;
inline constexpr std::uint16_t kElfMachine386 = 3;
inline constexpr std::uint16_t kElfMachineX64 = 62;
inline constexpr std::uint16_t kElfMachineArm64 = 183;

struct ElfHeader {
  bool is64 = false;
  std::uint16_t type = 0;
  std::uint16_t machine = 0;
  std::uint64_t program_at = 0;
  std::uint64_t program_count = 0;  ///< PN_XNUM already resolved
  std::uint16_t program_stride = 0;
  std::uint64_t section_at = 0;
  std::uint16_t section_count = 0;
  std::uint16_t section_stride = 0;
  std::uint16_t names_index = 0;
};

/// One PT_LOAD or PT_NOTE.
struct ElfSegment {
  std::uint64_t header_at = 0;  ///< of the program header, for messages
  std::uint64_t at = 0;
  std::uint64_t paddr = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t memory_bytes = 0;
};

struct ElfSegments {
  std::vector<ElfSegment> loads;
  std::vector<ElfSegment> notes;
};

/// Reads and checks the file header: class, byte order, the number of program headers.
Result<ElfHeader> ReadElfHeader(const ByteSource& source);

/// Reads all program headers, a bounded piece at a time.
Result<ElfSegments> ReadElfSegments(const ByteSource& source, const ElfHeader& header);

/// Whether the file has a section of this name; false when it has no readable section names.
Result<bool> HasElfSection(const ByteSource& source, const ElfHeader& header,
                           std::string_view name);

}  // namespace v2p
