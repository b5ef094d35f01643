// The table of named formats. Only marks that are certain are listed: memory may begin with
// anything, and what is named here is not opened as raw without --as raw.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/named_formats.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace v2p {
namespace {

using namespace std::string_view_literals;

struct Mark {
  std::size_t at = 0;
  std::string_view bytes;
};

struct Row {
  std::string_view name;
  std::string_view description;
  std::string_view next_step;
  std::array<Mark, 6> marks;  // any of them; unused ones are empty
  bool (*also)(const ProbeView& probe) = nullptr;
};

bool Contains(std::span<const std::byte> bytes, std::string_view text) {
  const auto as_byte = [](char c) { return static_cast<std::byte>(c); };
  std::array<std::byte, 32> wanted{};
  std::transform(text.begin(), text.end(), wanted.begin(), as_byte);
  const auto end = wanted.begin() + static_cast<std::ptrdiff_t>(text.size());
  return std::search(bytes.begin(), bytes.end(), wanted.begin(), end) != bytes.end();
}

// AFF4 standard, section on ZIP containers: these members name the volume.
bool HasAff4Member(const ProbeView& probe) {
  return Contains(probe.head, "container.description") ||
         Contains(probe.head, "information.turtle");
}

// RFC 1951: block type 3 does not exist.
bool HasDeflateBlock(const ProbeView& probe) {
  const auto first = TryLoad<std::uint8_t>(probe.head, 2);
  return first && (*first >> 1U & 3U) != 3;
}

// mach-o/loader.h, mach_header_64.filetype MH_CORE.
bool IsMachCore(const ProbeView& probe) {
  return TryLoad<std::uint32_t>(probe.head, 12) == std::uint32_t{4};
}

// PE format: the DOS header's e_lfanew leads to the signature.
bool HasPeSignature(const ProbeView& probe) {
  const auto at = TryLoad<std::uint32_t>(probe.head, 0x3C);
  return at && HasText(probe.head, *at, "PE\0\0"sv);
}

constexpr std::string_view kTakeQemuElf =
    "take the dump as an ELF core: `virsh dump --memory-only`, or dump-guest-memory in the monitor";

constexpr Row kRows[] = {
    {"user-minidump",
     "Windows user-mode minidump (MDMP)",
     "it holds one process, not physical memory: take a kernel or complete dump",
     {{{0, "MDMP"sv}}},
     nullptr},
    {"avml-compressed",
     "AVML compressed image (snappy)",
     "decompress it first: avml-convert IN OUT.lime",
     {{{0, "AVML"sv}}},
     nullptr},
    {"kdump",
     "kdump-compressed dump",
     "write the dump as an ELF core: makedumpfile -E -d 0 /proc/vmcore OUT; with QEMU "
     "dump-guest-memory without -z, -l and -s",
     {{{0, "KDUMP   "sv}, {0, "DISKDUMP"sv}}},
     nullptr},
    {"makedumpfile-flattened",
     "flattened makedumpfile stream",
     "restore the file first: makedumpfile -R OUT < IN",
     {{{0, "makedumpfile\0\0\0\0"sv}}},
     nullptr},
    {"lkcd",
     "LKCD dump",
     "take the dump as an ELF core: makedumpfile -E -d 0 /proc/vmcore OUT",
     {{{0, "\xED\x23\x8F\x61\x73\x01\x19\xA8"sv}}},
     nullptr},
    {"qemu-savevm", "QEMU migration or savevm stream", kTakeQemuElf, {{{0, "QEVM"sv}}}, nullptr},
    {"libvirt-save",
     "libvirt saved guest",
     kTakeQemuElf,
     {{{0, "LibvirtQemudSave"sv}, {0, "LibvirtQemudPart"sv}}},
     nullptr},
    {"xen-save",
     "Xen saved guest",
     "acquire inside the guest, for example with LiME, AVML or WinPmem",
     {{{0, "Xen saved domain, xl format"sv}}},
     nullptr},
    {"vmware-state",
     "VMware suspended or snapshot state (.vmss, .vmsn)",
     "open the .vmem beside it with --platform vmware, or convert both with vmss2core",
     {{{0, "\xD0\xBE\xD0\xBE"sv},
       {0, "\xD2\xBE\xD2\xBE"sv},
       {0, "\xD0\xBE\xD2\xBE"sv},
       {0, "\xD3\xBE\xD3\xBE"sv},
       {0, "\xD1\xBA\xD1\xBA"sv},
       {0, "\xD2\xBA\xD2\xBA"sv}}},
     nullptr},
    {"virtualbox-saved-state",
     "VirtualBox saved state",
     "take the dump as an ELF core: VBoxManage debugvm NAME dumpvmcore --filename OUT.elf",
     {{{0, "\x7FVirtualBox SavedState V"sv}}},
     nullptr},
    {"hpak",
     "FDPro HPAK archive",
     "extract its memory first, with Volatility 2 hpakextract",
     {{{0, "HPAK"sv}}},
     nullptr},
    {"aff4",
     "AFF4 volume",
     "export the memory to a raw image first, with aff4imager",
     {{{0, "PK\3\4"sv}}},
     HasAff4Member},
    {"ewf",
     "EnCase (EWF) image",
     "export it to a raw image first: ewfexport -f raw IN",
     {{{0, "EVF\x09\x0D\x0A\xFF\x00"sv}, {0, "EVF2\x0D\x0A\x81\x00"sv}}},
     nullptr},
    {"aff",
     "AFF image",
     "export it to a raw image first: affconvert -r IN",
     {{{0, "AFF10\r\n"sv}}},
     nullptr},
    {"mach-o-core",
     "Mach-O core",
     "take a raw or ELF image instead",
     {{{0, "\xCF\xFA\xED\xFE"sv}}},
     IsMachCore},
    {"zip", "zip archive", "unpack it first: unzip IN", {{{0, "PK\3\4"sv}}}, nullptr},
    {"gzip",
     "gzip file",
     "decompress it first: gzip -dc IN > OUT",
     {{{0, "\x1F\x8B\x08"sv}}},
     nullptr},
    {"bzip2",
     "bzip2 file",
     "decompress it first: bzip2 -dk IN",
     {{{4, "1AY&SY"sv}}},
     [](const ProbeView& probe) { return HasText(probe.head, 0, "BZh"); }},
    {"xz",
     "xz file",
     "decompress it first: xz -dk IN",
     {{{0,
        "\xFD"
        "7zXZ\0"sv}}},
     nullptr},
    {"lz4",
     "lz4 file",
     "decompress it first: lz4 -d IN OUT",
     {{{0, "\x04\x22\x4D\x18"sv}, {0, "\x02\x21\x4C\x18"sv}}},
     nullptr},
    {"7z", "7-Zip archive", "unpack it first: 7z x IN", {{{0, "7z\xBC\xAF\x27\x1C"sv}}}, nullptr},
    {"tar",
     "tar archive",
     "unpack it first: tar xf IN",
     {{{257, "ustar\0"sv}, {257, "ustar  \0"sv}}},
     nullptr},
    {"zlib",
     "zlib stream (LiME writes one with compress=1)",
     "decompress it first: zlib-flate -uncompress < IN > OUT (Debian package qpdf); if it is raw "
     "memory after all: --as raw",
     {{{0, "\x78\x01"sv}, {0, "\x78\x5E"sv}, {0, "\x78\x9C"sv}, {0, "\x78\xDA"sv}}},
     HasDeflateBlock},
    {"qcow2",
     "QEMU disk image (qcow)",
     "a disk is not memory: take a memory image",
     {{{0, "QFI\xFB\0\0\0"sv}}},
     nullptr},
    {"vmdk",
     "VMware disk image",
     "a disk is not memory: take a memory image",
     {{{0, "KDMV"sv}}},
     nullptr},
    {"vhdx",
     "Hyper-V disk image (vhdx)",
     "a disk is not memory: take a memory image",
     {{{0, "vhdxfile"sv}}},
     nullptr},
    {"vhd",
     "Hyper-V disk image (vhd)",
     "a disk is not memory: take a memory image",
     {{{0, "conectix"sv}}},
     nullptr},
    {"vdi",
     "VirtualBox disk image",
     "a disk is not memory: take a memory image",
     {{{0x40, "\x7F\x10\xDA\xBE"sv}}},
     nullptr},
    {"pe",
     "Windows program (PE)",
     "a program is not memory: take a memory image",
     {{{0, "MZ"sv}}},
     HasPeSignature},
};

bool Matches(const Row& row, const ProbeView& probe) {
  bool marked = row.marks[0].bytes.empty();
  for (const Mark& mark : row.marks) {
    marked = marked || (!mark.bytes.empty() && HasText(probe.head, mark.at, mark.bytes));
  }
  return marked && (row.also == nullptr || row.also(probe));
}

// Format::recognise is a plain function: one instance a row.
template <std::size_t kRow>
bool RecogniseRow(const ProbeView& probe) {
  return Matches(kRows[kRow], probe);
}

template <std::size_t... kRow>
constexpr std::array<Format, sizeof...(kRow)> MakeFormats(std::index_sequence<kRow...>) {
  return {Format{kRows[kRow].name, kRows[kRow].description, RecogniseRow<kRow>, nullptr,
                 kRows[kRow].next_step}...};
}

constexpr auto kFormats = MakeFormats(std::make_index_sequence<std::size(kRows)>());

}  // namespace

std::span<const Format> NamedFormats() { return kFormats; }

}  // namespace v2p
