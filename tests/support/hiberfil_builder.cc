// Hibernation files for tests.
// SPDX-License-Identifier: Apache-2.0
#include "support/hiberfil_builder.h"

#include <algorithm>
#include <stdexcept>

#include "support/layout.h"
#include "support/xpress_oracles.h"

namespace v2p::test {
namespace {

constexpr std::size_t kPage = 0x1000;
constexpr std::size_t kFirstSection = 7 * kPage;

const Layout& Table() {
  static const Layout layout("hiberfil");
  return layout;
}

std::vector<std::byte> PlainPages(std::span<const FrameRun> runs) {
  std::vector<std::byte> out;
  for (const FrameRun& run : runs) {
    for (std::uint64_t i = 0; i < run.pages * kPage; ++i) {
      out.push_back(HiberByte(run.first * kPage + i));
    }
  }
  return out;
}

// [MS-XCA] 2.3: a page is eight literals and one match of 4088 bytes at distance 8.
class PlainEncoder {
 public:
  void Page(std::span<const std::byte> bytes) {
    for (std::size_t i = 0; i < 8; ++i) {
      Flag(false);
      out_.push_back(bytes[i]);
    }
    Flag(true);
    const std::size_t at = out_.size();
    PutLe(out_, at, 2, (8U - 1) << 3U | 7U);
    if (half_byte_) {  // the upper half of the byte that an earlier match left
      out_[*half_byte_] |= std::byte{0xF0};
      half_byte_.reset();
    } else {
      half_byte_ = out_.size();
      out_.push_back(std::byte{0x0F});
    }
    out_.push_back(std::byte{0xFF});
    PutLe(out_, out_.size(), 2, kPage - 8 - 3);
  }
  std::vector<std::byte> Finish() {
    for (; used_ < 32; ++used_) flags_ = flags_ << 1U | 1U;
    PutLe(out_, flags_at_, 4, flags_);
    return out_;
  }

 private:
  void Flag(bool match) {
    if (used_ == 32) {
      if (!out_.empty()) PutLe(out_, flags_at_, 4, flags_);
      flags_at_ = out_.size();
      out_.resize(out_.size() + 4);
      used_ = 0;
    }
    flags_ = flags_ << 1U | (match ? 1U : 0U);
    ++used_;
  }

  std::vector<std::byte> out_;
  std::uint32_t flags_ = 0;
  unsigned used_ = 32;
  std::size_t flags_at_ = 0;
  std::optional<std::size_t> half_byte_;
};

}  // namespace

std::byte HiberByte(std::uint64_t pa) {
  const std::uint64_t word = (pa / kPage + 1) * 0x9E37'79B9'7F4A'7C15;
  return static_cast<std::byte>(word >> (pa % 8 * 8));
}

std::optional<std::vector<std::byte>> CodedPages(std::span<const FrameRun> runs, SetCoding coding) {
  const std::vector<std::byte> plain = PlainPages(runs);
  if (coding == SetCoding::kRaw) return plain;
  if (coding == SetCoding::kHuffman) {
    static const XpressEncoder encoder = WimHuffmanEncoder();
    return encoder ? encoder(plain) : std::nullopt;
  }
  PlainEncoder encoder;
  for (std::size_t at = 0; at < plain.size(); at += kPage) {
    encoder.Page(std::span(plain).subspan(at, kPage));
  }
  return encoder.Finish();
}

ModernHiberfil::ModernHiberfil(std::string header, std::optional<std::uint32_t> length)
    : header_(std::move(header)), is_64_(header_.substr(0, 8) == "modern64") {
  length_ = length.value_or(static_cast<std::uint32_t>(Table().SizeOf(header_)));
}

ModernHiberfil& ModernHiberfil::Boot(HiberSet set) {
  boot_.push_back(std::move(set));
  return *this;
}

ModernHiberfil& ModernHiberfil::Kernel(HiberSet set) {
  kernel_.push_back(std::move(set));
  return *this;
}

ModernHiberfil& ModernHiberfil::Signature(std::string_view text) {
  signature_ = text;
  return *this;
}

ModernHiberfil& ModernHiberfil::Set(std::string_view field, std::uint64_t value) {
  fields_.emplace_back(field, value);
  return *this;
}

ModernHiberfil& ModernHiberfil::Slack(std::vector<std::byte> bytes) {
  slack_ = std::move(bytes);
  return *this;
}

// A field of one header, or one that all have.
std::string ModernHiberfil::Path(std::string_view field) const {
  const std::string common = std::string(is_64_ ? "modern64." : "modern32.") + std::string(field);
  try {
    Table().Get(common);
    return common;
  } catch (const std::runtime_error&) {
    return header_ + "." + std::string(field);
  }
}

void ModernHiberfil::Put(std::vector<std::byte>& out, std::string_view field,
                         std::uint64_t value) const {
  Table().Put(out, 0, Path(field), value);
}

std::size_t ModernHiberfil::FieldAt(std::string_view field) const {
  return Table().Get(Path(field)).at;
}

std::size_t ModernHiberfil::HeaderBytes() const { return Table().SizeOf(header_); }

unsigned ModernHiberfil::MethodOf(const HiberSet& set) const {
  if (set.method) return *set.method;
  if (set.coding != SetCoding::kHuffman) return 0;
  return length_ >= 0x4D8 ? 0x4 : 0x8;
}

std::uint64_t ModernHiberfil::PutSection(std::vector<std::byte>& out,
                                         const std::vector<HiberSet>& sets) {
  std::uint64_t total = 0;
  for (const HiberSet& set : sets) {
    const auto data = CodedPages(set.runs, set.coding);
    if (!data) throw std::runtime_error("no encoder for this set");
    heads_.push_back(out.size());
    PutLe(out, out.size(), 4, set.runs.size() | data->size() << 8U | MethodOf(set) << 28U);
    for (const FrameRun& run : set.runs) {
      PutLe(out, out.size(), is_64_ ? 8 : 4, run.first << 4U | (run.pages - 1));
      total += run.pages;
    }
    data_.push_back(out.size());
    out.insert(out.end(), data->begin(), data->end());
  }
  return total;
}

std::vector<std::byte> ModernHiberfil::Build() {
  heads_.clear();
  data_.clear();
  std::vector<std::byte> out(kFirstSection);
  PutText(out, 0, signature_);
  Put(out, "LengthSelf", length_);
  Put(out, "PageSize", kPage);
  Put(out, "SystemTime", 0x01DA'0000'0000'0000);
  Put(out, "InterruptTime", 0x1234'5678);
  const std::uint64_t boot_pages = PutSection(out, boot_);
  out.resize((out.size() + kPage - 1) / kPage * kPage + (boot_.empty() ? 0 : kPage));
  kernel_at_ = out.size();
  const std::uint64_t kernel_pages = PutSection(out, kernel_);
  out.insert(out.end(), slack_.begin(), slack_.end());
  Put(out, "NumPagesForLoader", boot_pages);
  Put(out, "FirstBootRestorePage", boot_.empty() ? 0 : kFirstSection / kPage);
  Put(out, "FirstKernelRestorePage", kernel_.empty() ? 0 : kernel_at_ / kPage);
  Put(out, "KernelPagesProcessed", kernel_pages);
  for (const auto& [field, value] : fields_) Put(out, field, value);
  return out;
}

}  // namespace v2p::test
