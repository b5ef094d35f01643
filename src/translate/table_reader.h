// Whole tables of an image: in place in a mapped file, else as copies.
// Internal to src/translate.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

#include "base/physical_memory.h"
#include "translate/leaves.h"

namespace v2p {

class TableReader {
 public:
  virtual ~TableReader() = default;

  /// The table that begins at `at`, of the size of `into`: in the image, or copied to `into`.
  /// Entries that the image lacks are copied as not present, and `presence` says that there are
  /// some.
  virtual const std::byte* Table(PhysAddr at, std::span<std::byte> into, std::size_t entry_bytes,
                                 TablePresence& presence) = 0;
};

template <class Cursor>
class CursorTableReader final : public TableReader {
 public:
  CursorTableReader(const PhysicalMemory& memory, const Cursor& cursor)
      : memory_(memory), cursor_(cursor) {}

  const std::byte* Table(PhysAddr at, std::span<std::byte> into, std::size_t entry_bytes,
                         TablePresence& presence) override {
    presence = TablePresence::kWhole;
    if (const std::byte* const whole = cursor_.Find(at, into.size())) {
      if (Cursor::kStable) return whole;
      std::memcpy(into.data(), whole, into.size());
      return into.data();
    }
    presence = Pieces(at, into, entry_bytes);
    return into.data();
  }

 private:
  TablePresence Pieces(PhysAddr at, std::span<std::byte> into, std::size_t entry_bytes) const {
    if (memory_.Read(at, into) == into.size()) return TablePresence::kWhole;
    bool any = false;
    for (std::size_t i = 0; i < into.size(); i += entry_bytes) {
      const auto entry = into.subspan(i, entry_bytes);
      if (memory_.Read(at + i, entry) == entry_bytes) {
        any = true;
      } else {
        std::fill(entry.begin(), entry.end(), std::byte{0});
      }
    }
    return any ? TablePresence::kPart : TablePresence::kAbsent;
  }

  const PhysicalMemory& memory_;
  Cursor cursor_;
};

}  // namespace v2p
