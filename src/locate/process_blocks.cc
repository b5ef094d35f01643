// Reading PEBs and user-mode roots.
// SPDX-License-Identifier: Apache-2.0
#include "locate/process_blocks.h"

namespace v2p {
namespace {

// PEB.OSMajorVersion, OSMinorVersion, OSBuildNumber: public symbols, the same since NT 4 and in all
// 64-bit builds (MemProcFS vmmwininit.c reads the build there).
constexpr std::size_t kMajor64 = 0x118, kMinor64 = 0x11C, kBuild64 = 0x120;
constexpr std::size_t kMajor32 = 0xA4, kMinor32 = 0xA8, kBuild32 = 0xAC;

constexpr std::uint64_t kUserEnd64 = 0x0000'8000'0000'0000;
constexpr std::uint64_t kUserEnd32 = 0xC000'0000;  // with /3GB

}  // namespace

bool IsUserAddress(const EprocessContext& context, std::uint64_t value) {
  return value < (context.Space().pointer_bytes == 8 ? kUserEnd64 : kUserEnd32);
}

bool IsPeb(const EprocessContext& context, const Eprocess& object, VirtAddr peb) {
  const auto dtb = object.Pointer(context.Space().process_root);
  if (!context.shared_data || !dtb) return false;
  const bool is_64 = context.Space().pointer_bytes == 8;
  VirtualReader reader(*context.memory,
                       {context.Mode(), MaskRoot(*dtb, context.Mode()), std::nullopt});
  const auto major = reader.Load<std::uint32_t>(peb + (is_64 ? kMajor64 : kMajor32));
  const auto minor = reader.Load<std::uint32_t>(peb + (is_64 ? kMinor64 : kMinor32));
  const auto build = reader.Load<std::uint16_t>(peb + (is_64 ? kBuild64 : kBuild32));
  if (major != context.shared_data->major || minor != context.shared_data->minor) return false;
  return build && (!context.build || *build == *context.build);
}

UserRoot LookAtUserRoot(const EprocessContext& context, std::uint64_t value) {
  constexpr std::uint64_t kNoAddress = 0xFFF0'0000'0000'0000;
  if (value <= 1) return UserRoot::kNone;
  const PhysAddr table = MaskRoot(value, context.Mode());
  if ((value & kNoAddress) != 0 || table == PhysAddr()) return UserRoot::kWrong;
  if (!context.memory->Contains(table)) return UserRoot::kNotThere;
  const auto page = LookAtRoot(*context.memory, {context.Mode(), table, std::nullopt});
  const bool shadow =
      page.shape == RootShape::kSelfMap && page.slot == context.root.slot && !page.has_shared_data;
  return shadow ? UserRoot::kShadow : UserRoot::kWrong;
}

}  // namespace v2p
