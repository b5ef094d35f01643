// KPROCESSOR_STATE: control registers, and whether they can be those of a running Windows.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/hiberfil_processor.h"

#include <array>
#include <cstddef>

#include "base/bytes.h"

namespace v2p::hiberfil {
namespace {

// Public symbols, KPROCESSOR_STATE: on x64 KSPECIAL_REGISTERS stands first, on x86 behind CONTEXT.
struct RegisterLayout {
  std::size_t cr0, cr3, cr4, gdt_base, idt_base;
};
constexpr RegisterLayout kX64 = {0x00, 0x10, 0x18, 0x58, 0x68};
constexpr RegisterLayout kX86 = {0x2CC, 0x2D4, 0x2D8, 0x2F8, 0x300};
constexpr std::size_t kX64GsBase = 0xA8;
constexpr std::size_t kX64GsSwap = 0xB0;

// Intel SDM volume 3, 2.5.
constexpr std::uint64_t kProtected = 1U << 0U;
constexpr std::uint64_t kPaging = 1U << 31U;
constexpr std::uint64_t kPae = 1U << 5U;
constexpr std::uint64_t kLa57 = 1U << 12U;
constexpr std::uint64_t kCr3Limit = std::uint64_t{1} << 52U;
constexpr std::uint64_t kPaeRootLow = 0x1F;
constexpr std::uint64_t kPageLow = 0xFFF;
constexpr std::uint64_t kCacheBits = 0x18;  // PWT and PCD

bool IsKernelAddress(std::uint64_t va, Machine machine) {
  if (machine == Machine::kX86) return va >= 0x8000'0000 && va < std::uint64_t{1} << 32U;
  return va >= 0xFF00'0000'0000'0000;
}

std::optional<ModeName> ModeOf(const CpuFacts& cpu, Machine machine) {
  const bool paged = (*cpu.cr0 & kProtected) != 0 && (*cpu.cr0 & kPaging) != 0;
  if (!paged || *cpu.cr3 >= kCr3Limit || (*cpu.cr3 & ~kPageLow) == 0) return std::nullopt;
  const bool pae = (*cpu.cr4 & kPae) != 0;
  if (machine == Machine::kX64) {
    if (!pae) return std::nullopt;
    return (*cpu.cr4 & kLa57) != 0 ? ModeName::kX64La57 : ModeName::kX64;
  }
  const std::uint64_t low = pae ? kPaeRootLow : kPageLow;
  if ((*cpu.cr3 & low & ~kCacheBits) != 0) return std::nullopt;
  return pae ? ModeName::kPae : ModeName::kX86;
}

}  // namespace

std::optional<CpuFacts> ReadProcessor(const ByteSource& source, std::uint64_t page,
                                      Machine machine) {
  if (machine != Machine::kX64 && machine != Machine::kX86) return std::nullopt;
  const auto state = ReadRecord(source, page * kPageBytes, kPageBytes, "the processor state");
  if (!state) return std::nullopt;
  const bool is_64 = machine == Machine::kX64;
  const RegisterLayout& at = is_64 ? kX64 : kX86;
  const auto word = [&](std::size_t field) {
    return is_64 ? state->U64(field) : std::uint64_t{state->U32(field)};
  };
  CpuFacts cpu;
  cpu.cr0 = word(at.cr0);
  cpu.cr3 = word(at.cr3);
  cpu.cr4 = word(at.cr4);
  cpu.gdt_base = word(at.gdt_base);
  cpu.idt_base = word(at.idt_base);
  if (is_64) {
    cpu.gs_base = state->U64(kX64GsBase);
    cpu.kernel_gs_base = state->U64(kX64GsSwap);
  }
  cpu.mode = ModeOf(cpu, machine);
  if (!cpu.mode || !IsKernelAddress(*cpu.idt_base, machine)) return std::nullopt;
  cpu.privilege = Privilege::kKernel;  // hibernation is the kernel's own work
  return cpu;
}

}  // namespace v2p::hiberfil
