// The header of modern hibernation files, and which of their sections are read.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/hiberfil_modern.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "dumpfmt/hiberfil_layout.h"
#include "dumpfmt/hiberfil_section.h"
#include "dumpfmt/windows_text.h"

namespace v2p::hiberfil {
namespace {

const ModernLayout* KnownLayout(std::uint32_t length) {
  const auto found =
      std::find_if(kModernLayouts.begin(), kModernLayouts.end(),
                   [&](const ModernLayout& layout) { return layout.length == length; });
  return found == kModernLayouts.end() ? nullptr : &*found;
}

const StableFields& Stable(bool is_64) { return is_64 ? kStable64 : kStable32; }

bool HasPageSize(const Record& page0, bool is_64) {
  return page0.U32(Stable(is_64).page_size) == kPageBytes;
}

// One that is larger than any known header but has the page size where it belongs.
const ModernLayout* NewerLayout(const Record& page0, std::uint32_t length) {
  for (const ModernLayout* layout : {&kNewer64, &kNewer32}) {
    if (length >= Stable(layout->is_64).least_bytes && length <= kPageBytes &&
        HasPageSize(page0, layout->is_64)) {
      return layout;
    }
  }
  return nullptr;
}

// More pages than physical addresses reach cannot be meant.
std::optional<std::uint64_t> PageTotal(std::uint64_t pages) {
  if (pages == 0 || pages > PageIndex::kFrames) return std::nullopt;
  return pages;
}

class Reader {
 public:
  Reader(const ByteSource& source, const Record& page0)
      : file_(source), page0_(page0), length_(page0.U32(kLengthSelfAt)) {
    const ModernLayout* known = KnownLayout(length_);
    unknown_ = known == nullptr;
    layout_ = unknown_ ? NewerLayout(page0, length_) : known;
  }

  Result<Body> Read() {
    body_.sets = SetTable(length_ >= kWideMethodLength ? MethodRule::kWide : MethodRule::kTwoBits);
    body_.windows = fmt::format("{}, {}-bit", layout_->windows, layout_->is_64 ? 64 : 32);
    if (!layout_->is_64) body_.machine = Machine::kX86;  // 64 bits may be x64 or ARM64
    Warn();
    AddHeaderFacts();
    ReadPart("boot", layout_->boot_page, LoaderPages());
    ReadPart("kernel", layout_->kernel_page, KernelPages());
    AddSkipped("secure", layout_->secure_page);
    AddSkipped("checksum", layout_->checksum_page);
    if (file_.Fault()) return tl::unexpected<Error>(*file_.Fault());
    body_.wiped = body_.sets.Count() == 0 && zeros_ > 0 && zeros_ == parts_.size();
    if (body_.sets.Count() == 0 && !body_.wiped) return NothingFound();
    for (const Part& part : parts_) {
      if (body_.wiped) {
        body_.missing_pages += part.pages.value_or(0);
      } else {
        Compare(part);
      }
    }
    return std::move(body_);
  }

 private:
  std::uint64_t FilePage(std::size_t field) const {
    if (field == 0) return 0;
    return layout_->is_64 ? page0_.U64(field) : page0_.U32(field);
  }
  std::optional<std::uint64_t> LoaderPages() const {
    return PageTotal(page0_.U64(Stable(layout_->is_64).loader_pages));
  }
  std::optional<std::uint64_t> KernelPages() const {
    return layout_->kernel_pages == 0 ? std::nullopt : PageTotal(page0_.U64(layout_->kernel_pages));
  }

  void Warn() {
    if (unknown_) {
      body_.warnings.push_back(fmt::format(
          "the header has {:#x} bytes, as no known Windows writes it: it is read by the "
          "fields that have not moved since Windows 10",
          length_));
    }
    if (!HasPageSize(page0_, layout_->is_64)) {
      body_.warnings.emplace_back("the header's page size is not 4096");
    }
  }

  void AddHeaderFacts() {
    const StableFields& at = Stable(layout_->is_64);
    Add("header-bytes", Hex64{length_});
    Add("windows", std::string(layout_->windows));
    if (const auto time = page0_.U64(at.system_time)) {
      Add("system-time", windows::FileTimeText(time));
    }
    if (const auto time = page0_.U64(at.interrupt_time)) {
      Add("time-since-boot", windows::DurationText(time));
    }
    if (unknown_) return;
    Add("fast-startup", (page0_.U8(layout_->hiberboot) & 1U) != 0);
    const std::uint64_t highest =
        layout_->is_64 ? page0_.U64(layout_->highest_page) : page0_.U32(layout_->highest_page);
    if (highest != 0) Add("highest-frame", Hex64{highest});
  }

  // A section ends where the next one begins, or with the file.
  std::uint64_t LimitOf(std::uint64_t begin) const {
    std::uint64_t limit = file_.Size();
    for (const std::size_t field :
         {layout_->secure_page, layout_->boot_page, layout_->kernel_page, layout_->checksum_page}) {
      const std::uint64_t page = FilePage(field);
      if (page <= limit / kPageBytes && page * kPageBytes > begin) limit = page * kPageBytes;
    }
    return limit;
  }

  struct Part {
    std::string name;
    std::optional<std::uint64_t> pages;  // as the header counts them
    SectionResult result;
  };

  void ReadPart(const std::string& name, std::size_t field, std::optional<std::uint64_t> pages) {
    const std::uint64_t page = FilePage(field);
    if (page == 0) return;  // no such section
    if (pages) Add(name + "-pages", *pages);
    if (page >= PagesIn(file_.Size())) {
      body_.warnings.push_back(
          fmt::format("the {} section begins past the end of the file: it is truncated", name));
      body_.missing_pages += pages.value_or(0);
      return;
    }
    const std::uint64_t begin = page * kPageBytes;
    const Section section{begin, LimitOf(begin), pages, layout_->is_64};
    const SectionResult result = ReadSection(file_, section, body_);
    Add(name + "-section-offset", Hex64{begin});
    Add(name + "-section-bytes", result.end - begin);
    Add(name + "-sets", result.sets);
    body_.end = std::max(body_.end, result.end);
    if (result.sets == 0 && result.begins_with_zeros) ++zeros_;
    parts_.push_back({name, pages, result});
  }

  void Compare(const Part& part) {
    const SectionResult& result = part.result;
    if (!part.pages) {
      body_.all_listed = false;
      body_.warnings.push_back(fmt::format(
          "the header does not tell the pages of the {} section: it is read to where its sets end, "
          "{} pages",
          part.name, result.pages));
      return;
    }
    if (result.gaps != 0) {
      body_.warnings.push_back(
          fmt::format("the {} section is damaged: {} times the way from set to set was lost and "
                      "found again",
                      part.name, result.gaps));
    }
    if (result.pages >= *part.pages) return;
    body_.missing_pages += *part.pages - result.pages;
    body_.warnings.push_back(
        fmt::format("of the {} section's {} pages {} were found, up to file offset {:#x}",
                    part.name, *part.pages, result.pages, result.end));
  }

  void AddSkipped(const std::string& name, std::size_t field) {
    const std::uint64_t page = FilePage(field);
    if (page == 0 || page > std::numeric_limits<std::uint64_t>::max() / kPageBytes) return;
    Add(name + "-section-offset", Hex64{page * kPageBytes});
    if (name == "secure") Add("secure-section", std::string("skipped: its pages are encrypted"));
  }

  Result<Body> NothingFound() const {
    const std::uint64_t page = std::max(FilePage(layout_->boot_page), std::uint64_t{1});
    if (page >= file_.Size() / kPageBytes ||
        file_.Size() - page * kPageBytes < kMostStored + kMostHeadBytes) {
      return Fail(ErrorKind::kTruncated, "the file ends before the first pages of memory",
                  FileOffset(file_.Size()));
    }
    return Fail(ErrorKind::kCorrupt, "there is no compression set where memory should begin",
                FileOffset(page * kPageBytes));
  }

  template <class T>
  void Add(std::string key, T value) {
    body_.facts.push_back({std::move(key), FactValue(value)});
  }

  Peeker file_;
  const Record& page0_;
  std::uint32_t length_;
  const ModernLayout* layout_ = nullptr;
  bool unknown_ = false;
  std::vector<Part> parts_;
  std::size_t zeros_ = 0;  // of the parts: those that begin with zeros and hold nothing
  Body body_;
};

}  // namespace

bool IsModern(const Record& page0) {
  const std::uint32_t length = page0.U32(kLengthSelfAt);
  return KnownLayout(length) != nullptr || NewerLayout(page0, length) != nullptr;
}

Result<Body> ReadModern(const ByteSource& source, const Record& page0) {
  return Reader(source, page0).Read();
}

}  // namespace v2p::hiberfil
