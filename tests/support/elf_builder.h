// Builds ELF cores: segments with given bytes, notes of QEMU, VirtualBox and Linux.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace v2p::test {

/// Registers for a CPU note; the defaults are an x64 CPU in kernel mode.
struct ElfCpu {
  std::uint64_t cr0 = 0x80050033;
  std::uint64_t cr3 = 0x1000;
  std::uint64_t cr4 = 0x20;
  std::uint64_t cs = 0x10;
  std::uint64_t cs_flags = 0x00AF9B00;
  std::uint64_t gs_base = 0;
  std::uint64_t kernel_gs_base = 0;
  std::uint64_t gdt_base = 0;
  std::uint64_t idt_base = 0;
  std::uint64_t rip = 0;
  std::uint64_t rsp = 0;
  std::uint64_t efer = 0xD01;
};

class ElfBuilder {
 public:
  struct Options {
    bool is64 = true;
    std::uint16_t type = 4;
    std::uint16_t machine = 62;
    std::uint32_t version = 1;
    std::size_t phentsize_extra = 0;  ///< bytes behind each program header
    bool pn_xnum = false;             ///< put the count into section 0
    std::size_t data_skew = 0x4B0;    ///< so that no segment's file offset is page aligned
    std::string section;              ///< a section of this name, if not empty
  };

  ElfBuilder();
  explicit ElfBuilder(Options options) : options_(std::move(options)) {}

  /// A LOAD of PatternByte(pa) bytes; `memory_bytes` defaults to the stored size.
  ElfBuilder& Load(std::uint64_t paddr, std::uint64_t bytes, std::uint64_t memory_bytes = 0);
  /// A LOAD with every field given, storing nothing.
  ElfBuilder& RawLoad(std::uint64_t paddr, std::uint64_t offset, std::uint64_t file_bytes,
                      std::uint64_t memory_bytes);
  /// A LOAD of the bytes that LOAD `index` stores, at another address.
  ElfBuilder& Alias(std::size_t index, std::uint64_t paddr);
  ElfBuilder& Note(std::string_view name, std::uint32_t type, std::vector<std::byte> desc);
  ElfBuilder& QemuCpu(const ElfCpu& cpu, bool with_kernel_gs = true);
  ElfBuilder& VirtualBoxCpu(const ElfCpu& cpu);
  ElfBuilder& Vmcoreinfo(std::string_view text);

  std::vector<std::byte> Build() const;
  /// File offset of the data of LOAD `index`.
  std::uint64_t DataAt(std::size_t index) const;
  /// File offset of the program header of LOAD `index`.
  std::uint64_t HeaderAt(std::size_t index) const;

 private:
  struct Segment {
    std::uint64_t paddr = 0;
    std::uint64_t file_bytes = 0;
    std::uint64_t memory_bytes = 0;
    bool stored = true;
    std::uint64_t offset = 0;  // when not stored and not an alias
    std::size_t alias_of = SIZE_MAX;
  };

  std::size_t ProgramStride() const;
  std::size_t SectionsAt() const;
  std::size_t NotesAt() const;
  std::string Names() const;
  void WriteHeader(std::vector<std::byte>& out) const;
  void WritePrograms(std::vector<std::byte>& out) const;
  void WriteSections(std::vector<std::byte>& out) const;

  Options options_;
  std::vector<Segment> loads_;
  std::vector<std::byte> notes_;
};

}  // namespace v2p::test
