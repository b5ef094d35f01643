// Words of a text file or pipe, with `#` comments, read as they arrive.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace v2p::cli {

/// Splits a file into blank-separated words, one at a time, in constant memory. One thread.
class WordReader {
 public:
  static constexpr std::size_t kLongestWord = 256;

  /// Opens `path`, or standard input for "-".
  static Result<std::unique_ptr<WordReader>> Open(const std::string& path);
  ~WordReader();
  WordReader(const WordReader&) = delete;
  WordReader& operator=(const WordReader&) = delete;

  /// The next word, valid until the next call; nothing at the end, after a signal, and, unless
  /// `may_block`, when the next word has not arrived yet.
  Result<std::optional<std::string_view>> Next(bool may_block);

  /// Name of the file for messages, and the line of the word that Next gave last.
  const std::string& Name() const { return name_; }
  std::uint64_t Line() const { return line_; }

 private:
  WordReader(std::string name, int fd, bool owned);

  enum class Fill { kMore, kEnd, kInterrupted };
  Result<Fill> Refill();
  // Skips blanks and comments; true when a word starts at position_.
  bool SkipBlanks();

  std::string name_;
  int fd_;
  bool owned_;
  std::vector<char> buffer_;
  std::size_t position_ = 0;
  std::size_t end_ = 0;
  bool at_end_ = false;
  bool in_comment_ = false;
  std::uint64_t line_ = 1;
};

}  // namespace v2p::cli
