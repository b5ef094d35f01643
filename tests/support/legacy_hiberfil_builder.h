// Builds small hibernation files of Windows XP to 7, laid out by testdata/layouts/hiberfil.tsv.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/hiberfil_builder.h"

namespace v2p::test {

/// Every page holds HiberByte of its physical addresses; links hold garbage, as in real files.
class LegacyHiberfil {
 public:
  /// "xp_x86", "vista0_x64", ... "win7_x64": a header of the layout table.
  explicit LegacyHiberfil(std::string header);

  /// A table of these ranges and its blocks; tables follow each other.
  LegacyHiberfil& Table(std::vector<FrameRun> ranges, SetCoding coding = SetCoding::kPlain);
  LegacyHiberfil& Signature(std::string_view text);
  LegacyHiberfil& Slack(std::vector<std::byte> bytes);
  /// Control registers on file page `page`.
  LegacyHiberfil& Processor(std::uint64_t page, std::uint64_t cr0, std::uint64_t cr3,
                            std::uint64_t cr4, std::uint64_t idt);

  std::vector<std::byte> Build();

  /// Known after Build: file offsets of the headers of all blocks and of the tables.
  const std::vector<std::size_t>& Blocks() const { return blocks_; }
  const std::vector<std::size_t>& Tables() const { return tables_; }
  std::size_t HeaderBytes() const;
  std::size_t FieldAt(std::string_view field) const;
  /// How many ranges a table can hold.
  std::size_t MostRanges() const;
  bool Is64() const { return is_64_; }

 private:
  struct Part {
    std::vector<FrameRun> ranges;
    SetCoding coding;
  };
  struct Registers {
    std::uint64_t page, cr0, cr3, cr4, idt;
  };

  void PutTable(std::vector<std::byte>& out, const Part& part);
  void PutBlocks(std::vector<std::byte>& out, const Part& part);

  std::string header_, table_, entry_;
  bool is_64_;
  std::string signature_;
  std::vector<Part> parts_;
  std::vector<Registers> registers_;
  std::vector<std::byte> slack_;
  std::vector<std::size_t> blocks_, tables_;
};

}  // namespace v2p::test
