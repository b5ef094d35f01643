// XXH64 against the content checksums that libzstd writes (RFC 8878 section 3.1.1: the low four
// bytes of XXH64 end the frame) and digests of the xxHash documentation.
// SPDX-License-Identifier: Apache-2.0
#include "codec/xxh64.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include "base/bytes.h"
#include "support/zstd_files.h"

namespace v2p {
namespace {

std::uint32_t ChecksumByZstd(std::span<const std::byte> bytes) {
  test::Bytes frame(ZSTD_compressBound(bytes.size()));
  ZSTD_CCtx* encoder = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(encoder, ZSTD_c_checksumFlag, 1);
  const std::size_t n =
      ZSTD_compress2(encoder, frame.data(), frame.size(), bytes.data(), bytes.size());
  ZSTD_freeCCtx(encoder);
  EXPECT_EQ(ZSTD_isError(n), 0U);
  return LoadLe<std::uint32_t>(frame.data() + n - 4);
}

TEST(Xxh64, OfNothing) {
  EXPECT_EQ(Xxh64({}), 0xEF46DB3751D8E999U);
  EXPECT_EQ(Xxh3({}, 0), 0x2D06800538D394C2U);
}

TEST(Xxh64, AgreesWithZstdAtEveryLength) {
  const test::Bytes bytes = test::MemoryLike(70'000, 11);
  for (std::size_t n = 0; n < 300; ++n) {
    const auto part = std::span(bytes).subspan(5000 + n, n);
    ASSERT_EQ(static_cast<std::uint32_t>(Xxh64(part)), ChecksumByZstd(part)) << n;
  }
  EXPECT_EQ(static_cast<std::uint32_t>(Xxh64(bytes)), ChecksumByZstd(bytes));
}

}  // namespace
}  // namespace v2p
