// Record: one translation as every report form shows it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/address_list.h"
#include "cli/choose_root.h"
#include "dumpfmt/image.h"
#include "translate/dbgeng.h"
#include "translate/follower.h"
#include "translate/linux_pte.h"
#include "translate/walk.h"

namespace v2p::cli {

/// What all records of a run share.
struct ReportContext {
  std::string image_name;  ///< as the user gave it
  const Image* image = nullptr;
  const RootChoice* root = nullptr;
  std::optional<std::uint32_t> offsets_size;  ///< shows only so many offsets
  bool detailed = false;                      ///< text: show the walk of every address
  bool color = false;
  const PagingContext* paging = nullptr;  ///< rules that entries were followed by; null: by none
};

/// Everything about one translation, read off its walk. Refers to input, walk and context.
class Record {
 public:
  Record(const ReportContext& context, const AddressInput& input, const Walk& walk,
         const Following* followed = nullptr);

  const ReportContext& Context() const { return *context_; }
  const AddressInput& Input() const { return *input_; }
  const v2p::Walk& Walk() const { return *walk_; }

  /// What was met where the walk had to follow an entry that is not present; null: nothing.
  const Following* Followed() const { return followed_; }
  /// Kebab-case; nothing when mapped.
  std::optional<std::string_view> Reason() const;
  /// Where a page that is not in memory is, in words: "page file 1, offset 0x1234000"; may be
  /// empty.
  std::string Elsewhere() const;
  /// Where a Linux PROT_NONE entry says its page is. Never an answer.
  std::optional<std::uint64_t> ProtnoneAt() const;
  /// Where a Linux swap entry says its page is.
  std::optional<SwapPlace> SwapAt() const;

  /// Where the root of this walk came from: TTBR1 may have another source than TTBR0.
  std::string_view DtbSource() const;
  HResult Translation() const { return translation_; }  ///< of VirtualToPhysical
  HResult OffsetsCode() const {
    return offsets_code_;
  }                                     ///< of GetVirtualTranslationPhysicalOffsets
  std::optional<HResult> Stop() const;  ///< nothing when mapped
  std::uint32_t Levels() const { return levels_; }
  std::span<const std::uint64_t> Offsets() const { return {offsets_.data(), shown_}; }
  bool PageInImage() const { return page_in_image_; }
  /// Of the translated byte, in the file the user named.
  std::optional<std::uint64_t> FileOffset() const { return file_offset_; }
  /// Of the entry read in step `i`.
  std::optional<std::uint64_t> StepFileOffset(std::size_t i) const;

 private:
  const ReportContext* context_;
  const AddressInput* input_;
  const v2p::Walk* walk_;
  const Following* followed_;
  HResult translation_;
  HResult offsets_code_;
  std::uint32_t levels_ = 0;
  std::array<std::uint64_t, 10> offsets_{};
  std::uint32_t shown_ = 0;
  bool page_in_image_ = false;
  std::optional<std::uint64_t> file_offset_;
};

}  // namespace v2p::cli
