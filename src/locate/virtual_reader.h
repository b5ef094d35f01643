// VirtualReader: reads virtual memory through one root. The only way this room translates.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/physical_memory.h"
#include "locate/root.h"
#include "translate/walker.h"

namespace v2p {

/// Whether an address could be reached. "Not in image" contradicts nothing: the page or a table on
/// the way is absent.
enum class Reach : std::uint8_t { kReached, kNotMapped, kNotInImage };

/// One a thread; the memory must outlive it.
class VirtualReader {
 public:
  VirtualReader(const PhysicalMemory& memory, const Root& root);

  struct Found {
    Reach reach = Reach::kNotMapped;
    PhysAddr pa;  ///< of the byte asked for; meaningful when the walk mapped it
    std::uint64_t page_bytes = 0;
  };

  const Root& TheRoot() const { return root_; }
  const PhysicalMemory& Memory() const { return *memory_; }

  /// Where `va` is; kReached means that the byte is in the image too.
  Found Find(VirtAddr va);
  /// Fills all of `out` or says why not; what `out` holds then is unspecified.
  Reach Read(VirtAddr va, std::span<std::byte> out);
  /// Little-endian T at `va`, or nothing when any byte of it cannot be reached.
  template <class T>
  std::optional<T> Load(VirtAddr va) {
    std::byte bytes[sizeof(T)];
    if (Read(va, bytes) != Reach::kReached) return std::nullopt;
    return LoadLe<T>(bytes);
  }
  /// A pointer of the mode's width: 4 bytes for x86 and PAE, else 8.
  std::optional<std::uint64_t> LoadPointer(VirtAddr va);

 private:
  const PhysicalMemory* memory_;
  Root root_;
  Walker walker_;
};

}  // namespace v2p
