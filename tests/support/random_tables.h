// Random page tables whose walks end in every way a mode has, each often enough to count.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "support/sparse_memory.h"

namespace v2p::test {

struct RandomTables {
  SparseMemory memory;
  std::uint64_t dtb = 0;  ///< with flag bits set that a walk must mask
  std::optional<std::uint64_t> ttbr1;
};

/// `mode` as in the tool's output; `split_roots` gives arm64 a TTBR1 of its own.
RandomTables MakeRandomTables(const std::string& mode, bool split_roots, std::mt19937_64& random);

/// An address for such tables, not canonical now and then.
std::uint64_t RandomAddress(const std::string& mode, bool split_roots, std::mt19937_64& random);

/// Counts of endings ("mapped 4096", "not-present", ...).
class Histogram {
 public:
  void Add(const std::string& ending) { ++counts_[ending]; }
  std::size_t Total() const;
  std::size_t Of(const std::string& ending) const;
  std::string Text() const;

 private:
  std::map<std::string, std::size_t> counts_;
};

}  // namespace v2p::test
