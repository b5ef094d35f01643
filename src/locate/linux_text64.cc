// Following root tables to kernel images.
// SPDX-License-Identifier: Apache-2.0
#include "locate/linux_text64.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "locate/linux_memory.h"
#include "locate/linux_pages.h"

namespace v2p {
namespace {

constexpr std::uint64_t kSlotBytes = std::uint64_t{2} << 20U;
constexpr std::size_t kMostTexts = 4096;  // read of those that are sighted

// The page that slot `entry` of the image's directory begins with: a large page, or a table of
// small ones (CONFIG_DEBUG_RODATA splits what it protects).
std::optional<std::uint64_t> SlotFrame(const PhysicalMemory& memory, std::uint64_t entry) {
  if ((entry & 1) == 0) return std::nullopt;
  if ((entry & linux_x86::kLarge) != 0) return entry & linux_x86::kFrame & ~(kSlotBytes - 1);
  const auto table = ReadTable64(memory, PhysAddr(entry & linux_x86::kFrame));
  if (!table) return std::nullopt;
  // Pages may have been freed out of the middle; the first that is left tells.
  for (std::size_t i = 0; i < table->size(); ++i) {
    if (((*table)[i] & 1) != 0) return ((*table)[i] & linux_x86::kFrame) - i * kPageBytes;
  }
  return std::nullopt;
}

std::optional<PhysAddr> LastTable(const PhysicalMemory& memory, PhysAddr table) {
  std::byte bytes[sizeof(std::uint64_t)];
  if (memory.Read(table + 511 * sizeof(std::uint64_t), bytes) != sizeof bytes) return std::nullopt;
  const auto entry = LoadLe<std::uint64_t>(bytes);
  if (!linux_x86::IsTable(entry, {memory.End().value})) return std::nullopt;
  return PhysAddr(entry & linux_x86::kFrame);
}

// From a root of four or five levels.
std::optional<KernelText64> TextBelow(const PhysicalMemory& memory, PhysAddr root) {
  const auto first = LastTable(memory, root);
  if (!first) return std::nullopt;
  if (const auto text = ReadKernelText64(memory, *first)) return text;
  const auto second = LastTable(memory, *first);
  return second ? ReadKernelText64(memory, *second) : std::nullopt;
}

class TextGroups {
 public:
  void Add(const KernelText64& text, std::size_t rank) {
    auto& group = groups_[text.phys_base];
    group.rank = std::max(group.rank, rank);
    const auto same = [&](const KernelText64& known) { return known.l3 == text.l3; };
    if (std::none_of(group.texts.begin(), group.texts.end(), same) &&
        group.texts.size() < kMostLinuxKernels) {
      group.texts.push_back(text);
    }
  }

  std::vector<std::vector<KernelText64>> BestFirst() {
    std::vector<Group*> order;
    for (auto& [phys_base, group] : groups_) order.push_back(&group);
    std::stable_sort(order.begin(), order.end(),
                     [](const Group* a, const Group* b) { return a->rank > b->rank; });
    if (order.size() > kMostLinuxKernels) order.resize(kMostLinuxKernels);
    std::vector<std::vector<KernelText64>> best;
    best.reserve(order.size());
    for (Group* group : order) best.push_back(std::move(group->texts));
    return best;
  }

 private:
  struct Group {
    std::size_t rank = 0;
    std::vector<KernelText64> texts;
  };
  std::map<std::uint64_t, Group> groups_;
};

}  // namespace

std::optional<KernelText64> ReadKernelText64(const PhysicalMemory& memory, PhysAddr l3) {
  constexpr std::size_t kEnoughSlots = 4;
  const RamBounds ram{memory.End().value};
  const auto table = ReadTable64(memory, l3);
  if (!table || !linux_x86::IsTable((*table)[510], ram) ||
      !linux_x86::IsTable((*table)[511], ram) ||
      std::any_of(table->begin(), table->begin() + 510, [](auto e) { return e != 0; })) {
    return std::nullopt;
  }
  const auto slots = ReadTable64(memory, PhysAddr((*table)[510] & linux_x86::kFrame));
  if (!slots) return std::nullopt;
  std::size_t first = 0;
  while (first < slots->size() && ((*slots)[first] & 1) == 0) ++first;
  if (first == slots->size()) return std::nullopt;
  const auto frame = SlotFrame(memory, (*slots)[first]);
  if (!frame || *frame % kSlotBytes != 0) return std::nullopt;
  std::size_t end = first;
  while (end < slots->size() &&
         SlotFrame(memory, (*slots)[end]) == *frame + (end - first) * kSlotBytes) {
    ++end;
  }
  if (end - first < kEnoughSlots) return std::nullopt;
  return KernelText64{l3, *frame - first * kSlotBytes, PhysAddr(*frame),
                      (end - first) * kSlotBytes};
}

std::vector<std::vector<KernelText64>> FindKernelTexts64(const LinuxScene& scene) {
  const PhysicalMemory& memory = scene.Memory();
  constexpr std::size_t kNamed = std::size_t{1} << 32U;
  TextGroups groups;
  const auto follow = [&](PhysAddr root) {
    if (const auto text = TextBelow(memory, root)) groups.Add(*text, kNamed);
  };
  for (const PhysAddr root : HintedRoots(scene, ModeName::kX64)) follow(root);
  for (const PhysAddr root : HintedRoots(scene, ModeName::kX64La57)) follow(root);
  for (const LinuxText& text : scene.texts) {
    if (const auto root = KernelRoot(text.info, Machine::kX64)) follow(PhysAddr(*root));
  }
  std::unordered_map<std::uint64_t, std::size_t> roots;
  for (const Sighting& seen : scene.Seen(SightingKind::kLinuxTop64)) {
    ++roots[seen.value & linux_x86::kFrame];
  }
  std::size_t read = 0;
  for (const Sighting& seen : scene.Seen(SightingKind::kLinuxKernelText)) {
    if (++read > kMostTexts) break;
    if (const auto text = ReadKernelText64(memory, seen.at))
      groups.Add(*text, roots[seen.at.value]);
  }
  return groups.BestFirst();
}

}  // namespace v2p
