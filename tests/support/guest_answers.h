// What QEMU and a guest's own kernel said of a guest in the corpus: registers, processes, rows of
// addresses. Read from its regs.json and oracle files; nothing of v2p takes part.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/image_facts.h"

namespace v2p::test {

/// One of the three processes of the test program.
struct GuestProcess {
  std::uint64_t pid = 0;
  std::uint64_t root = 0;                  ///< the kernel's of a KPTI pair; TTBR0 on ARM64
  std::optional<std::uint64_t> user_root;  ///< the other one
};

/// An address of the kernel as the monitor's gva2gpa resolved it.
struct KernelRow {
  std::uint64_t va = 0;
  std::optional<std::uint64_t> pa;
  std::string kind;
};

/// A page of a process as its /proc/self/pagemap told it.
struct PagemapRow {
  std::uint64_t pid = 0;
  std::uint64_t va = 0;
  std::optional<std::uint64_t> pa;
  std::string kind;  ///< of the mapping that it is in
};

struct Guest {
  const char* name;
  const char* file;  ///< in guests/name
  ModeName mode;
  std::uint64_t sleeper;  ///< root of the process that was on no CPU (the corpus' INDEX.md)
  bool kpti = false;
};

struct GuestAnswers {
  std::vector<GuestProcess> processes;
  std::optional<std::uint64_t> ttbr1;
  std::vector<KernelRow> kernel;
  std::vector<PagemapRow> pagemap;
};

/// Throws when the corpus lacks a file.
GuestAnswers ReadGuestAnswers(const Guest& guest);

}  // namespace v2p::test
