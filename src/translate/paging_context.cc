// Choosing the rules that a kernel's entries are read by.
// SPDX-License-Identifier: Apache-2.0
#include "translate/paging_context.h"

#include "translate/pte_sample.h"

namespace v2p {
namespace {

// Type information of 17134 as released is classic, of 17763 swizzled; updates of 2018 moved
// serviced kernels from 15063 on, perhaps older ones, to the swizzled layout. From 28000 indexed.
constexpr std::uint32_t kOldestSwizzled = 17763;
constexpr std::uint32_t kOldestServiced = 10240;
constexpr std::uint32_t kOldestIndexed = 28000;

struct LayoutChoice {
  PteLayout layout = PteLayout::kSwizzled;
  std::string_view source;
};

LayoutChoice ChooseLayout(std::optional<std::uint32_t> build, const MaskStatistic& mask,
                          const PteSample& sample) {
  if (build && *build >= kOldestIndexed) return {PteLayout::kIndexed, "build"};
  if (build && *build >= kOldestSwizzled) return {PteLayout::kSwizzled, "build"};
  if (build && *build < kOldestServiced) return {PteLayout::kClassic, "build"};
  if (mask.mask.value_or(0) != 0) return {PteLayout::kSwizzled, "entries"};
  if (const auto layout = LayoutOf(sample)) return {*layout, "entries"};
  return {build ? PteLayout::kClassic : PteLayout::kSwizzled, "assumed"};
}

}  // namespace

PagingContext MakePagingContext(const PhysicalMemory& memory, const PagingMode& mode, PhysAddr root,
                                std::optional<PhysAddr> kernel_root,
                                std::optional<std::uint32_t> build) {
  PagingContext context;
  context.build = build;
  context.kernel_root = kernel_root.value_or(root);
  if (mode.entry_bytes == 4) {
    context.rules = RulesOf(mode, build, PteLayout::kClassic, 0);
    context.layout_source = build ? "build" : "assumed";
    context.mask_source = "not-used";
    return context;
  }
  PteSample sample;
  SampleEntries(memory, mode, root, {}, &sample);
  if (context.kernel_root != root) SampleEntries(memory, mode, context.kernel_root, {}, &sample);
  const MaskStatistic mask = InvalidMaskOf(sample, memory.End());
  const LayoutChoice choice = ChooseLayout(build, mask, sample);
  context.rules = RulesOf(mode, build, choice.layout, mask.mask.value_or(0));
  context.layout_source = choice.source;
  context.mask_entries = mask.entries;
  context.mask_source = choice.layout == PteLayout::kClassic ? "not-used"
                        : mask.mask                          ? "entries"
                                                             : "unknown";
  return context;
}

}  // namespace v2p
