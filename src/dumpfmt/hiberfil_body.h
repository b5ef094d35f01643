// What the readers of a hibernation file's body find, whatever its generation.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "base/image_facts.h"
#include "base/page_index.h"
#include "dumpfmt/hiberfil_sets.h"

namespace v2p::hiberfil {

struct Body {
  std::string windows;  ///< which Windows wrote it, for the title
  Machine machine = Machine::kUnknown;
  SetTable sets;
  std::vector<StoredRun> runs;  ///< positions count the pages of `sets`
  std::uint64_t missing_pages = 0;
  bool all_listed = true;  ///< something tells how many pages there should be
  std::uint64_t end = 0;   ///< file offset behind the last set
  bool wiped = false;      ///< where sets should be there are zeros
  std::vector<Fact> facts;
  std::vector<std::string> warnings;
};

/// Looks at bytes of a source in place where that is possible. An I/O error ends everything: it is
/// kept, and nothing is seen from then on.
class Peeker {
 public:
  explicit Peeker(const ByteSource& source) : source_(&source) {}

  /// Up to `most` bytes at `offset`, fewer at the end of the source; valid until the next call.
  std::span<const std::byte> At(std::uint64_t offset, std::size_t most);

  /// As At, for a caller that walks upwards over most of the file: what lies ahead is read early.
  std::span<const std::byte> Ahead(std::uint64_t offset, std::size_t most);

  std::uint64_t Size() const { return source_->Size(); }
  const std::optional<Error>& Fault() const { return fault_; }

 private:
  const ByteSource* source_;
  BlockView view_;
  std::vector<std::byte> copy_;
  std::uint64_t ahead_ = 0;  // how far reading ahead has got
  std::optional<Error> fault_;
};

}  // namespace v2p::hiberfil
