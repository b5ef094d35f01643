// Process objects of Windows for synthetic images, laid out by
// testdata/layouts/windows_process.tsv. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "support/layout.h"
#include "support/windows_image.h"

namespace v2p::test {

/// EPROCESS of one build.
class ProcessLayout {
 public:
  ProcessLayout(ModeName mode, const std::string& layout);

  std::size_t Bytes() const { return table_.SizeOf(prefix_); }
  bool Has(const std::string& field) const { return table_.Has(prefix_ + "." + field); }
  std::size_t At(const std::string& field) const { return table_.Get(prefix_ + "." + field).at; }

  /// An object as it lies at `process.object`, not yet in the list. The fields that nobody names
  /// hold what `random` and `seed` say: the same kind of value in all objects of one seed.
  Blob Make(const BuiltProcess& process, std::uint64_t dtb, std::uint64_t user_dtb,
            std::uint64_t peb, std::uint64_t seed, std::mt19937_64& random) const;

 private:
  void PutNoise(Blob& bytes, std::uint64_t object, std::uint64_t seed,
                std::mt19937_64& random) const;
  void PutHeader(Blob& bytes, const BuiltProcess& process) const;

  const Layout& table_;
  std::string prefix_;
  ModeName mode_;
  unsigned build_;
};

}  // namespace v2p::test
