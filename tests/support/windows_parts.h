// The pages and structures that synthetic images of Windows are put together from, laid out by
// testdata/layouts/windows_kernel.tsv.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/image_facts.h"

namespace v2p::test {

using Blob = std::vector<std::byte>;

/// FILETIMEs in 2020: of the boot, and of the last tick of the clock.
inline constexpr std::uint64_t kBootTime = 132'500'000'000'000'000;
inline constexpr std::uint64_t kLastTime = kBootTime + 36'000'000'000;

inline unsigned PointerBytes(ModeName mode) {
  return mode == ModeName::kX86 || mode == ModeName::kPae ? 4 : 8;
}

/// "major.minor" of the first build of a layout.
struct NtVersion {
  unsigned major, minor;
};
NtVersion VersionOf(unsigned build);

/// KUSER_SHARED_DATA.
Blob SharedDataPage(ModeName mode, unsigned build, std::uint32_t physical_pages);

/// ntoskrnl.exe: headers, exports, symbols' name, data.
struct KernelFile {
  static constexpr std::uint64_t kExportsAt = 0x1000;
  static constexpr std::uint64_t kHeadAt = 0x4040;  ///< PsActiveProcessHead
  static constexpr std::uint64_t kIdleAt = 0x5100;  ///< the Idle process's object
  static constexpr std::uint64_t kDebuggerDataAt = 0x7000;
  static constexpr std::uint64_t kBytes = 0xA000;

  Blob bytes;
  std::map<std::string, std::uint64_t> exports;  ///< offsets
};
struct KernelFileOptions {
  ModeName mode = ModeName::kX64;
  unsigned build = 19041;
  std::string name = "ntoskrnl.exe";
  std::string symbols = "ntkrnlmp.pdb";
  std::string section = "POOLCODE";
  bool exports = true;
};
KernelFile MakeKernelFile(const KernelFileOptions& options);

/// KPCR and the beginning of its KPRCB.
Blob ProcessorRegion(ModeName mode, unsigned build, std::uint64_t va, std::uint64_t root);
/// Where, from the KPCR on, KVA shadowing keeps the kernel's root; 0 when it is not known.
std::uint64_t KernelRootFromProcessor(unsigned build);

struct StartBlock {
  std::uint64_t at = 0, self_map = 0, root = 0, target = 0;
  bool five_levels = false;
};
Blob StartBlockPage(const StartBlock& block);

Blob EnvironmentBlock(ModeName mode, unsigned build);

struct DebuggerData {
  std::uint64_t kernel_base = 0, at = 0, process_head = 0;
  std::uint64_t process_bytes = 0, peb = 0, parent = 0;
};
Blob DebuggerBlock(ModeName mode, const DebuggerData& data);

}  // namespace v2p::test
