// Frames of PROT_NONE entries.
// Sources: arch/x86/include/asm/pgtable-invert.h (x86-64 and PAE keep the frame of a PROT_NONE
// entry inverted, against L1TF), pgtable-2level.h (two levels do not), and for ARM64
// arch/arm64/include/asm/pgtable.h (nothing is inverted).
// SPDX-License-Identifier: Apache-2.0
#include "translate/linux_pte.h"

#include "translate/entry_form.h"
#include "translate/mode_tables.h"

namespace v2p {

std::optional<PhysAddr> ProtnoneFrame(const PagingMode& mode, std::size_t level,
                                      std::uint64_t entry) {
  if (NotPresentForm(mode, GuestOs::kLinux, level, entry) != EntryState::kProtnone) {
    return std::nullopt;
  }
  const PagingLevel& here = mode.levels[level];
  const bool inverted = mode.form == EntryForm::kX86 && mode.entry_bytes == 8;
  const std::uint64_t plain = inverted ? ~entry : entry;
  return PhysAddr(plain & here.frame_mask & ~(here.PageBytes() - 1));
}

}  // namespace v2p
