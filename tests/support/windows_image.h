// Synthetic images of Windows: a kernel, its processes and their tables, scattered over physical
// memory, with nothing else in them but noise. Offsets come from testdata/layouts/windows_*.tsv.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/sparse_memory.h"
#include "support/windows_parts.h"
#include "support/windows_tables.h"

namespace v2p::test {

struct ProcessRecipe {
  std::string name;  ///< cut at 15 bytes
  std::uint64_t pid = 0, ppid = 0;
  bool linked = true;   ///< in the list of the system; else its own links still lead into it
  bool exited = false;  ///< signalled, with an exit time
  bool own_root = true;
  std::optional<std::uint64_t> dtb = std::nullopt;  ///< stored instead of its own
};

enum class StubKind { kNone, kRight, kWrongSelfMap };
enum class PaeForm { kBehindTheRoot, kScattered };

struct WindowsRecipe {
  ModeName mode = ModeName::kX64;
  std::string layout = "19041";  ///< of EPROCESS: eprocess.MODE.LAYOUT; its number is the build
  std::uint64_t root = 0x7b5000;
  std::optional<unsigned> slot = std::nullopt;  ///< else 0x1ED before 14393 and 0x108 since
  std::uint64_t seed = 1;
  std::uint64_t ram_begin = 0x100000, ram_end = 0x40000000;
  std::vector<ProcessRecipe> processes = {};  ///< beside System and Idle
  unsigned orphans = 0;                       ///< roots that no process has
  bool shadows = false;                       ///< a KVA shadow for every process
  bool pcid = false;                          ///< low bits in the roots that processes name
  std::uint64_t software = 0;                 ///< bits 52 to 62 of entries
  bool non_secure = false;                    ///< ARM64
  PaeForm pae = PaeForm::kBehindTheRoot;
  StubKind stub = StubKind::kNone;
  std::uint64_t stub_at = 0x13000;
  bool large_kernel = false;  ///< in one large page
  bool debugger_data = false;
  KernelFileOptions kernel = {};  ///< its mode and build follow the above
  bool shared_data = true;        ///< false: KUSER_SHARED_DATA's slot is there, its page is not
  std::optional<std::uint32_t> physical_pages = std::nullopt;  ///< else those of the image
  unsigned noise_pages = 32;
};

/// Eleven processes such as a desktop has; with System twelve.
std::vector<ProcessRecipe> UsualProcesses();

struct BuiltProcess {
  ProcessRecipe recipe;
  std::uint64_t object = 0, object_at = 0;  ///< EPROCESS, virtual and physical
  std::uint64_t root = 0, user_root = 0;    ///< masked; 0: none
  std::uint64_t create_time = 0, exit_time = 0;
};

struct WindowsImage {
  SparseMemory memory;
  WindowsPlaces places{};
  unsigned slot = 0, build = 0;
  std::uint64_t root = 0, shared_data_at = 0;
  std::uint64_t process_head = 0;                 ///< PsActiveProcessHead, virtual
  std::uint64_t kernel_at = 0, processor_at = 0;  ///< physical, of the first page
  std::vector<BuiltProcess> processes;            ///< System, then as in the recipe
  BuiltProcess idle;
  std::vector<std::uint64_t> orphans;

  const BuiltProcess& System() const { return processes.front(); }
};

WindowsImage BuildWindows(const WindowsRecipe& recipe);

}  // namespace v2p::test
