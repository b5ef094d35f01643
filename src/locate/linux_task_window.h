// TaskWindow: a copy of the memory around a task's link, to try offsets in.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "locate/virtual_reader.h"

namespace v2p {

class TaskWindow {
 public:
  // task_struct.tasks lies at about 0x900 of 0x2600 bytes in Debian's 6.1; debugging adds to both.
  static constexpr std::int64_t kBegin = -0x1800;
  static constexpr std::int64_t kEnd = 0x1000;

  /// Reads as far in both directions as the image goes.
  TaskWindow(VirtualReader& reader, VirtAddr link)
      : link_(link), bytes_(static_cast<std::size_t>(kEnd - kBegin)) {
    const VirtAddr first(link.value + static_cast<std::uint64_t>(kBegin));
    std::size_t at = 0;
    while (at < bytes_.size()) {
      const auto left = static_cast<std::size_t>(kPageBytes - (first + at).value % kPageBytes);
      const auto part = std::span(bytes_).subspan(at, std::min(left, bytes_.size() - at));
      const bool read = reader.Read(first + at, part) == Reach::kReached;
      at += part.size();
      if (read) continue;
      if (at > static_cast<std::size_t>(-kBegin)) {
        end_ = kBegin + static_cast<std::int64_t>(at - part.size());
        return;
      }
      begin_ = kBegin + static_cast<std::int64_t>(at);
    }
  }

  VirtAddr Link() const { return link_; }

  /// What stands at `offset` from the link; nothing outside of what was read.
  template <class T>
  std::optional<T> Load(std::int64_t offset) const {
    if (offset < begin_ || offset + static_cast<std::int64_t>(sizeof(T)) > end_) {
      return std::nullopt;
    }
    return LoadLe<T>(bytes_.data() + (offset - kBegin));
  }
  std::optional<std::uint64_t> Pointer(std::int64_t offset, unsigned bytes) const {
    if (bytes == 8) return Load<std::uint64_t>(offset);
    return Load<std::uint32_t>(offset);
  }

 private:
  VirtAddr link_;
  std::vector<std::byte> bytes_;
  std::int64_t begin_ = kBegin;
  std::int64_t end_ = kEnd;
};

}  // namespace v2p
