// Field offsets of Windows crash dump headers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace v2p::windows {

/// Headers are pre-filled with this text; a field that still holds it was never set.
inline constexpr std::uint32_t kFiller32 = 0x45474150;  // "PAGE"
inline constexpr std::uint64_t kFiller64 = 0x4547'4150'4547'4150;

// winnt.h, IMAGE_FILE_MACHINE_*.
inline constexpr std::uint32_t kMachineX86 = 0x014C;
inline constexpr std::uint32_t kMachineX64 = 0x8664;
inline constexpr std::uint32_t kMachineArm64 = 0xAA64;

// mindumpdef.h, DUMP_TYPE_*; 8 to 10 are written by WinDbg since 2022 (kdmp-parser,
// kdmp-parser-structs.h).
inline constexpr std::uint32_t kTypeFull = 1;
inline constexpr std::uint32_t kTypeSummary = 2;
inline constexpr std::uint32_t kTypeHeader = 3;
inline constexpr std::uint32_t kTypeTriage = 4;
inline constexpr std::uint32_t kTypeBitmapFull = 5;
inline constexpr std::uint32_t kTypeBitmapKernel = 6;
inline constexpr std::uint32_t kTypeAutomatic = 7;
inline constexpr std::uint32_t kTypeRangesKernel = 8;
inline constexpr std::uint32_t kTypeRangesActive = 9;
inline constexpr std::uint32_t kTypeRangesFull = 10;

// mindumpdef.h, DUMP_FILE_ATTRIBUTES.
inline constexpr std::uint32_t kAttributeEncrypted = 1U << 8U;

/// Where the fields of one header stand. 0 means that this header lacks the field.
struct HeaderLayout {
  std::size_t bytes;
  std::size_t word;  ///< bytes of a pointer
  std::size_t major_version, minor_version;
  std::size_t directory_table_base, pfn_database, loaded_modules, active_processes;
  std::size_t machine, processors;
  std::size_t bugcheck_code, bugcheck_parameters;
  std::size_t version_user, pae_enabled, kd_secondary_version, debugger_data;
  std::size_t run_count, page_count, runs;
  std::size_t run_bytes, run_capacity;
  std::size_t context, exception, exception_address;
  std::size_t comment, attributes, boot_id;
  std::size_t dump_type, mini_dump_fields, secondary_data_state, product_type, suite_mask;
  std::size_t writer_status, required_space, system_up_time, system_time;
};

inline constexpr std::size_t kVersionUserBytes = 32;
inline constexpr std::size_t kCommentBytes = 128;

// mindumpdef.h, DUMP_HEADER32 with PHYSICAL_MEMORY_DESCRIPTOR32 and EXCEPTION_RECORD32.
inline constexpr HeaderLayout kHeader32 = {
    .bytes = 0x1000,
    .word = 4,
    .major_version = 0x008,
    .minor_version = 0x00C,
    .directory_table_base = 0x010,
    .pfn_database = 0x014,
    .loaded_modules = 0x018,
    .active_processes = 0x01C,
    .machine = 0x020,
    .processors = 0x024,
    .bugcheck_code = 0x028,
    .bugcheck_parameters = 0x02C,
    .version_user = 0x03C,
    .pae_enabled = 0x05C,
    .kd_secondary_version = 0x05D,
    .debugger_data = 0x060,
    .run_count = 0x064,
    .page_count = 0x068,
    .runs = 0x06C,
    .run_bytes = 8,
    .run_capacity = 86,
    .context = 0x320,
    .exception = 0x7D0,
    .exception_address = 0x7DC,
    .comment = 0x820,
    .attributes = 0x8A0,
    .boot_id = 0x8A4,
    .dump_type = 0xF88,
    .mini_dump_fields = 0xF8C,
    .secondary_data_state = 0xF90,
    .product_type = 0xF94,
    .suite_mask = 0xF98,
    .writer_status = 0xF9C,
    .required_space = 0xFA0,
    .system_up_time = 0xFB8,
    .system_time = 0xFC0,
};

// mindumpdef.h, DUMP_HEADER64 with PHYSICAL_MEMORY_DESCRIPTOR64 and EXCEPTION_RECORD64. QEMU
// (win_dump_defs.h) uses the four bytes of padding behind the runs for a 43rd run.
inline constexpr HeaderLayout kHeader64 = {
    .bytes = 0x2000,
    .word = 8,
    .major_version = 0x008,
    .minor_version = 0x00C,
    .directory_table_base = 0x010,
    .pfn_database = 0x018,
    .loaded_modules = 0x020,
    .active_processes = 0x028,
    .machine = 0x030,
    .processors = 0x034,
    .bugcheck_code = 0x038,
    .bugcheck_parameters = 0x040,
    .version_user = 0x060,
    .pae_enabled = 0,
    .kd_secondary_version = 0x104D,
    .debugger_data = 0x080,
    .run_count = 0x088,
    .page_count = 0x090,
    .runs = 0x098,
    .run_bytes = 16,
    .run_capacity = 43,
    .context = 0x348,
    .exception = 0xF00,
    .exception_address = 0xF10,
    .comment = 0xFB0,
    .attributes = 0x1050,
    .boot_id = 0x1054,
    .dump_type = 0xF98,
    .mini_dump_fields = 0x1038,
    .secondary_data_state = 0x103C,
    .product_type = 0x1040,
    .suite_mask = 0x1044,
    .writer_status = 0x1048,
    .required_space = 0xFA0,
    .system_up_time = 0x1030,
    .system_time = 0xFA8,
};

/// Second header of bitmap dumps since Windows 8. kdmp-parser (0vercl0k), kdmp-parser-structs.h,
/// BMP_HEADER64; LeechCore device_file.c agrees.
namespace bitmap_header {
inline constexpr std::size_t kFirstPageAt = 0x20;
inline constexpr std::size_t kPagesAt = 0x28;  // set bits
inline constexpr std::size_t kBitsAt = 0x30;
inline constexpr std::size_t kBitmapAt = 0x38;
}  // namespace bitmap_header

}  // namespace v2p::windows
