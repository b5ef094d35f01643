// Page files: plain arrays of pages, by number.
// SPDX-License-Identifier: Apache-2.0
#include "nonresident/page_files.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "support/temp_file.h"

namespace v2p::test {
namespace {

// Every byte of a page is the page's number.
std::vector<std::byte> Numbered(std::size_t bytes) {
  std::vector<std::byte> content(bytes);
  for (std::size_t i = 0; i < bytes; ++i) content[i] = static_cast<std::byte>(i >> 12);
  return content;
}

TEST(PageFiles, PageOfTheNumberedFile) {
  PageFiles files;
  const TempFile file(Numbered(8 * kPageBytes));
  ASSERT_TRUE(files.Add(1, file.Path()));
  const StoredPage page = files.Fetch(1, 5);
  EXPECT_EQ(page.file, file.Path());
  EXPECT_EQ(page.file_offset, 5 * kPageBytes);
  ASSERT_NE(page.bytes, nullptr);
  EXPECT_EQ(page.bytes->front(), std::byte{5});
  EXPECT_EQ(page.bytes->back(), std::byte{5});
}

TEST(PageFiles, WhatIsNotThereIsNamed) {
  PageFiles files;
  const TempFile file(Numbered(2 * kPageBytes + 100));
  ASSERT_TRUE(files.Add(0, file.Path()));
  EXPECT_EQ(files.Fetch(0, 2).failure, "beyond-page-file") << "a part of a page is none";
  EXPECT_EQ(files.Fetch(0, 2).bytes, nullptr);
  EXPECT_EQ(files.Fetch(0, std::numeric_limits<std::uint64_t>::max()).failure, "beyond-page-file");
  const StoredPage other = files.Fetch(1, 0);
  EXPECT_EQ(other.bytes, nullptr);
  EXPECT_EQ(other.file, "");
}

TEST(PageFiles, NumbersAreChecked) {
  PageFiles files;
  const TempFile file(Numbered(kPageBytes));
  const std::string& path = file.Path();
  ASSERT_TRUE(files.Add(0, path));
  EXPECT_EQ(files.Add(0, path).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(files.Add(16, path).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(files.Add(1, path + ".none").error().kind, ErrorKind::kIo);
}

}  // namespace
}  // namespace v2p::test
