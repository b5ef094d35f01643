// Reading regs.json, oracle.jsonl and oracle.pagemap.jsonl.
// SPDX-License-Identifier: Apache-2.0
#include "support/guest_answers.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "support/corpus.h"

namespace v2p::test {
namespace {

using nlohmann::json;

std::string PathOf(const Guest& guest, const std::string& file) {
  return CorpusFile(std::string("guests/") + guest.name + "/" + file);
}

json Registers(const Guest& guest) {
  std::ifstream in(PathOf(guest, "regs.json"));
  return json::parse(in);
}

std::uint64_t Number(const json& value) {
  return std::stoull(value.get<std::string>(), nullptr, 16);
}

std::optional<std::uint64_t> MaybeNumber(const json& value) {
  return value.is_null() ? std::nullopt : std::optional(Number(value));
}

template <class See>
void ForEachRow(const std::string& path, See see) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path);
  for (std::string line; std::getline(in, line);) see(json::parse(line));
}

// TTBR0 and TTBR1 carry the ASID in bits 63:48 and CnP in bit 0; CR3 the PCID in bits 11:0, but a
// PAE root is aligned to 32 bytes alone.
std::uint64_t MaskOf(ModeName mode) {
  switch (mode) {
    case ModeName::kArm64:
      return 0x0000FFFFFFFFF000;
    case ModeName::kPae:
      return 0xFFFFFFE0;
    case ModeName::kX86:
    case ModeName::kX64:
    case ModeName::kX64La57:
      break;
  }
  return 0x000FFFFFFFFFF000;
}

// The first process ran on the first CPU, the second on the second, the third on none.
std::vector<GuestProcess> Processes(const Guest& guest, const json& registers) {
  std::vector<GuestProcess> processes;
  for (const json& each : registers["processes"]) {
    GuestProcess process;
    process.pid = each["pid"].get<std::uint64_t>();
    process.root = guest.sleeper;
    if (const std::size_t cpu = processes.size(); cpu < registers["vcpus"].size()) {
      const json& vcpu = registers["vcpus"][cpu];
      const char* name = guest.mode == ModeName::kArm64 ? "TTBR0_EL1" : "cr3";
      process.root = vcpu[name].get<std::uint64_t>() & MaskOf(guest.mode);
    }
    if (guest.kpti) {
      process.root &= ~std::uint64_t{0x1000};
      process.user_root = process.root + 0x1000;
    }
    processes.push_back(process);
  }
  return processes;
}

std::vector<KernelRow> KernelRows(const Guest& guest) {
  std::vector<KernelRow> rows;
  const bool narrow = guest.mode == ModeName::kX86 || guest.mode == ModeName::kPae;
  const std::uint64_t begin = narrow ? 0xC0000000 : 0xFFFF000000000000;
  ForEachRow(PathOf(guest, "oracle.jsonl"), [&](const json& row) {
    const std::uint64_t va = Number(row["va"]);
    // With user privilege the monitor says nothing of the kernel's addresses.
    if (va < begin || row.value("el", 1) == 0) return;
    rows.push_back({va, MaybeNumber(row["pa"]), row["kind"].get<std::string>()});
  });
  return rows;
}

std::string KindAt(const json& maps, std::uint64_t pid, std::uint64_t va) {
  for (const json& map : maps) {
    const std::uint64_t first = Number(map["va"]);
    if (map["pid"] == pid && va >= first && va - first < map["len"].get<std::uint64_t>()) {
      return map["kind"].get<std::string>();
    }
  }
  return {};
}

std::vector<PagemapRow> PagemapRows(const Guest& guest, const json& registers) {
  std::vector<PagemapRow> rows;
  ForEachRow(PathOf(guest, "oracle.pagemap.jsonl"), [&](const json& row) {
    PagemapRow made;
    made.pid = row["pid"].get<std::uint64_t>();
    made.va = Number(row["va"]);
    if (row["present"].get<int>() != 0) made.pa = Number(row["pa"]);
    made.kind = KindAt(registers["maps"], made.pid, made.va);
    rows.push_back(std::move(made));
  });
  return rows;
}

}  // namespace

GuestAnswers ReadGuestAnswers(const Guest& guest) {
  const json registers = Registers(guest);
  GuestAnswers answers;
  answers.processes = Processes(guest, registers);
  if (guest.mode == ModeName::kArm64) {
    answers.ttbr1 = registers["vcpus"][0]["TTBR1_EL1"].get<std::uint64_t>() & MaskOf(guest.mode);
  }
  answers.kernel = KernelRows(guest);
  answers.pagemap = PagemapRows(guest, registers);
  return answers;
}

}  // namespace v2p::test
