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
};

/// Everything about one translation, read off its walk. Refers to input, walk and context.
class Record {
 public:
  Record(const ReportContext& context, const AddressInput& input, const Walk& walk);

  const ReportContext& Context() const { return *context_; }
  const AddressInput& Input() const { return *input_; }
  const v2p::Walk& Walk() const { return *walk_; }

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
  HResult translation_;
  HResult offsets_code_;
  std::uint32_t levels_ = 0;
  std::array<std::uint64_t, 10> offsets_{};
  std::uint32_t shown_ = 0;
  bool page_in_image_ = false;
  std::optional<std::uint64_t> file_offset_;
};

}  // namespace v2p::cli
