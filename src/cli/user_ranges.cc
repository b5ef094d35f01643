// Parses `--ranges`: where the bytes of a raw image belong in physical memory.
// SPDX-License-Identifier: Apache-2.0
#include "cli/user_ranges.h"

#include <fmt/format.h>

#include "base/checked_math.h"
#include "cli/address_list.h"
#include "cli/safe_text.h"

namespace v2p::cli {
namespace {

Result<UserRange> ParseOne(std::string_view word) {
  const auto fail = [&](std::string_view why) {
    return Fail(ErrorKind::kUsage, fmt::format("--ranges: '{}': {}", SafeText(word), why));
  };
  const std::size_t at = word.find('@');
  const auto span = ParseAddressWord(word.substr(0, at));
  if (!span || word.substr(0, at).find_first_of("-+") == std::string_view::npos) {
    return fail("write START-END or START+LEN, in hexadecimal, with @OFFSET if need be");
  }
  if (word.find('-') < at && span->last % kPageBytes == 0) {
    return fail(fmt::format("END is the last byte, as in /proc/iomem: {:x}, not {:x}?",
                            span->last - 1, span->last));
  }
  const auto bytes = CheckedAdd(span->last - span->first, 1);
  if (!bytes) return fail("it is longer than any memory");
  UserRange range{PhysAddr(span->first), *bytes, std::nullopt};
  if (at != std::string_view::npos) {
    const auto offset = ParseHex(word.substr(at + 1));
    if (!offset) return fail("OFFSET is no hexadecimal number");
    range.at = FileOffset(*offset);
  }
  return range;
}

}  // namespace

Result<std::vector<UserRange>> ParseUserRanges(std::string_view text) {
  std::vector<UserRange> ranges;
  while (true) {
    const std::size_t comma = text.find(',');
    auto range = ParseOne(text.substr(0, comma));
    if (!range) return tl::unexpected<Error>(range.error());
    ranges.push_back(*range);
    if (comma == std::string_view::npos) return ranges;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace v2p::cli
