// Frames, reads and sums over the kinds of index.
// SPDX-License-Identifier: Apache-2.0
#include "base/physical_memory.h"

#include <algorithm>
#include <cstring>

namespace v2p {

void FaultLatch::Set(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (error.kind != ErrorKind::kDamaged) {
    if (!error_) error_ = error;
    return;
  }
  if (!first_damage_) first_damage_ = error;
  damaged_at_.insert(error.at.value_or(FileOffset()).value);
}

std::optional<Damage> FaultLatch::Damaged() const {
  const std::lock_guard lock(mutex_);
  if (!first_damage_) return std::nullopt;
  return Damage{*first_damage_, damaged_at_.size()};
}

std::optional<Error> FaultLatch::Get() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

PhysicalMemory::PhysicalMemory(std::shared_ptr<const ByteSource> source, Index index)
    : source_(std::move(source)), index_(std::move(index)) {}

std::optional<Location> PhysicalMemory::Find(PhysAddr pa) const {
  return std::visit([&](const auto& index) { return index.Find(pa); }, index_);
}

std::optional<PhysAddr> PhysicalMemory::FirstPresent(PhysAddr from, PhysAddr end) const {
  return std::visit([&](const auto& index) { return index.FirstPresent(from, end); }, index_);
}

FrameView PhysicalMemory::Frame(Pfn pfn) const {
  const PhysAddr base = pfn.Base();
  const auto first = FirstPresent(base, base + kPageBytes);
  if (!first) return {};
  const std::uint64_t begin = *first - base;
  const auto where = Find(*first);
  const std::uint64_t bytes = std::min(where->bytes, kPageBytes - begin);
  FrameView view{nullptr, static_cast<std::uint16_t>(begin),
                 static_cast<std::uint16_t>(begin + bytes), nullptr};
  if (const auto mapped = source_->Mapped(); !mapped.empty()) {
    view.data = mapped.data() + where->at.value;
    return view;
  }
  auto copy = std::make_shared<std::vector<std::byte>>(bytes);
  const auto got = source_->ReadAt(where->at.value, *copy);
  if (!got || *got != bytes) {
    faults_.Set(got ? Error{ErrorKind::kIo, "the file became shorter while it was read",
                            source_->Name(), where->at}
                    : got.error());
    return {};
  }
  view.data = copy->data();
  view.pin = std::move(copy);
  return view;
}

std::size_t PhysicalMemory::Read(PhysAddr pa, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size() && done <= ~pa.value) {  // addresses end at 2^64, they do not wrap
    const auto where = Find(pa + done);
    if (!where) break;
    const auto want =
        static_cast<std::size_t>(std::min<std::uint64_t>(where->bytes, out.size() - done));
    if (const auto mapped = source_->Mapped(); !mapped.empty()) {
      std::memcpy(out.data() + done, mapped.data() + where->at.value, want);
    } else {
      const auto got = source_->ReadAt(where->at.value, out.subspan(done, want));
      if (!got) faults_.Set(got.error());
      if (!got || *got != want) break;
    }
    done += want;
  }
  return done;
}

std::optional<FileOffset> PhysicalMemory::FileOffsetOf(PhysAddr pa) const {
  if (!source_->Verbatim()) return std::nullopt;
  const auto where = Find(pa);
  if (!where) return std::nullopt;
  return where->at;
}

std::uint64_t PhysicalMemory::PresentBytes() const {
  return std::visit([](const auto& index) { return index.PresentBytes(); }, index_);
}

PhysAddr PhysicalMemory::End() const {
  return std::visit([](const auto& index) { return index.End(); }, index_);
}

std::vector<Extent> PhysicalMemory::Extents() const {
  std::vector<Extent> extents;
  std::visit(
      [&](const auto& index) { index.ForEach([&](const Extent& e) { extents.push_back(e); }); },
      index_);
  return extents;
}

std::size_t PhysicalMemory::IndexHeapBytes() const {
  return std::visit([](const auto& index) { return index.HeapBytes(); }, index_);
}

}  // namespace v2p
