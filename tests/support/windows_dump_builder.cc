// Windows crash dumps for tests, laid out by testdata/layouts/windows_dump.tsv.
// SPDX-License-Identifier: Apache-2.0
#include "support/windows_dump_builder.h"

#include <algorithm>
#include <stdexcept>

#include "support/layout.h"
#include "support/lime_builder.h"

namespace v2p::test {
namespace {

constexpr std::size_t kPage = 4096;

const Layout& Table() {
  static const Layout layout("windows_dump");
  return layout;
}

DumpBody BodyOf(std::uint32_t type) {
  switch (type) {
    case 2:
      return DumpBody::kSummary;
    case 3:
      return DumpBody::kNothing;
    case 4:
      return DumpBody::kTriage;
    case 5:
    case 6:
    case 7:
      return DumpBody::kBitmap;
    case 8:
    case 9:
    case 10:
      return DumpBody::kRanges;
    default:
      return DumpBody::kRuns;
  }
}

}  // namespace

WindowsDumpBuilder::WindowsDumpBuilder(bool is_64, std::uint32_t type, std::vector<Run> runs)
    : is_64_(is_64), body_(BodyOf(type)), runs_(std::move(runs)) {
  if (type == 5) signature_ = "FDMP";
  Set("DumpType", type);
  Set("MachineImageType", is_64 ? 0x8664 : 0x14C);
  Set("DirectoryTableBase", 0x1ad000);
  Set("MajorVersion", 15);
  Set("MinorVersion", 19041);
  Set("NumberProcessors", 2);
  if (!is_64) Set("PaeEnabled", 1);
}

WindowsDumpBuilder& WindowsDumpBuilder::Set(std::string_view field, std::uint64_t value) {
  fields_[std::string(field)] = value;
  return *this;
}

WindowsDumpBuilder& WindowsDumpBuilder::SetText(std::string_view field, std::string_view text) {
  texts_[std::string(field)] = text;
  return *this;
}

WindowsDumpBuilder& WindowsDumpBuilder::Body(DumpBody body) {
  body_ = body;
  return *this;
}

WindowsDumpBuilder& WindowsDumpBuilder::Signature(std::string_view signature) {
  signature_ = signature;
  return *this;
}

WindowsDumpBuilder& WindowsDumpBuilder::Bits(std::uint64_t bits) {
  bits_ = bits;
  return *this;
}

WindowsDumpBuilder& WindowsDumpBuilder::Gap(std::uint64_t bytes) {
  gap_ = bytes;
  return *this;
}

std::string WindowsDumpBuilder::Name(std::string_view path) const {
  const std::string width = is_64_ ? "64" : "32";
  const auto dot = path.find('.');
  const std::string_view structure = path.substr(0, dot);
  const std::string field(path.substr(dot));
  if (structure == "header") return "header" + width + field;
  if (structure != "second") throw std::runtime_error("no structure " + std::string(path));
  switch (body_) {
    case DumpBody::kSummary:
      return "summary" + width + field;
    case DumpBody::kBitmap:
      return "bitmap" + field;
    case DumpBody::kRanges:
      return "rdmp" + field;
    case DumpBody::kTriage:
      return "triage" + width + field;
    default:
      throw std::runtime_error("this dump has no second header");
  }
}

std::size_t WindowsDumpBuilder::HeaderBytes() const {
  return Table().SizeOf(is_64_ ? "header64" : "header32");
}

std::size_t WindowsDumpBuilder::At(std::string_view path) const {
  const std::size_t base = path.substr(0, 7) == "second." ? HeaderBytes() : 0;
  return base + Table().Get(Name(path)).at;
}

void WindowsDumpBuilder::Patch(std::vector<std::byte>& dump, std::string_view path,
                               std::uint64_t value) const {
  PutLe(dump, At(path), Table().Get(Name(path)).size, value);
}

std::uint64_t WindowsDumpBuilder::PageCount() const {
  std::uint64_t pages = 0;
  for (const Run& run : runs_) pages += run.pages;
  return pages;
}

std::uint64_t WindowsDumpBuilder::BitCount() const {
  if (bits_ != 0) return bits_;
  std::uint64_t bits = 0;
  for (const Run& run : runs_) bits = std::max(bits, run.first + run.pages);
  return bits;
}

void WindowsDumpBuilder::PutHeader(std::vector<std::byte>& out) const {
  for (std::size_t at = 0; at < HeaderBytes(); at += 4) PutText(out, at, "PAGE");
  PutText(out, 4, is_64_ ? "DU64" : "DUMP");
  if (body_ == DumpBody::kRuns) PutRuns(out);
  for (const auto& [field, value] : fields_) Patch(out, "header." + field, value);
  for (const auto& [field, text] : texts_) PutText(out, At("header." + field), text + '\0');
}

void WindowsDumpBuilder::PutRuns(std::vector<std::byte>& out) const {
  const std::string run = is_64_ ? "run64" : "run32";
  Patch(out, "header.NumberOfRuns", runs_.size());
  Patch(out, "header.NumberOfPages", PageCount());
  std::size_t at = At("header.Run");
  for (const Run& r : runs_) {
    Table().Put(out, at, run + ".BasePage", r.first);
    Table().Put(out, at, run + ".PageCount", r.pages);
    at += Table().SizeOf(run);
  }
}

// In bitmap order, which is ascending whatever the order of the runs.
void WindowsDumpBuilder::PutBits(std::vector<std::byte>& out, std::size_t at) const {
  out.resize(at + (BitCount() + 7) / 8);
  for (const Run& run : runs_) {
    for (std::uint64_t pfn = run.first; pfn < run.first + run.pages; ++pfn) {
      out[at + pfn / 8] |= static_cast<std::byte>(1U << (pfn % 8));
    }
  }
  out.resize(out.size() + gap_);
}

void WindowsDumpBuilder::PutSummary(std::vector<std::byte>& out) const {
  PutText(out, HeaderBytes(), signature_ + "DUMP");
  Patch(out, "second.DumpOptions", 1);
  Patch(out, "second.BitmapSize", BitCount());
  Patch(out, "second.SizeOfBitMap", BitCount());
  Patch(out, "second.Pages", PageCount());
  Patch(out, "second.Buffer", 0xFFFFFA8012345678);
  PutBits(out, At("second.Bitmap"));
  Patch(out, "second.HeaderSize", out.size());
}

void WindowsDumpBuilder::PutBitmap(std::vector<std::byte>& out) const {
  PutText(out, HeaderBytes(), signature_ + "DUMP");
  Patch(out, "second.DumpOptions", 0);
  Patch(out, "second.TotalPresentPages", PageCount());
  Patch(out, "second.Pages", BitCount());
  PutBits(out, At("second.Bitmap"));
  Patch(out, "second.FirstPage", out.size());
}

void WindowsDumpBuilder::PutRanges(std::vector<std::byte>& out) const {
  constexpr std::uint64_t kCounters = 0x10;
  const std::uint64_t metadata = kCounters + runs_.size() * Table().SizeOf("range");
  Patch(out, "second.Marker", 0x40);
  PutText(out, At("second.Signature"), "RDMPDUMP");
  Patch(out, "second.MetadataSize", metadata);
  Patch(out, "second.FirstPageOffset", At("second.NumberOfRanges") + metadata);
  Patch(out, "second.NumberOfRanges", runs_.size());
  Patch(out, "second.TotalNumberOfPages", PageCount());
  out.resize(At("second.Range"));
  for (const Run& run : runs_) {
    const std::size_t at = out.size();
    Table().Put(out, at, "range.StartPfn", run.first);
    Table().Put(out, at, "range.PageCount", run.pages);
  }
}

void WindowsDumpBuilder::PutTriage(std::vector<std::byte>& out) const {
  const std::string triage = is_64_ ? "triage64" : "triage32";
  out.resize(HeaderBytes() + Table().SizeOf(triage));
  Patch(out, "second.SizeOfDump", out.size() + 4);
  Patch(out, "second.ValidOffset", out.size());
  PutText(out, out.size(), "TRGD");
}

void WindowsDumpBuilder::PutPages(std::vector<std::byte>& out) {
  std::vector<Run> order = runs_;
  if (body_ == DumpBody::kSummary || body_ == DumpBody::kBitmap) {
    std::sort(order.begin(), order.end(),
              [](const Run& a, const Run& b) { return a.first < b.first; });
  }
  for (const Run& run : order) {
    for (std::uint64_t pfn = run.first; pfn < run.first + run.pages; ++pfn) {
      pages_[pfn] = out.size();
      for (std::size_t i = 0; i < kPage; ++i) out.push_back(PatternByte(pfn * kPage + i));
    }
  }
}

std::vector<std::byte> WindowsDumpBuilder::Build() {
  std::vector<std::byte> out;
  pages_.clear();
  PutHeader(out);
  switch (body_) {
    case DumpBody::kSummary:
      PutSummary(out);
      break;
    case DumpBody::kBitmap:
      PutBitmap(out);
      break;
    case DumpBody::kRanges:
      PutRanges(out);
      break;
    case DumpBody::kTriage:
      PutTriage(out);
      break;
    case DumpBody::kRuns:
    case DumpBody::kNothing:
      break;
  }
  if (body_ != DumpBody::kTriage && body_ != DumpBody::kNothing) PutPages(out);
  return out;
}

}  // namespace v2p::test
