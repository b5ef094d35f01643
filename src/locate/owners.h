// Owners: which kernel and which process maps each page of an image, and which pages are tables.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/physical_memory.h"
#include "base/result.h"
#include "locate/findings.h"
#include "translate/reverse_index.h"

namespace v2p {

/// Somebody with page tables: a system's kernel (everything under its own root), or what a process
/// has beside that. Tables that a process shares with the kernel count as the kernel's.
struct Owner {
  std::size_t system = 0;              ///< of the list that was given
  std::optional<std::size_t> process;  ///< of that system; nothing: the kernel
  std::optional<std::size_t> orphan;   ///< a root of no process, by its place in the list
};

/// A page of memory that an owner walks through.
struct TableUse {
  std::uint64_t frame = 0;
  std::uint32_t owner = 0;
  std::uint8_t level = 0;  ///< 0: the root
  VirtAddr va;             ///< first address that it serves

  auto operator<=>(const TableUse&) const = default;
};

struct OwnerIndex {
  std::vector<Owner> owners;
  ReverseIndex index;
  std::vector<TableUse> tables;  ///< by frame, then owner; of several levels the highest
  std::uint64_t absent_tables = 0;
  bool complete = true;  ///< no root had more tables than an image justifies

  /// The uses of the frame as a table.
  std::span<const TableUse> TablesAt(Pfn pfn) const;
};

struct OwnerOptions {
  unsigned threads = 0;  ///< 0: one a processor
  /// Told how many roots have been read; returns false to interrupt. May be called from any thread,
  /// one at a time.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress;
};

/// Reads all tables of all `systems`. kInterrupted when `progress` says so.
Result<OwnerIndex> BuildOwners(const PhysicalMemory& memory, std::span<const System> systems,
                               const OwnerOptions& options = {});

}  // namespace v2p
