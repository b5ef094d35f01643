// Vectors of plain values in a file of our own, each with its length and checksum before it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/byte_source.h"
#include "codec/new_file.h"
#include "codec/xxh64.h"

namespace v2p {

class ArchiveWriter {
 public:
  explicit ArchiveWriter(NewFile& file) : file_(file) {}

  template <class T>
  void operator()(const std::vector<T>& values) {
    static_assert(std::has_unique_object_representations_v<T>, "no padding in files");
    const auto bytes = std::as_bytes(std::span(values));
    const std::array<std::uint64_t, 2> head = {values.size(), Xxh64(bytes, sizeof(T))};
    Append(std::as_bytes(std::span(head)));
    Append(bytes);
  }

  /// The first failure to write.
  const Status& Outcome() const { return outcome_; }

 private:
  void Append(std::span<const std::byte> bytes) {
    if (outcome_) outcome_ = file_.Append(bytes);
  }

  NewFile& file_;
  Status outcome_;
};

/// Reads what a writer wrote, in the same order.
class ArchiveReader {
 public:
  explicit ArchiveReader(const ByteSource& source) : source_(source) {}

  /// Allocates no more than the file holds. Leaves `values` empty when they are not as written.
  template <class T>
  void operator()(std::vector<T>& values) {
    values.clear();
    std::array<std::uint64_t, 2> head{};
    if (!Take(std::as_writable_bytes(std::span(head)))) return;
    if (head[0] > (source_.Size() - at_) / sizeof(T)) {
      sound_ = false;
      return;
    }
    values.resize(static_cast<std::size_t>(head[0]));
    const auto bytes = std::as_writable_bytes(std::span(values));
    if (Take(bytes)) sound_ = Xxh64(bytes, sizeof(T)) == head[1];
    if (!sound_) values.clear();
  }

  /// Whether all was as written so far.
  bool Sound() const { return sound_; }
  bool AtEnd() const { return at_ == source_.Size(); }

 private:
  bool Take(std::span<std::byte> out) {
    sound_ = sound_ && ReadExactly(source_, at_, out, "an archive").has_value();
    at_ += out.size();
    return sound_;
  }

  const ByteSource& source_;
  std::uint64_t at_ = 0;
  bool sound_ = true;
};

}  // namespace v2p
