// PageFiles: pages that Windows wrote to pagefile.sys and its kin, read from those files.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/byte_source.h"
#include "base/result.h"
#include "translate/paging_context.h"

namespace v2p {

/// Plain arrays of pages: page n of a file begins at n * 4096. Safe to use from several threads.
class PageFiles final : public PageSource {
 public:
  /// Opens `path` as page file `number`; kUsage when the number is taken or above 15.
  Status Add(unsigned number, const std::string& path);

  StoredPage Fetch(unsigned page_file, std::uint64_t page) const override;
  bool Has(unsigned number) const { return files_.contains(number); }

 private:
  std::map<unsigned, std::shared_ptr<const ByteSource>> files_;
};

}  // namespace v2p
