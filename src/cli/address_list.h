// Addresses to translate: from arguments and lists, as a stream that never holds the whole list.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "cli/word_reader.h"

namespace v2p::cli {

/// A hexadecimal number as responders paste it: 0x1a2b, 1a2b, fffff800`12345678, 1a2bh.
std::optional<std::uint64_t> ParseHex(std::string_view text);

/// One word of a list. A single address has first == last.
struct AddressRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  ///< inclusive
};

/// `A`, `A-B` (B included) or `A+LEN`. kUsage with the reason when malformed.
Result<AddressRange> ParseAddressWord(std::string_view word);

/// One address to translate and the word that asked for it.
struct AddressInput {
  std::string text;
  VirtAddr va;
};

/// Streams addresses: those of the arguments first, then those of the list. A range yields its
/// first address and then the start of every further 4 KiB page it touches. One thread.
class AddressList {
 public:
  /// `file` is empty for none and "-" for standard input. Arguments are checked here and now; a
  /// list is checked as it is read.
  static Result<AddressList> Open(std::vector<std::string> arguments, const std::string& file);

  /// Fills `batch` with up to `max` inputs. Empty at the end, or when a signal interrupted a read.
  /// Returns early with what a pipe has delivered so far. On an error `batch` holds the inputs
  /// that stand before the malformed word.
  Status Next(std::size_t max, std::vector<AddressInput>* batch);

  /// Whether this is exactly one address on the command line, which text shows in detail.
  bool IsSingle() const;

 private:
  // Sets word_ and range_ to the next word's; false when there is none now.
  Result<bool> Advance(bool may_block);

  std::vector<std::string> arguments_;
  std::size_t next_argument_ = 0;
  std::unique_ptr<WordReader> reader_;
  std::string word_;
  std::optional<AddressRange> range_;  // what is left of word_
};

}  // namespace v2p::cli
