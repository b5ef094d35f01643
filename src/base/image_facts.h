// ImageFacts: what an image says about itself. Claims, not beliefs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"

namespace v2p {

enum class Machine : std::uint8_t { kUnknown, kX86, kX64, kArm64 };

/// Whose forms a non-present entry has. Claimed by the container (a crash dump is Windows, a
/// VMCOREINFO note with OSRELEASE is Linux), otherwise unknown.
enum class GuestOs : std::uint8_t { kUnknown, kWindows, kLinux };

/// The paging modes v2p walks. Names in output: x86, pae, x64, x64-la57, arm64.
enum class ModeName : std::uint8_t { kX86, kPae, kX64, kX64La57, kArm64 };

enum class Privilege : std::uint8_t { kUnknown, kUser, kKernel };

/// Registers of one virtual CPU as the container recorded them; absent ones were not recorded.
struct CpuFacts {
  std::optional<std::uint64_t> cr0, cr3, cr4;
  std::optional<std::uint64_t> gs_base, kernel_gs_base, idt_base, gdt_base;
  std::optional<std::uint64_t> ip, sp;
  Privilege privilege = Privilege::kUnknown;
  std::optional<ModeName> mode;  ///< what CR0, CR4 and the code segment say together
};

/// A DirectoryTableBase that the container names, raw (PCID and flag bits still in it).
struct DtbClaim {
  std::uint64_t value = 0;
  std::string source;  ///< `dtb_source` of the output: "header", "cpu0-note", ...
  std::optional<ModeName> mode;
  std::string mode_source;    ///< "header" or "cpu-note"
  bool mode_assumed = false;  ///< e.g. x64 from a dump header, which cannot say five levels
  std::optional<unsigned> cpu;
};

/// A value that `v2p info` shows. Hex64 prints as 0x with 16 digits, numbers in decimal.
struct Hex64 {
  std::uint64_t value = 0;
};
using FactValue = std::variant<std::string, std::uint64_t, Hex64, bool>;

/// One line of `v2p info`. `key` is kebab-case and API; text may hold bytes from the image and is
/// made safe by whoever prints it.
struct Fact {
  std::string key;
  FactValue value;
};

/// Addresses of kernel structures that a Windows container names; virtual, unchecked.
struct WindowsClaims {
  std::optional<std::uint64_t> debugger_data, loaded_modules, active_processes, pfn_database;
  std::optional<std::uint32_t> build;
};

struct ImageFacts {
  Machine machine = Machine::kUnknown;
  GuestOs os = GuestOs::kUnknown;
  std::vector<CpuFacts> cpus;
  std::vector<DtbClaim>
      dtb_claims;  ///< best first: header, then CPUs in kernel mode, then the others
  WindowsClaims windows;
  std::string vmcoreinfo;           ///< text of the note, as it stands; empty: none
  std::vector<Fact> details;        ///< format-specific, in the order to show
  std::uint64_t missing_pages = 0;  ///< pages the container promises but the file does not hold
};

}  // namespace v2p
