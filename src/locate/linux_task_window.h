// TaskWindow: a copy of the part of a task_struct in which offsets are tried.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "locate/virtual_reader.h"

namespace v2p {

/// From the task's link to its name: linux/sched.h has what matters in between, in every version,
/// and what lies further may be the next task's, which looks the same.
class TaskWindow {
 public:
  /// Reads as far as the image goes.
  TaskWindow(VirtualReader& reader, VirtAddr link, std::int64_t comm)
      : link_(link), bytes_(static_cast<std::size_t>(comm)) {
    std::size_t at = 0;
    while (at < bytes_.size()) {
      const auto left = static_cast<std::size_t>(kPageBytes - (link + at).value % kPageBytes);
      const auto part = std::span(bytes_).subspan(at, std::min(left, bytes_.size() - at));
      if (reader.Read(link + at, part) != Reach::kReached) break;
      at += part.size();
    }
    bytes_.resize(at);
  }

  VirtAddr Link() const { return link_; }

  /// What stands at `offset` from the link; nothing outside of what was read.
  template <class T>
  std::optional<T> Load(std::int64_t offset) const {
    const auto at = static_cast<std::size_t>(offset);
    if (at > bytes_.size() || bytes_.size() - at < sizeof(T)) return std::nullopt;
    return LoadLe<T>(bytes_.data() + at);
  }
  std::optional<std::uint64_t> Pointer(std::int64_t offset, unsigned bytes) const {
    if (bytes == 8) return Load<std::uint64_t>(offset);
    return Load<std::uint32_t>(offset);
  }

 private:
  VirtAddr link_;
  std::vector<std::byte> bytes_;
};

}  // namespace v2p
