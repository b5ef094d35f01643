// What `v2p owner` shows, in its forms.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/args.h"
#include "cli/owner_world.h"

namespace v2p::cli {

struct OwnerQuery {
  std::string_view input;
  std::optional<PhysAddr> pa;  ///< nothing: an offset at which no memory lies
  std::optional<std::uint64_t> file_offset;
  bool in_image = false;
};

class OwnerReport {
 public:
  /// `image` and `world` must outlive it.
  OwnerReport(OutputFormat format, const std::string& image, const OwnerWorld& world)
      : format_(format), image_(image), world_(world) {}

  std::string Begin() const;
  /// False when nobody has the page, neither mapped nor as a table.
  bool Add(const OwnerQuery& query, std::string* out);
  /// `error` is the failure that ended the run early, or null.
  void End(const Error* error, std::string* out) const;

 private:
  OutputFormat format_;
  const std::string& image_;
  const OwnerWorld& world_;
  bool first_ = true;
};

}  // namespace v2p::cli
