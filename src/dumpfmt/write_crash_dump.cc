// Writes Windows crash dumps: a bitmap dump (type 5) for 64 bits, a full dump (type 1) for 32.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/bytes.h"
#include "dumpfmt/image_writer.h"
#include "dumpfmt/windows_layout.h"

namespace v2p {
namespace {

using windows::HeaderLayout;
namespace bitmap = windows::bitmap_header;

constexpr std::uint32_t kFreeBuild = 0xF;  // MajorVersion of a release build
constexpr std::string_view kComment = "Converted by v2p";

// The first header; what nobody knows keeps the filler, which readers take as not set.
class HeaderBytes {
 public:
  explicit HeaderBytes(const HeaderLayout& layout) : layout_(layout), bytes_(layout.bytes) {
    for (std::size_t at = 0; at < bytes_.size(); at += 4) U32(at, windows::kFiller32);
  }

  void Text(std::size_t at, std::string_view text) {
    std::memcpy(bytes_.data() + at, text.data(), text.size());
  }
  void U32(std::size_t at, std::uint32_t value) { StoreLe(bytes_.data() + at, value); }
  void U64(std::size_t at, std::uint64_t value) { StoreLe(bytes_.data() + at, value); }
  void Word(std::size_t at, std::optional<std::uint64_t> value) {
    if (!value) return;
    if (layout_.word == 8) return U64(at, *value);
    U32(at, static_cast<std::uint32_t>(*value));
  }
  void U8(std::size_t at, bool value) { bytes_[at] = static_cast<std::byte>(value); }

  std::span<const std::byte> Bytes() const { return bytes_; }

 private:
  const HeaderLayout& layout_;
  std::vector<std::byte> bytes_;
};

std::uint32_t MachineOf(ModeName mode) {
  switch (mode) {
    case ModeName::kX86:
    case ModeName::kPae:
      return windows::kMachineX86;
    case ModeName::kArm64:
      return windows::kMachineArm64;
    case ModeName::kX64:
    case ModeName::kX64La57:
      break;
  }
  return windows::kMachineX64;
}

HeaderBytes CommonHeader(const HeaderLayout& layout, const ImageFacts& facts, const DtbClaim& root,
                         std::uint32_t type) {
  HeaderBytes header(layout);
  const bool is_64 = layout.word == 8;
  header.Text(0, is_64 ? "PAGEDU64" : "PAGEDUMP");
  header.U32(layout.major_version, kFreeBuild);
  header.U32(layout.minor_version, facts.windows.build.value_or(0));
  header.Word(layout.directory_table_base, root.value);
  header.Word(layout.pfn_database, facts.windows.pfn_database);
  header.Word(layout.loaded_modules, facts.windows.loaded_modules);
  header.Word(layout.active_processes, facts.windows.active_processes);
  header.Word(layout.debugger_data, facts.windows.debugger_data);
  header.U32(layout.machine, MachineOf(*root.mode));
  header.U32(layout.processors,
             std::max<std::uint32_t>(1, static_cast<std::uint32_t>(facts.cpus.size())));
  header.U32(layout.bugcheck_code, 0);
  header.U32(layout.dump_type, type);
  header.Text(layout.comment, kComment);
  header.U8(layout.comment + kComment.size(), false);
  return header;
}

class BitmapDumpWriter final : public ImageWriter {
 public:
  BitmapDumpWriter(NewFile& file, const Image& image, const DtbClaim& root)
      : file_(file),
        header_(CommonHeader(windows::kHeader64, image.facts, root, windows::kTypeBitmapFull)),
        bits_(PagesIn(image.memory->End().value)),
        bitmap_((bits_ + 7) / 8) {
    const std::uint64_t end = windows::kHeader64.bytes + bitmap::kBitmapAt + bitmap_.size();
    first_page_ = PagesIn(end) * kPageBytes;
  }

  Status Put(PhysAddr at, std::span<const std::byte> bytes) override {
    const std::uint64_t first = Pfn(at).value;
    for (std::uint64_t pfn = first; pfn < first + bytes.size() / kPageBytes; ++pfn) {
      bitmap_[pfn / 8] |= static_cast<std::byte>(1U << pfn % 8);
    }
    const std::uint64_t where = first_page_ + pages_ * kPageBytes;
    pages_ += bytes.size() / kPageBytes;
    return file_.WriteAt(where, bytes);
  }

  Status Finish() override {
    const HeaderLayout& layout = windows::kHeader64;
    header_.U64(layout.required_space, first_page_ + pages_ * kPageBytes);
    std::vector<std::byte> second(bitmap::kBitmapAt);
    std::memcpy(second.data(), "FDMPDUMP", 8);
    StoreLe(second.data() + bitmap::kFirstPageAt, first_page_);
    StoreLe(second.data() + bitmap::kPagesAt, pages_);
    StoreLe(second.data() + bitmap::kBitsAt, bits_);
    for (const Status& put :
         {file_.WriteAt(0, header_.Bytes()), file_.WriteAt(layout.bytes, second),
          file_.WriteAt(layout.bytes + bitmap::kBitmapAt, bitmap_),
          file_.Resize(first_page_ + pages_ * kPageBytes)}) {
      if (!put) return put;
    }
    return {};
  }

 private:
  NewFile& file_;
  HeaderBytes header_;
  std::uint64_t bits_;
  std::vector<std::byte> bitmap_;
  std::uint64_t first_page_ = 0;
  std::uint64_t pages_ = 0;
};

class FullDumpWriter final : public ImageWriter {
 public:
  FullDumpWriter(NewFile& file, const Image& image, const DtbClaim& root)
      : file_(file),
        header_(CommonHeader(windows::kHeader32, image.facts, root, windows::kTypeFull)) {
    header_.U8(windows::kHeader32.pae_enabled, *root.mode == ModeName::kPae);
  }

  Status Put(PhysAddr at, std::span<const std::byte> bytes) override {
    const HeaderLayout& layout = windows::kHeader32;
    if (runs_.empty() || runs_.back().begin + runs_.back().bytes != at) {
      if (runs_.size() == layout.run_capacity) {
        return Fail(ErrorKind::kUnsupported,
                    fmt::format("a 32-bit dump holds {} runs of memory, this image has more; "
                                "--to lime has no limit",
                                layout.run_capacity));
      }
      runs_.push_back({at, 0, {}});
    }
    runs_.back().bytes += bytes.size();
    const std::uint64_t where = layout.bytes + pages_ * kPageBytes;
    pages_ += bytes.size() / kPageBytes;
    return file_.WriteAt(where, bytes);
  }

  Status Finish() override {
    const HeaderLayout& layout = windows::kHeader32;
    header_.U32(layout.run_count, static_cast<std::uint32_t>(runs_.size()));
    header_.U32(layout.page_count, static_cast<std::uint32_t>(pages_));
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      const std::size_t at = layout.runs + i * layout.run_bytes;
      header_.U32(at, static_cast<std::uint32_t>(Pfn(runs_[i].begin).value));
      header_.U32(at + 4, static_cast<std::uint32_t>(runs_[i].bytes / kPageBytes));
    }
    header_.U64(layout.required_space, layout.bytes + pages_ * kPageBytes);
    return file_.WriteAt(0, header_.Bytes());
  }

 private:
  NewFile& file_;
  HeaderBytes header_;
  std::vector<Extent> runs_;
  std::uint64_t pages_ = 0;
};

}  // namespace

Result<std::unique_ptr<ImageWriter>> MakeCrashDumpWriter(NewFile& file, const Image& image,
                                                         const ConvertOptions& options) {
  std::optional<DtbClaim> root = options.root;
  if (!root && !image.facts.dtb_claims.empty()) root = image.facts.dtb_claims.front();
  if (!root) return Fail(ErrorKind::kNoRoot, "a crash dump names a page table root: give --dtb");
  if (!root->mode) return Fail(ErrorKind::kNoMode, "a crash dump names the machine: give --mode");
  if (*root->mode == ModeName::kX86 || *root->mode == ModeName::kPae) {
    return std::make_unique<FullDumpWriter>(file, image, *root);
  }
  return std::make_unique<BitmapDumpWriter>(file, image, *root);
}

}  // namespace v2p
