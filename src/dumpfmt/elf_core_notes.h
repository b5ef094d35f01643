// Notes of a core file: CPU registers from QEMU and VirtualBox, VMCOREINFO, and who wrote the file.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "base/image_facts.h"
#include "dumpfmt/elf_core_headers.h"

namespace v2p {

struct ElfNotes {
  std::vector<CpuFacts> cpus;                 ///< from QEMU or VirtualBox notes, in their order
  std::uint64_t register_sets = 0;            ///< NT_PRSTATUS notes, one a CPU
  std::optional<std::string> vmcoreinfo;      ///< the kernel's text
  std::optional<std::uint64_t> windows_root;  ///< from a dump header in the VMCOREINFO note
  std::string windows_header;                 ///< its signature: "PAGEDU64" or "PAGEDUMP"
  bool from_qemu = false;
  bool from_virtualbox = false;
  bool user_process = false;  ///< has an auxiliary vector: a process, not a machine
  std::vector<std::string> warnings;
};

/// Reads the notes of `segments`; what is damaged is passed over with a warning.
Result<ElfNotes> ReadElfNotes(const ByteSource& source, const ElfHeader& header,
                              std::span<const ElfSegment> segments);

/// The paging mode that the registers and the machine say together; nothing when paging is off.
/// `long_mode` is what a register told about EFER.LMA, when one did.
std::optional<ModeName> ModeFromRegisters(const ElfHeader& header, std::uint64_t cr0,
                                          std::uint64_t cr4, std::optional<bool> long_mode);

}  // namespace v2p
