// EprocessOffsets: where the fields of EPROCESS are, and what published symbols say by build.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "base/image_facts.h"

namespace v2p {

/// Offsets in EPROCESS; 0: not known, or the build lacks the field. DirectoryTableBase is in
/// WindowsSpace: it never moved.
struct EprocessOffsets {
  std::uint16_t pid = 0;          ///< UniqueProcessId
  std::uint16_t links = 0;        ///< ActiveProcessLinks
  std::uint16_t create_time = 0;  ///< CreateTime
  std::uint16_t exit_time = 0;    ///< ExitTime
  std::uint16_t parent_pid = 0;   ///< InheritedFromUniqueProcessId
  std::uint16_t peb = 0;          ///< Peb
  std::uint16_t name = 0;         ///< ImageFileName, 15 bytes
  std::uint16_t user_root = 0;    ///< KPROCESS.UserDirectoryTableBase

  bool operator==(const EprocessOffsets&) const = default;
};

struct EprocessRow {
  Machine machine = Machine::kUnknown;
  std::uint32_t first_build = 0, last_build = 0;
  EprocessOffsets offsets;
  std::uint16_t other_exit_time = 0;  ///< after an update that moved it
};

/// By machine, then build.
std::span<const EprocessRow> EprocessTable();

/// The processor whose kernels run in `mode`.
Machine MachineOf(ModeName mode);

}  // namespace v2p
