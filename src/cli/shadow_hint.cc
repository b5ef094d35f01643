// Notices kernel addresses that fail because the root is a user shadow (KPTI, KVA shadow).
// SPDX-License-Identifier: Apache-2.0
#include "cli/shadow_hint.h"

#include <fmt/format.h>

namespace v2p::cli {
namespace {

// Linux: the user half of a PGD pair has bit 12 set, and its PCID bit 11 (arch/x86/entry/calling.h,
// PTI_USER_PGTABLE_MASK and PTI_USER_PCID_MASK). Windows: a shadowed user root has PCID 1.
bool LooksLikeUserShadow(std::uint64_t cr3) {
  return (cr3 & 0x1800U) == 0x1800U || (cr3 & 0xFFFU) == 0x001U;
}

}  // namespace

void ShadowHint::Look(const Walk& walk, const RootChoice& root) {
  const bool four_or_five = root.mode == ModeName::kX64 || root.mode == ModeName::kX64La57;
  const bool kernel = walk.va.value >> 63U != 0;
  if (found_ || !four_or_five || !kernel || walk.status != WalkStatus::kNotPresent) return;
  found_ = root.shadow_of || LooksLikeUserShadow(root.value);
  root_ = root.value;
  kernel_root_ = root.shadow_of;
}

std::string ShadowHint::Text(std::string_view image) const {
  if (kernel_root_) {
    return fmt::format(
        "{}: kernel addresses failed under {:#x}, a user-mode shadow root (page table isolation): "
        "its kernel root is --dtb {:#x}",
        image, root_, kernel_root_->value);
  }
  return fmt::format(
      "{}: kernel addresses failed under {:#x}, which looks like a user-mode shadow root (page "
      "table isolation): try the kernel root of the same process",
      image, root_);
}

}  // namespace v2p::cli
