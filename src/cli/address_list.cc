// Addresses to translate: from arguments and lists, as a stream that never holds the whole list.
// SPDX-License-Identifier: Apache-2.0
#include "cli/address_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/checked_math.h"
#include "cli/safe_text.h"

namespace v2p::cli {
namespace {

std::optional<unsigned> HexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<std::uint64_t> ParseDigits(std::string_view digits) {
  if (digits.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    const auto digit = HexDigit(c);
    if (!digit || value >> 60U != 0) return std::nullopt;
    value = value << 4U | *digit;
  }
  return value;
}

Error Malformed(std::string_view word, std::string_view why) {
  return Error{ErrorKind::kUsage,
               fmt::format("'{}' is not an address: {}", SafeText(word), why),
               {},
               std::nullopt};
}

constexpr std::string_view kForms =
    "give hexadecimal as 0x1a2b, 1a2b, fffff800`12345678 or 1a2bh, or a range A-B or A+LEN";

}  // namespace

std::optional<std::uint64_t> ParseHex(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
  } else if (text.ends_with('h') || text.ends_with('H')) {
    text.remove_suffix(1);
  }
  const std::size_t tick = text.find('`');
  if (tick == std::string_view::npos) return ParseDigits(text);
  // The debugger's form: a shorter low half would be read as another number than it looks like.
  const auto high = ParseDigits(text.substr(0, tick));
  const std::string_view low_text = text.substr(tick + 1);
  const auto low = ParseDigits(low_text);
  if (!high || !low || low_text.size() != 8 || *high >> 32U != 0) return std::nullopt;
  return *high << 32U | *low;
}

Result<AddressRange> ParseAddressWord(std::string_view word) {
  const std::size_t mark = word.find_first_of("-+");
  const auto first = ParseHex(word.substr(0, mark));
  if (!first) return tl::unexpected<Error>(Malformed(word, kForms));
  if (mark == std::string_view::npos) return AddressRange{*first, *first};
  const auto second = ParseHex(word.substr(mark + 1));
  if (!second) return tl::unexpected<Error>(Malformed(word, kForms));
  if (word[mark] == '-') {
    if (*second < *first) return tl::unexpected<Error>(Malformed(word, "it ends before it begins"));
    return AddressRange{*first, *second};
  }
  if (*second == 0) return tl::unexpected<Error>(Malformed(word, "its length is zero"));
  const auto last = CheckedAdd(*first, *second - 1);
  if (!last) return tl::unexpected<Error>(Malformed(word, "it runs past the last address"));
  return AddressRange{*first, *last};
}

Result<AddressList> AddressList::Open(std::vector<std::string> arguments, const std::string& file) {
  for (const std::string& argument : arguments) {
    const auto range = ParseAddressWord(argument);
    if (!range) return tl::unexpected<Error>(range.error());
  }
  AddressList list;
  list.arguments_ = std::move(arguments);
  if (!file.empty()) {
    auto reader = WordReader::Open(file);
    if (!reader) return tl::unexpected<Error>(reader.error());
    list.reader_ = std::move(*reader);
  }
  return list;
}

bool AddressList::IsSingle() const {
  if (reader_ || arguments_.size() != 1) return false;
  const auto range = ParseAddressWord(arguments_[0]);
  return range && range->first == range->last;
}

Result<bool> AddressList::Advance(bool may_block) {
  if (next_argument_ < arguments_.size()) {
    word_ = arguments_[next_argument_++];
    range_ = *ParseAddressWord(word_);
    return true;
  }
  if (!reader_) return false;
  const auto word = reader_->Next(may_block);
  if (!word) return tl::unexpected<Error>(word.error());
  if (!*word) return false;
  word_.assign(**word);
  const auto range = ParseAddressWord(word_);
  if (!range) {
    return Fail(ErrorKind::kUsage,
                fmt::format("{}:{}: {}", reader_->Name(), reader_->Line(), range.error().message));
  }
  range_ = *range;
  return true;
}

Status AddressList::Next(std::size_t max, std::vector<AddressInput>* batch) {
  batch->clear();
  while (batch->size() < max) {
    if (!range_) {
      const auto more = Advance(batch->empty());
      if (!more) return tl::unexpected<Error>(more.error());
      if (!*more) break;
    }
    batch->push_back({word_, VirtAddr(range_->first)});
    const std::uint64_t page_end = range_->first | (kPageBytes - 1);
    if (page_end >= range_->last) {
      range_.reset();
    } else {
      range_->first = page_end + 1;
    }
  }
  return {};
}

}  // namespace v2p::cli
