// Builds small hibernation files of Windows 8 and later, laid out by testdata/layouts/hiberfil.tsv.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace v2p::test {

/// The byte that these builders store for physical address `pa`: a page repeats one word of eight
/// bytes, another one in each page.
std::byte HiberByte(std::uint64_t pa);

enum class SetCoding { kRaw, kPlain, kHuffman };

struct FrameRun {
  std::uint64_t first = 0;
  std::uint64_t pages = 0;
};

/// The pages of `runs` one after another, compressed. Plain streams are written by hand; Huffman
/// ones by libwim, nothing where that is not installed.
std::optional<std::vector<std::byte>> CodedPages(std::span<const FrameRun> runs, SetCoding coding);

struct HiberSet {
  std::vector<FrameRun> runs;  ///< up to 16, of 16 pages in all
  SetCoding coding = SetCoding::kRaw;
  std::optional<unsigned> method;  ///< the four bits; by coding and header unless given
};

class ModernHiberfil {
 public:
  /// "modern64_3E0", "modern32_2C8": a structure of the layout table. A length of its own makes a
  /// header that no known Windows writes.
  explicit ModernHiberfil(std::string header, std::optional<std::uint32_t> length = std::nullopt);

  ModernHiberfil& Boot(HiberSet set);
  ModernHiberfil& Kernel(HiberSet set);
  ModernHiberfil& Signature(std::string_view text);
  /// Sets a header field after everything else.
  ModernHiberfil& Set(std::string_view field, std::uint64_t value);
  /// Bytes behind the kernel section, of an older hibernation.
  ModernHiberfil& Slack(std::vector<std::byte> bytes);

  std::vector<std::byte> Build();

  /// Of the i-th set in file order, known after Build: offset of its head and of its data.
  std::size_t HeadAt(std::size_t i) const { return heads_.at(i); }
  std::size_t DataAt(std::size_t i) const { return data_.at(i); }
  std::size_t KernelAt() const { return kernel_at_; }
  std::size_t FieldAt(std::string_view field) const;
  /// Bytes of the header.
  std::size_t HeaderBytes() const;

 private:
  std::string Path(std::string_view field) const;
  void Put(std::vector<std::byte>& out, std::string_view field, std::uint64_t value) const;
  std::uint64_t PutSection(std::vector<std::byte>& out, const std::vector<HiberSet>& sets);
  unsigned MethodOf(const HiberSet& set) const;

  std::string header_;
  std::uint32_t length_ = 0;
  bool is_64_ = true;
  std::string signature_ = "HIBR";
  std::vector<HiberSet> boot_, kernel_;
  std::vector<std::pair<std::string, std::uint64_t>> fields_;
  std::vector<std::byte> slack_;
  std::vector<std::size_t> heads_, data_;
  std::size_t kernel_at_ = 0;
};

}  // namespace v2p::test
