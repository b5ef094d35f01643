// Eprocess: the bytes of one process object, read through its kernel's root.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "locate/virtual_reader.h"

namespace v2p {

/// A copy of what the fields of interest may take, one or two pages of it. Bytes whose page is
/// absent are not there: fields on them are not known.
class Eprocess {
 public:
  /// All fields that are used lie below these in every build; name and links lie below 0x600.
  static constexpr std::size_t kBytes64 = 0xA00;
  static constexpr std::size_t kBytes32 = 0x480;
  static constexpr std::size_t kNameBytes = 15;

  Eprocess(VirtualReader& reader, VirtAddr at);

  VirtAddr At() const { return at_; }
  std::size_t Size() const { return size_; }
  unsigned PointerBytes() const { return pointer_bytes_; }
  /// Where its first byte is; nothing when that is not in the image.
  std::optional<PhysAddr> Where() const { return where_; }

  template <class T>
  std::optional<T> Load(std::size_t offset) const {
    if (!Has(offset, sizeof(T))) return std::nullopt;
    return LoadLe<T>(bytes_.data() + offset);
  }
  std::optional<std::uint64_t> Pointer(std::size_t offset) const;

  /// Type of the object: KOBJECTS.ProcessObject.
  bool IsProcess() const;
  /// DISPATCHER_HEADER.SignalState: set when the process has ended.
  bool HasEnded() const;
  /// Text at `offset`, as ImageFileName is stored: at most 15 raw bytes, NUL behind shorter ones.
  std::optional<std::string> Name(std::size_t offset) const;

 private:
  bool Has(std::size_t offset, std::size_t bytes) const;

  VirtAddr at_;
  std::optional<PhysAddr> where_;
  unsigned pointer_bytes_ = 8;
  std::size_t size_ = 0;
  std::size_t first_bytes_ = 0;  // of its first page
  bool has_first_ = false, has_second_ = false;
  std::array<std::byte, kBytes64> bytes_{};
};

}  // namespace v2p
