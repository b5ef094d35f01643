// What `v2p maps` shows, in its forms.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/args.h"
#include "locate/root.h"
#include "translate/leaves.h"

namespace v2p::cli {

/// An address space to list, and whose it is.
struct MapsSpace {
  Root root;
  std::optional<std::uint64_t> pid;
  std::string name;  ///< raw bytes of the image; empty: not known
};

/// Writes to strings as it goes: the list is never held.
class MapsReport {
 public:
  MapsReport(OutputFormat format, const std::string& image) : format_(format), image_(image) {}

  std::string Begin() const;
  void BeginSpace(const MapsSpace& space, std::string* out) const;
  /// `present`: bytes of the range that the image holds.
  void Add(const MapsSpace& space, const LeafRange& range, std::uint64_t present, std::string* out);
  void End(std::uint64_t absent_tables, bool complete, const Error* error, std::string* out) const;

 private:
  OutputFormat format_;
  const std::string& image_;
  bool first_ = true;
};

}  // namespace v2p::cli
