// ELF cores for tests, laid out by testdata/layouts/elf.tsv: file header, program headers (notes
// first), sections, notes, data.
// SPDX-License-Identifier: Apache-2.0
#include "support/elf_builder.h"

#include "support/layout.h"
#include "support/lime_builder.h"

namespace v2p::test {
namespace {

const Layout& Elf() {
  static const Layout layout("elf");
  return layout;
}

std::string Struct(const char* name, bool is64) { return name + std::string(is64 ? "64" : "32"); }

}  // namespace

ElfBuilder::ElfBuilder() : ElfBuilder(Options{}) {}

ElfBuilder& ElfBuilder::Load(std::uint64_t paddr, std::uint64_t bytes, std::uint64_t memory_bytes) {
  loads_.push_back({paddr, bytes, memory_bytes == 0 ? bytes : memory_bytes, true, 0, SIZE_MAX});
  return *this;
}

ElfBuilder& ElfBuilder::RawLoad(std::uint64_t paddr, std::uint64_t offset, std::uint64_t file_bytes,
                                std::uint64_t memory_bytes) {
  loads_.push_back({paddr, file_bytes, memory_bytes, false, offset, SIZE_MAX});
  return *this;
}

ElfBuilder& ElfBuilder::Alias(std::size_t index, std::uint64_t paddr) {
  const std::uint64_t bytes = loads_.at(index).file_bytes;
  loads_.push_back({paddr, bytes, bytes, false, 0, index});
  return *this;
}

ElfBuilder& ElfBuilder::Note(std::string_view name, std::uint32_t type,
                             std::vector<std::byte> desc) {
  const std::size_t at = notes_.size();
  const std::size_t head = Elf().SizeOf("note");
  Elf().Put(notes_, at, "note.namesz", name.size() + 1);
  Elf().Put(notes_, at, "note.descsz", desc.size());
  Elf().Put(notes_, at, "note.type", type);
  PutText(notes_, at + head, name);
  notes_.resize(at + head + (name.size() + 1 + 3) / 4 * 4);
  notes_.insert(notes_.end(), desc.begin(), desc.end());
  notes_.resize((notes_.size() + 3) / 4 * 4);
  return *this;
}

ElfBuilder& ElfBuilder::QemuCpu(const ElfCpu& cpu, bool with_kernel_gs) {
  const std::size_t size = Elf().Get(with_kernel_gs ? "qemu.sizeof" : "qemu.sizeof_old").at;
  std::vector<std::byte> desc(size);
  const auto put = [&](const char* field, std::uint64_t value) {
    Elf().Put(desc, 0, field, value);
  };
  put("qemu.version", 1);
  put("qemu.size", size);
  put("qemu.rip", cpu.rip);
  put("qemu.rsp", cpu.rsp);
  put("qemu.cs_selector", cpu.cs);
  put("qemu.cs_flags", cpu.cs_flags);
  put("qemu.gs_base", cpu.gs_base);
  put("qemu.gdt_base", cpu.gdt_base);
  put("qemu.idt_base", cpu.idt_base);
  put("qemu.cr0", cpu.cr0);
  put("qemu.cr3", cpu.cr3);
  put("qemu.cr4", cpu.cr4);
  if (with_kernel_gs) put("qemu.kernel_gs_base", cpu.kernel_gs_base);
  return Note("QEMU", 0, std::move(desc));
}

ElfBuilder& ElfBuilder::VirtualBoxCpu(const ElfCpu& cpu) {
  std::vector<std::byte> desc(Elf().SizeOf("vbox"));
  const auto put = [&](const char* field, std::uint64_t value) {
    Elf().Put(desc, 0, field, value);
  };
  put("vbox.rip", cpu.rip);
  put("vbox.rsp", cpu.rsp);
  put("vbox.cs_sel", cpu.cs);
  put("vbox.gs_base", cpu.gs_base);
  put("vbox.gdtr_addr", cpu.gdt_base);
  put("vbox.idtr_addr", cpu.idt_base);
  put("vbox.cr0", cpu.cr0);
  put("vbox.cr3", cpu.cr3);
  put("vbox.cr4", cpu.cr4);
  put("vbox.efer", cpu.efer);
  put("vbox.kernel_gs_base", cpu.kernel_gs_base);
  return Note("VBCPU", 0xB01, std::move(desc));
}

ElfBuilder& ElfBuilder::Vmcoreinfo(std::string_view text) {
  std::vector<std::byte> desc;
  PutText(desc, 0, text);
  return Note("VMCOREINFO", 0, std::move(desc));
}

std::size_t ElfBuilder::ProgramStride() const {
  return Elf().SizeOf(Struct("phdr", options_.is64)) + options_.phentsize_extra;
}

std::size_t ElfBuilder::SectionsAt() const {
  const std::size_t programs = loads_.size() + (notes_.empty() ? 0 : 1);
  return Elf().SizeOf(Struct("ehdr", options_.is64)) + programs * ProgramStride();
}

std::string ElfBuilder::Names() const {
  return options_.section.empty() ? "" : '\0' + options_.section + '\0';
}

std::size_t ElfBuilder::NotesAt() const {
  const std::size_t sections = options_.pn_xnum || !options_.section.empty() ? 2 : 0;
  return SectionsAt() + sections * Elf().SizeOf(Struct("shdr", options_.is64)) + Names().size();
}

std::uint64_t ElfBuilder::DataAt(std::size_t index) const {
  const Segment& wanted = loads_.at(index);
  if (wanted.alias_of != SIZE_MAX) return DataAt(wanted.alias_of);
  if (!wanted.stored) return wanted.offset;
  std::uint64_t at = NotesAt() + notes_.size() + options_.data_skew;
  for (std::size_t i = 0; i < index; ++i) at += loads_[i].stored ? loads_[i].file_bytes : 0;
  return at;
}

std::uint64_t ElfBuilder::HeaderAt(std::size_t index) const {
  return Elf().SizeOf(Struct("ehdr", options_.is64)) +
         (index + (notes_.empty() ? 0 : 1)) * ProgramStride();
}

void ElfBuilder::WriteHeader(std::vector<std::byte>& out) const {
  const std::string ehdr = Struct("ehdr", options_.is64);
  const auto put = [&](const char* field, std::uint64_t value) {
    Elf().Put(out, 0, ehdr + "." + field, value);
  };
  const bool sections = options_.pn_xnum || !options_.section.empty();
  out.resize(Elf().SizeOf(ehdr));
  PutText(out, 0,
          "\x7F"
          "ELF");
  put("class", options_.is64 ? 2 : 1);
  put("data", 1);
  put("ident_version", 1);
  put("type", options_.type);
  put("machine", options_.machine);
  put("version", options_.version);
  put("phoff", Elf().SizeOf(ehdr));
  put("shoff", sections ? SectionsAt() : 0);
  put("ehsize", Elf().SizeOf(ehdr));
  put("phentsize", ProgramStride());
  put("phnum", options_.pn_xnum ? 0xFFFF : loads_.size() + (notes_.empty() ? 0 : 1));
  put("shentsize", sections ? Elf().SizeOf(Struct("shdr", options_.is64)) : 0);
  put("shnum", sections ? 2 : 0);
  put("shstrndx", sections ? 1 : 0);
}

void ElfBuilder::WritePrograms(std::vector<std::byte>& out) const {
  const std::string phdr = Struct("phdr", options_.is64);
  const auto write = [&](std::uint32_t type, std::uint64_t offset, std::uint64_t paddr,
                         std::uint64_t file_bytes, std::uint64_t memory_bytes) {
    const std::size_t at = out.size();
    out.resize(at + ProgramStride(), std::byte{0xEE});
    for (const char* field : {".flags", ".vaddr", ".align"}) Elf().Put(out, at, phdr + field, 0);
    Elf().Put(out, at, phdr + ".type", type);
    Elf().Put(out, at, phdr + ".offset", offset);
    Elf().Put(out, at, phdr + ".paddr", paddr);
    Elf().Put(out, at, phdr + ".filesz", file_bytes);
    Elf().Put(out, at, phdr + ".memsz", memory_bytes);
  };
  if (!notes_.empty()) write(4, NotesAt(), 0, notes_.size(), notes_.size());
  for (std::size_t i = 0; i < loads_.size(); ++i) {
    write(1, DataAt(i), loads_[i].paddr, loads_[i].file_bytes, loads_[i].memory_bytes);
  }
}

void ElfBuilder::WriteSections(std::vector<std::byte>& out) const {
  if (!options_.pn_xnum && options_.section.empty()) return;
  const std::string shdr = Struct("shdr", options_.is64);
  const std::size_t size = Elf().SizeOf(shdr);
  const std::size_t at = out.size();
  out.resize(at + 2 * size);
  Elf().Put(out, at, shdr + ".info", loads_.size() + (notes_.empty() ? 0 : 1));
  Elf().Put(out, at + size, shdr + ".type", 3);
  Elf().Put(out, at + size, shdr + ".name", 1);
  Elf().Put(out, at + size, shdr + ".offset", at + 2 * size);
  Elf().Put(out, at + size, shdr + ".size", Names().size());
  PutText(out, at + 2 * size, Names());
}

std::vector<std::byte> ElfBuilder::Build() const {
  std::vector<std::byte> out;
  WriteHeader(out);
  WritePrograms(out);
  WriteSections(out);
  out.insert(out.end(), notes_.begin(), notes_.end());
  out.resize(out.size() + options_.data_skew);
  for (const Segment& load : loads_) {
    if (!load.stored) continue;
    for (std::uint64_t i = 0; i < load.file_bytes; ++i) {
      out.push_back(PatternByte(load.paddr + i));
    }
  }
  return out;
}

}  // namespace v2p::test
