// Old hibernation files for tests.
// SPDX-License-Identifier: Apache-2.0
#include "support/legacy_hiberfil_builder.h"

#include <stdexcept>

#include "support/layout.h"

namespace v2p::test {
namespace {

constexpr std::size_t kPage = 0x1000;
constexpr std::size_t kFirstTable = 6;

const Layout& Offsets() {
  static const Layout layout("hiberfil");
  return layout;
}

// Service pack 2 of Vista and Windows 7 have tables of their own, all others that of XP.
std::string TableOf(const std::string& header) {
  const std::string bits = header.substr(header.find('_'));
  if (header.starts_with("vista2")) return "vista2" + bits;
  if (header.starts_with("win7")) return "win7" + bits;
  return "xp" + bits;
}

std::size_t RoundUp(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

}  // namespace

LegacyHiberfil::LegacyHiberfil(std::string header)
    : header_(std::move(header)),
      table_("table_" + TableOf(header_)),
      is_64_(header_.ends_with("x64")),
      signature_(header_.starts_with("xp") ? "hibr" : "HIBR") {
  const bool as_xp = table_.starts_with("table_xp");
  entry_ = std::string(as_xp ? "entry_xp_" : "entry_") + (is_64_ ? "x64" : "x86");
}

LegacyHiberfil& LegacyHiberfil::Table(std::vector<FrameRun> ranges, SetCoding coding) {
  parts_.push_back({std::move(ranges), coding});
  return *this;
}

LegacyHiberfil& LegacyHiberfil::Signature(std::string_view text) {
  signature_ = text;
  return *this;
}

LegacyHiberfil& LegacyHiberfil::Slack(std::vector<std::byte> bytes) {
  slack_ = std::move(bytes);
  return *this;
}

LegacyHiberfil& LegacyHiberfil::Processor(std::uint64_t page, std::uint64_t cr0, std::uint64_t cr3,
                                          std::uint64_t cr4, std::uint64_t idt) {
  registers_.push_back({page, cr0, cr3, cr4, idt});
  return *this;
}

std::size_t LegacyHiberfil::HeaderBytes() const { return Offsets().SizeOf(header_); }

std::size_t LegacyHiberfil::FieldAt(std::string_view field) const {
  return Offsets().Get(header_ + "." + std::string(field)).at;
}

std::size_t LegacyHiberfil::MostRanges() const {
  const auto& first = Offsets().Get(table_ + ".Entry");
  return (kPage - first.at) / first.size;
}

void LegacyHiberfil::PutTable(std::vector<std::byte>& out, const Part& part) {
  const std::size_t at = out.size();
  tables_.push_back(at);
  out.resize(at + kPage);
  if (table_.find("win7") == std::string::npos) {
    Offsets().Put(out, at, table_ + ".Next", 0xFFFFFA80'81A3C000);
  }
  Offsets().Put(out, at, table_ + ".EntryCount", part.ranges.size());
  const auto& first = Offsets().Get(table_ + ".Entry");
  std::size_t entry = at + first.at;
  for (const FrameRun& range : part.ranges) {
    Offsets().Put(out, entry, entry_ + ".StartPage", range.first);
    Offsets().Put(out, entry, entry_ + ".EndPage", range.first + range.pages);
    if (entry_.find("xp") != std::string::npos) {
      Offsets().Put(out, entry, entry_ + ".PageNo", 0x51);  // meant for the loader alone
      Offsets().Put(out, entry, entry_ + ".CheckSum", 0x1357'9BDF);
    }
    entry += first.size;
  }
}

// Sixteen pages a block, whatever ranges they come from.
void LegacyHiberfil::PutBlocks(std::vector<std::byte>& out, const Part& part) {
  std::vector<FrameRun> block;
  std::uint64_t pages = 0;
  const auto flush = [&] {
    const auto data = CodedPages(block, part.coding);
    if (!data || pages == 0) return;
    out.resize(RoundUp(out.size(), 8));
    const std::size_t at = out.size();
    blocks_.push_back(at);
    PutText(out, at, "\x81\x81xpress");
    PutLe(out, at + Offsets().Get("block.Info").at, 4, (pages - 1) | (data->size() - 1) << 10U);
    out.resize(at + Offsets().SizeOf("block"));
    out.insert(out.end(), data->begin(), data->end());
    block.clear();
    pages = 0;
  };
  for (const FrameRun& range : part.ranges) {
    for (std::uint64_t i = 0; i < range.pages; ++i) {
      block.push_back({range.first + i, 1});
      if (++pages == 16) flush();
    }
  }
  flush();
}

std::vector<std::byte> LegacyHiberfil::Build() {
  blocks_.clear();
  tables_.clear();
  std::vector<std::byte> out(kFirstTable * kPage);
  PutText(out, 0, signature_);
  Offsets().Put(out, 0, header_ + ".LengthSelf", HeaderBytes());
  Offsets().Put(out, 0, header_ + ".PageSize", kPage);
  Offsets().Put(out, 0, header_ + ".SystemTime", 0x01CA'0000'0000'0000);
  Offsets().Put(out, 0, header_ + ".FirstTablePage", kFirstTable);
  const std::string state = is_64_ ? "processor_x64." : "processor_x86.";
  for (const Registers& r : registers_) {
    Offsets().Put(out, r.page * kPage, state + "Cr0", r.cr0);
    Offsets().Put(out, r.page * kPage, state + "Cr3", r.cr3);
    Offsets().Put(out, r.page * kPage, state + "Cr4", r.cr4);
    Offsets().Put(out, r.page * kPage, state + "IdtrBase", r.idt);
  }
  for (const Part& part : parts_) {
    if (!tables_.empty()) {
      Offsets().Put(out, tables_.back(), table_ + ".NextTable", out.size() / kPage);
    }
    PutTable(out, part);
    PutBlocks(out, part);
    if (&part != &parts_.back()) out.resize(RoundUp(out.size(), kPage));
  }
  out.insert(out.end(), slack_.begin(), slack_.end());
  return out;
}

}  // namespace v2p::test
