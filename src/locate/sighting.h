// Sightings: what detectors saw in memory, before anything is believed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/address.h"
#include "base/image_facts.h"

namespace v2p {

/// `at` is a physical address: of the page, unless the kind says otherwise.
enum class SightingKind : std::uint8_t {
  // Windows roots. slot: index of the self entry; value: the self entry; mode: x64 or arm64.
  kSelfMap64,
  kSelfMapLa57,   ///< PML5 page; as above, mode x64-la57
  kUserShadow64,  ///< as kSelfMap64, without shared data: what a CPU uses in user mode
  kPaeDirectory,  ///< page directory of the top GiB; slot 3; value: entry 3
  kPaePointers,   ///< 32 bytes of a boot-time PDPT followed by its four directories
  kX86Directory,  ///< non-PAE directory, slot 0x300; value: that PDE
  kLowStub,       ///< PROCESSOR_START_BLOCK; value: its Cr3 as stored
  // Windows content.
  kUserSharedData,   ///< a page that reads like KUSER_SHARED_DATA; value: build (0: too old to say)
  kProcessObject64,  ///< `at`: physical address of an EPROCESS; value: its virtual address
  kProcessObject32,  ///< the same on 32-bit systems
  kDebuggerData,     ///< `at`: of KDDEBUGGER_DATA64; value: KernBase
  kProcessorRegion,  ///< `at`: of a KPCR; value: its virtual address; mode x64 or x86
  // Linux.
  kLinuxKernelText,   ///< PDPT of the kernel image (level3_kernel_pgt), x86-64; value: entry 510
  kLinuxTop64,        ///< page whose entry 511 is a table as in an x86-64 root; value: entry 511
  kLinuxPaePointers,  ///< 32-byte aligned PDPT; value: its fourth entry
  kLinuxDirectory,    ///< i386 page directory; value: entry 0x302
  kLinuxArm64Root,    ///< page that looks like swapper_pg_dir on ARM64; value: count of entries
  kVmcoreinfo,        ///< `at`: first byte of a VMCOREINFO text; value: 1 when it stands in a note
  kLinuxBanner,       ///< `at`: first byte of "Linux version "
  kCount,
};

struct Sighting {
  SightingKind kind = SightingKind::kSelfMap64;
  ModeName mode = ModeName::kX64;
  std::uint16_t slot = 0;
  PhysAddr at;
  std::uint64_t value = 0;

  bool operator==(const Sighting&) const = default;
};

/// Sightings by kind, each list in the order they were added. Every kind has a limit, so that a
/// hostile image ends in bounded memory; what came beyond it is counted.
class Sightings {
 public:
  static constexpr std::size_t kMostOfAKind = 1U << 17U;

  void Add(const Sighting& sighting);
  void Append(const Sightings& later);

  std::span<const Sighting> Of(SightingKind kind) const { return Kind(kind); }
  /// How many were left out because the kind was full.
  std::uint64_t LeftOut(SightingKind kind) const {
    return left_out_[static_cast<std::size_t>(kind)];
  }
  std::size_t Count() const;

 private:
  static constexpr auto kKinds = static_cast<std::size_t>(SightingKind::kCount);
  const std::vector<Sighting>& Kind(SightingKind kind) const {
    return lists_[static_cast<std::size_t>(kind)];
  }

  std::array<std::vector<Sighting>, kKinds> lists_;
  std::array<std::uint64_t, kKinds> left_out_{};
};

}  // namespace v2p
