// WindowsSpace: the fixed places of a Windows address space, by paging mode.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/physical_memory.h"
#include "locate/root.h"

namespace v2p {

struct WindowsSpace {
  VirtAddr shared_data;          ///< KUSER_SHARED_DATA
  VirtAddr kernel_low;           ///< where the kernel image may begin...
  VirtAddr kernel_high;          ///< ...and the last address of that range
  VirtAddr system_low;           ///< lowest address of the kernel's half
  std::size_t process_root = 0;  ///< offset of DirectoryTableBase in EPROCESS
  std::uint16_t machine = 0;     ///< IMAGE_FILE_HEADER.Machine of the kernel
  unsigned pointer_bytes = 8;
};

const WindowsSpace& SpaceOf(ModeName mode);

/// The table address in a DirectoryTableBase or CR3, without PCID, ASID and flags.
PhysAddr MaskRoot(std::uint64_t value, ModeName mode);

enum class RootShape : std::uint8_t { kAbsent, kNoSelfMap, kSelfMap };

/// What the tables themselves say of a root, read physically: nothing of it is believed yet.
struct WindowsRootPage {
  RootShape shape = RootShape::kAbsent;
  unsigned slot = 0;              ///< of the self entry
  std::uint64_t kernel_half = 0;  ///< equal for all roots of one system, different for others
  bool has_shared_data = false;   ///< 64 bit: slot 0x1EF is there; user-mode shadows lack it
  unsigned user_entries = 0;      ///< present entries of the user half
};

WindowsRootPage LookAtRoot(const PhysicalMemory& memory, const Root& root);

/// An address that the self map makes translate to a table of the root itself, and that table.
struct RoundTrip {
  VirtAddr va;
  PhysAddr table;
};
std::optional<RoundTrip> SelfMapRoundTrip(const PhysicalMemory& memory, const Root& root,
                                          unsigned slot);

}  // namespace v2p
