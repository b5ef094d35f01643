// The list of paging modes.
// SPDX-License-Identifier: Apache-2.0
#include "translate/paging_mode.h"

#include "translate/mode_tables.h"

namespace v2p {
namespace {

constexpr std::array<const PagingMode*, 5> kModes = {&kX86Mode, &kPaeMode, &kX64Mode, &kX64La57Mode,
                                                     &kArm64Mode};

constexpr bool ListedInOrder() {
  for (std::size_t i = 0; i < kModes.size(); ++i) {
    if (static_cast<std::size_t>(kModes[i]->id) != i) return false;
  }
  return true;
}
static_assert(ListedInOrder(), "Mode() indexes by ModeName");

}  // namespace

const PagingMode& Mode(ModeName id) { return *kModes[static_cast<std::size_t>(id)]; }

std::optional<ModeName> ModeByName(std::string_view name) {
  for (const PagingMode* mode : kModes) {
    if (mode->name == name) return mode->id;
  }
  return std::nullopt;
}

std::string_view Name(ModeName id) { return Mode(id).name; }

}  // namespace v2p
