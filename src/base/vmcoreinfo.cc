// Parsing of VMCOREINFO text.
// SPDX-License-Identifier: Apache-2.0
#include "base/vmcoreinfo.h"

#include <charconv>

namespace v2p {
namespace {

// Linux arch/x86/include/asm/page_64_types.h, __START_KERNEL_map.
constexpr std::uint64_t kX64KernelMap = 0xFFFFFFFF80000000;

std::optional<std::uint64_t> ParseBase(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> Hex(std::string_view text) { return ParseBase(text, 16); }

// NUMBER() is printed with %ld, or with 0x%lx by newer ARM64 kernels.
std::optional<std::uint64_t> Number(std::string_view text) {
  if (text.starts_with("0x")) return ParseBase(text.substr(2), 16);
  const bool negative = text.starts_with("-");
  const auto value = ParseBase(negative ? text.substr(1) : text, 10);
  if (!value) return std::nullopt;
  return negative ? 0 - *value : *value;
}

void TakeLine(std::string_view key, std::string_view value, Vmcoreinfo& info) {
  if (key == "OSRELEASE") info.release = std::string(value);
  if (key == "PAGESIZE") info.page_bytes = Number(value);
  if (key == "KERNELOFFSET") info.kernel_offset = Hex(value);
  if (key == "SYMBOL(swapper_pg_dir)") info.swapper_pg_dir = Hex(value);
  if (key == "SYMBOL(init_top_pgt)") info.init_top_pgt = Hex(value);
  if (key == "NUMBER(phys_base)") info.phys_base = Number(value);
  if (key == "NUMBER(pgtable_l5_enabled)") info.five_levels = Number(value);
  if (key == "NUMBER(VA_BITS)") info.va_bits = Number(value);
  if (key == "NUMBER(kimage_voffset)") info.kimage_voffset = Number(value);
}

}  // namespace

Vmcoreinfo ParseVmcoreinfo(std::string_view text) {
  Vmcoreinfo info;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos) {
      TakeLine(line.substr(0, equals), line.substr(equals + 1), info);
    }
  }
  return info;
}

std::optional<std::uint64_t> KernelRoot(const Vmcoreinfo& info, Machine machine) {
  const auto root = info.init_top_pgt ? info.init_top_pgt : info.swapper_pg_dir;
  if (!root) return std::nullopt;
  if (machine == Machine::kX64 && info.phys_base) return *root - kX64KernelMap + *info.phys_base;
  if (machine == Machine::kArm64 && info.kimage_voffset) return *root - *info.kimage_voffset;
  return std::nullopt;
}

std::vector<Fact> Facts(const Vmcoreinfo& info) {
  std::vector<Fact> facts;
  const auto hex = [&](const char* key, const std::optional<std::uint64_t>& value) {
    if (value) facts.push_back({key, Hex64{*value}});
  };
  if (info.release) facts.push_back({"linux-release", *info.release});
  if (info.page_bytes) facts.push_back({"page-bytes", *info.page_bytes});
  hex("kernel-offset", info.kernel_offset);
  hex("swapper-pg-dir", info.swapper_pg_dir);
  hex("init-top-pgt", info.init_top_pgt);
  hex("phys-base", info.phys_base);
  hex("kimage-voffset", info.kimage_voffset);
  if (info.five_levels) facts.push_back({"five-levels", *info.five_levels != 0});
  if (info.va_bits) facts.push_back({"va-bits", *info.va_bits});
  return facts;
}

}  // namespace v2p
