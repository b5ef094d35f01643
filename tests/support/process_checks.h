// Questions that tests put to the processes the locator finds, and changes to synthetic ones.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "locate/locator.h"
#include "locate/virtual_reader.h"
#include "support/windows_image.h"

namespace v2p::test {

inline Findings ListWhole(const PhysicalMemory& memory, const ImageFacts& facts = {}) {
  LocateOptions options;
  options.processes = true;
  return Locate(memory, facts, options);
}

/// Of a system whose root the header names: nothing is scanned, only lists are followed.
inline System ListOnly(const PhysicalMemory& memory, const ImageFacts& facts) {
  Findings findings = WeighRoots(memory, facts, ClaimedRoots(facts), false);
  if (findings.systems.empty()) return {};
  const Sightings none;
  const Scene scene{&memory, &facts, &none, false, false};
  FindWindowsProcesses(scene, findings.systems[0]);
  return findings.systems[0];
}

/// The process whose object is at `object`; else the test fails and the result means nothing.
inline const Process& ProcessAt(const System& system, std::uint64_t object) {
  static const Process kNone;
  for (const Process& p : system.processes) {
    if (p.object.value == object) return p;
  }
  ADD_FAILURE() << "no process at " << std::hex << object;
  return kNone;
}

inline bool HasProcess(const System& system, std::uint64_t object) {
  for (const Process& p : system.processes) {
    if (p.object.value == object) return true;
  }
  return false;
}

/// "eprocess-offsets" among the facts.
inline std::string OffsetSources(const System& system) {
  for (const Fact& fact : system.facts) {
    if (fact.key == "eprocess-offsets") return std::get<std::string>(fact.value);
  }
  return "";
}

/// All notes, a line each.
inline std::string Notes(const System& system) {
  std::string all;
  for (const std::string& note : system.notes) all += note + "\n";
  return all;
}

/// Writes to the kernel memory of a synthetic image as its own kernel would.
class KernelEditor {
 public:
  KernelEditor(WindowsImage& image, ModeName mode)
      : image_(image),
        memory_(image.memory.Build()),
        reader_(*memory_, {mode, PhysAddr(image.root), std::nullopt}) {}

  std::uint64_t At(std::uint64_t va) {
    const auto found = reader_.Find(VirtAddr(va));
    EXPECT_EQ(found.reach, Reach::kReached) << std::hex << va;
    return found.pa.value;
  }
  void Put64(std::uint64_t va, std::uint64_t value) { image_.memory.Put64(At(va), value); }
  void PutPointer(std::uint64_t va, std::uint64_t value) {
    if (PointerBytes(reader_.TheRoot().mode) == 8) return Put64(va, value);
    image_.memory.Put32(At(va), static_cast<std::uint32_t>(value));
  }

 private:
  WindowsImage& image_;
  std::unique_ptr<PhysicalMemory> memory_;
  VirtualReader reader_;
};

}  // namespace v2p::test
