// Record: one translation as every report form shows it.
// SPDX-License-Identifier: Apache-2.0
#include "cli/record.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/following.h"

namespace v2p::cli {
namespace {

std::optional<std::uint64_t> FileOffsetOf(const ReportContext& context, PhysAddr pa) {
  const auto offset = context.image->memory->FileOffsetOf(pa);
  return offset ? std::optional(offset->value) : std::nullopt;
}

}  // namespace

Record::Record(const ReportContext& context, const AddressInput& input, const v2p::Walk& walk,
               const Following* followed)
    : context_(&context),
      input_(&input),
      walk_(&walk),
      followed_(followed),
      translation_(VirtualToPhysical(walk, nullptr)),
      offsets_code_(0) {
  const auto size = static_cast<std::uint32_t>(
      std::min<std::size_t>(context.offsets_size.value_or(offsets_.size()), offsets_.size()));
  offsets_code_ = GetVirtualTranslationPhysicalOffsets(walk, offsets_.data(), size, &levels_);
  shown_ = std::min(size, levels_);
  if (walk.Mapped()) {
    page_in_image_ = context.image->memory->Contains(walk.pa);
    file_offset_ = FileOffsetOf(context, walk.pa);
  }
}

std::string_view Record::DtbSource() const {
  const RootChoice& root = *context_->root;
  constexpr std::uint64_t kUpperHalf = std::uint64_t{1} << 55U;  // selects TTBR1
  if (root.ttbr1 && (walk_->va.value & kUpperHalf) != 0) return root.ttbr1_source;
  return root.dtb_source;
}

std::optional<HResult> Record::Stop() const {
  if (walk_->Mapped()) return std::nullopt;
  return StopCode(*walk_);
}

std::optional<std::string_view> Record::Reason() const {
  if (!walk_->Mapped() && followed_ != nullptr && !followed_->reason.empty()) {
    return followed_->reason;
  }
  return v2p::Reason(*walk_);
}

std::string Record::Elsewhere() const {
  if (const auto frame = ProtnoneAt()) return fmt::format("frame {:#x}", *frame);
  if (const auto swap = SwapAt()) {
    return fmt::format("swap area {}, page {:#x}", swap->type, swap->offset);
  }
  if (followed_ == nullptr || !followed_->pte || walk_->Mapped()) return {};
  const WindowsPte* pte = &*followed_->pte;
  if (followed_->prototype && followed_->prototype->entry) pte = &followed_->prototype->pte;
  if (followed_->stored && !followed_->stored->file.empty()) {
    return fmt::format("{}, offset {:#x}{}{}", followed_->stored->file,
                       followed_->stored->page << kPageShift,
                       followed_->stored->failure.empty() ? "" : ": ", followed_->stored->failure);
  }
  if (pte->state == EntryState::kPagefile) {
    return fmt::format("page file {}, offset {:#x}", pte->page_file, pte->page << kPageShift);
  }
  if (pte->pointer) return fmt::format("at {:#x}", pte->pointer->value);
  return {};
}

std::optional<std::uint64_t> Record::ProtnoneAt() const {
  if (walk_->state != EntryState::kProtnone) return std::nullopt;
  const std::size_t last = walk_->step_count - 1U;
  const auto frame = ProtnoneFrame(Mode(walk_->mode), last, walk_->steps[last].entry,
                                   LinuxReleaseOf(*context_->image, *context_->root));
  return frame ? std::optional(frame->value) : std::nullopt;
}

std::optional<SwapPlace> Record::SwapAt() const {
  if (walk_->state != EntryState::kSwap) return std::nullopt;
  const std::size_t last = walk_->step_count - 1U;
  return SwapPlaceOf(Mode(walk_->mode), last, walk_->steps[last].entry,
                     LinuxReleaseOf(*context_->image, *context_->root));
}

std::optional<std::uint64_t> Record::StepFileOffset(std::size_t i) const {
  if (!walk_->WasRead(i) || (walk_->elsewhere >> i & 1U) != 0) return std::nullopt;
  return FileOffsetOf(*context_, walk_->steps[i].entry_at);
}

}  // namespace v2p::cli
