// The first header of a Windows crash dump, with fillers taken out.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/image_facts.h"
#include "dumpfmt/windows_layout.h"

namespace v2p::windows {

/// What DUMP_HEADER32 or DUMP_HEADER64 says. A field that holds the filler is not set.
struct WindowsHeader {
  const HeaderLayout* layout = nullptr;
  Record raw;
  Machine machine = Machine::kUnknown;
  std::uint32_t machine_code = 0;

  std::optional<std::uint32_t> major_version, minor_version, processors;
  std::optional<std::uint64_t> directory_table_base, pfn_database;
  std::optional<std::uint64_t> loaded_modules, active_processes, debugger_data;
  std::optional<std::uint32_t> bugcheck_code;
  std::array<std::optional<std::uint64_t>, 4> bugcheck_parameters;
  std::string version_user, comment;
  std::optional<std::uint8_t> pae_enabled;  ///< as stored; only 0 and 1 mean something
  std::optional<std::uint8_t> kd_secondary_version;
  std::optional<std::uint32_t> run_count;
  std::optional<std::uint64_t> page_count;
  std::optional<std::uint64_t> context_ip, context_sp;
  std::optional<std::uint32_t> exception_code;
  std::optional<std::uint64_t> exception_address;
  std::optional<std::uint32_t> dump_type, mini_dump_fields, secondary_data_state;
  std::optional<std::uint32_t> product_type, suite_mask, writer_status;
  std::optional<std::uint32_t> attributes, boot_id;
  std::optional<std::uint64_t> required_space, system_up_time, system_time;

  bool Is64() const { return layout == &kHeader64; }
  std::uint64_t End() const { return layout->bytes; }
  bool IsEncrypted() const { return (attributes.value_or(0) & kAttributeEncrypted) != 0; }
};

/// Reads fields of a record, giving nothing for fillers.
class FieldReader {
 public:
  FieldReader(const Record& record, std::size_t word) : record_(&record), word_(word) {}

  std::optional<std::uint32_t> U32(std::size_t at) const;
  /// A 64-bit field; when only its low half was set, that half.
  std::optional<std::uint64_t> U64(std::size_t at) const;
  /// A pointer-sized field.
  std::optional<std::uint64_t> Word(std::size_t at) const;
  /// Text up to NUL; empty when it was never set.
  std::string Text(std::size_t at, std::size_t length) const;

 private:
  const Record* record_;
  std::size_t word_;
};

/// Whether the file begins with PAGEDUMP or PAGEDU64.
bool IsCrashDump(std::span<const std::byte> head);

/// Reads and checks the header; nothing behind it is touched.
Result<WindowsHeader> ReadWindowsHeader(const ByteSource& source);

}  // namespace v2p::windows
