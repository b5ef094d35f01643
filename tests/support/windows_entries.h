// Entries that are not present as a Windows kernel of some era would write them, and a synthetic
// image in which every form occurs. Bit positions come from testdata/layouts/windows_pte.tsv.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/image_facts.h"
#include "support/layout.h"
#include "support/sparse_memory.h"

namespace v2p::test {

/// One row of eras: the names of the layout table, the mode and a build that belongs to it.
struct PteEra {
  const char* name;
  ModeName mode;
  std::uint32_t build;
  std::uint64_t invalid_mask;  ///< that its kernel runs with
};
extern const std::vector<PteEra> kPteEras;

class WindowsEntries {
 public:
  explicit WindowsEntries(const PteEra& era);

  /// `swizzle` only where the era has the bit; the kernel's rule decides otherwise: it is set when
  /// the mask's bits are already in the value.
  std::uint64_t Transition(std::uint64_t frame, unsigned protection = 4) const;
  std::uint64_t Software(unsigned page_file, std::uint64_t page, unsigned protection = 4) const;
  std::uint64_t Prototype(std::uint64_t address) const;
  std::uint64_t DemandZero(unsigned protection = 4) const { return Software(0, 0, protection); }
  std::uint64_t VadMarker() const;

 private:
  std::uint64_t Field(const std::string& form, const char* field, std::uint64_t value) const;
  bool Has(const std::string& form, const char* field) const;
  std::uint64_t Stored(const std::string& form, std::uint64_t entry) const;

  PteEra era_;
  Layout layout_;
};

/// An address of the image and what must come of it.
struct EraCase {
  std::string what;
  std::uint64_t va = 0;
  std::optional<std::uint64_t> pa;  ///< nothing: not mapped
  std::string state;
  std::string reason;  ///< empty when mapped
};

/// A synthetic machine of one era: a root, user pages of every form, prototype entries behind
/// kernel addresses.
struct EraImage {
  SparseMemory memory;
  std::uint64_t dtb = 0;
  std::vector<EraCase> cases;
};
EraImage MakeEraImage(const PteEra& era);

}  // namespace v2p::test
