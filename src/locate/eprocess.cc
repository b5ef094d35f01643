// Reading a process object, page by page.
// SPDX-License-Identifier: Apache-2.0
#include "locate/eprocess.h"

#include <algorithm>
#include <span>

#include "locate/windows_space.h"

namespace v2p {
namespace {

constexpr std::uint8_t kProcessType = 3;  // wdm.h, KOBJECTS
constexpr std::size_t kSignalStateAt = 4;

}  // namespace

Eprocess::Eprocess(VirtualReader& reader, VirtAddr at)
    : at_(at), pointer_bytes_(SpaceOf(reader.TheRoot().mode).pointer_bytes) {
  size_ = pointer_bytes_ == 4 ? kBytes32 : kBytes64;
  first_bytes_ = std::min<std::size_t>(size_, kPageBytes - at.value % kPageBytes);
  const auto found = reader.Find(at);
  if (found.reach == Reach::kReached) where_ = found.pa;
  const auto bytes = std::span(bytes_).first(size_);
  has_first_ = reader.Read(at, bytes.first(first_bytes_)) == Reach::kReached;
  if (first_bytes_ == size_) return;
  has_second_ = reader.Read(at + first_bytes_, bytes.subspan(first_bytes_)) == Reach::kReached;
}

bool Eprocess::Has(std::size_t offset, std::size_t bytes) const {
  if (offset > size_ || bytes > size_ - offset) return false;
  return (offset >= first_bytes_ || has_first_) && (offset + bytes <= first_bytes_ || has_second_);
}

std::optional<std::uint64_t> Eprocess::Pointer(std::size_t offset) const {
  if (pointer_bytes_ == 4) return Load<std::uint32_t>(offset);
  return Load<std::uint64_t>(offset);
}

bool Eprocess::IsProcess() const { return Load<std::uint8_t>(0) == kProcessType; }

bool Eprocess::HasEnded() const { return Load<std::uint32_t>(kSignalStateAt).value_or(0) != 0; }

std::optional<std::string> Eprocess::Name(std::size_t offset) const {
  if (!Has(offset, kNameBytes)) return std::nullopt;
  const char* text = reinterpret_cast<const char*>(bytes_.data() + offset);
  return std::string(text, std::find(text, text + kNameBytes, '\0'));
}

}  // namespace v2p
