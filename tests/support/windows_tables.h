// Roots of Windows for synthetic images: the kernel's, those of processes, user-mode shadows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "support/guest_tables.h"

namespace v2p::test {

/// Fixed addresses of an address space of Windows.
struct WindowsPlaces {
  std::uint64_t shared_data, user_shared_data = 0x7FFE'0000;
  std::uint64_t kernel_base;                          ///< of ntoskrnl.exe
  std::uint64_t pool;                                 ///< where process objects are
  std::uint64_t processor;                            ///< KPCR
  std::uint64_t start_block = 0xFFFF'F7C4'4000'C000;  ///< x64: the low stub as the HAL maps it
  std::uint64_t peb;  ///< of the first process; others one MiB apart
};

/// As systems of `build` have them; what they choose at random comes from `seed`. Avoids `slot`.
WindowsPlaces PlacesOf(ModeName mode, unsigned build, unsigned slot, bool large_kernel,
                       std::uint64_t seed);

/// Makes the root name itself: at `slot` in 64-bit modes, at 0xC0000000 in the others.
void AddSelfMap(GuestTables& tables, unsigned slot);

/// Gives `process` the kernel half of `system`, and a self map of its own.
void ShareKernelHalf(GuestTables& system, GuestTables& process, unsigned slot);

/// Gives `shadow` the user half of `process`, which loses the right to execute there (KVA shadow).
void ShareUserHalf(GuestTables& process, GuestTables& shadow);

/// Takes the frames of a PAE root's four directories: one after another behind the root as loaders
/// leave them, or anywhere.
void AddDirectories(SparseMemory& memory, FrameSource& frames, std::uint64_t root,
                    bool behind_the_root);

}  // namespace v2p::test
