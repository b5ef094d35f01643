// Reading page files.
// SPDX-License-Identifier: Apache-2.0
#include "nonresident/page_files.h"

#include <limits>

#include "base/file_source.h"

namespace v2p {

Status PageFiles::Add(unsigned number, const std::string& path) {
  constexpr unsigned kMostFiles = 16;  // MM's limit: the number has four bits
  if (number >= kMostFiles) return Fail(ErrorKind::kUsage, "page files are numbered 0 to 15");
  if (Has(number)) {
    return Fail(ErrorKind::kUsage, "page file " + std::to_string(number) + " is given twice");
  }
  auto file = OpenFile(path);
  if (!file) return tl::unexpected<Error>(std::move(file).error());
  files_.emplace(number, std::move(*file));
  return {};
}

StoredPage PageFiles::Fetch(unsigned page_file, std::uint64_t page) const {
  StoredPage stored;
  stored.page_file = page_file;
  stored.page = page;
  const auto it = files_.find(page_file);
  if (it == files_.end()) return stored;
  const ByteSource& file = *it->second;
  stored.file = file.Name();
  if (page > std::numeric_limits<std::uint64_t>::max() >> kPageShift) {
    stored.failure = "beyond-page-file";
    return stored;
  }
  stored.file_offset = page << kPageShift;
  auto bytes = std::make_shared<PageBytes>();
  const auto got = file.ReadAt(*stored.file_offset, *bytes);
  if (!got) {
    stored.failure = "page-file-unreadable";
  } else if (*got != bytes->size()) {
    stored.failure = "beyond-page-file";
  } else {
    stored.bytes = std::move(bytes);
  }
  return stored;
}

}  // namespace v2p
