// LiME images for tests, laid out by testdata/layouts/lime.tsv.
// SPDX-License-Identifier: Apache-2.0
#include "support/lime_builder.h"

#include "support/layout.h"

namespace v2p::test {

std::byte PatternByte(std::uint64_t pa) {
  return static_cast<std::byte>(pa * 7 + (pa >> 8U) * 13 + (pa >> 12U) * 31 + 1);
}

LimeBuilder& LimeBuilder::Range(std::uint64_t first, std::uint64_t last) {
  return ShortRange(first, last, last - first + 1);
}

LimeBuilder& LimeBuilder::ShortRange(std::uint64_t first, std::uint64_t last, std::uint64_t held) {
  static const Layout layout("lime");
  const std::size_t at = bytes_.size();
  headers_.push_back(at);
  bytes_.resize(at + layout.SizeOf("range"));
  layout.Put(bytes_, at, "range.magic", 0x4C694D45);
  layout.Put(bytes_, at, "range.version", 1);
  layout.Put(bytes_, at, "range.s_addr", first);
  layout.Put(bytes_, at, "range.e_addr", last);
  for (std::uint64_t i = 0; i < held; ++i) bytes_.push_back(PatternByte(first + i));
  return *this;
}

LimeBuilder& LimeBuilder::Zeros(std::size_t count) {
  bytes_.resize(bytes_.size() + count);
  return *this;
}

}  // namespace v2p::test
