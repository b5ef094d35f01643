// Words of a text file or pipe, with `#` comments, read as they arrive.
// SPDX-License-Identifier: Apache-2.0
#include "cli/word_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace v2p::cli {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ','; }

constexpr std::size_t kBufferBytes = std::size_t{64} * 1024;

Error ReadError(const std::string& name, int error) {
  return Error{ErrorKind::kIo, std::strerror(error), name, std::nullopt};
}

}  // namespace

Result<std::unique_ptr<WordReader>> WordReader::Open(const std::string& path) {
  if (path == "-") {
    return std::unique_ptr<WordReader>(new WordReader("standard input", STDIN_FILENO, false));
  }
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return tl::unexpected<Error>(ReadError(path, errno));
  return std::unique_ptr<WordReader>(new WordReader(path, fd, true));
}

WordReader::WordReader(std::string name, int fd, bool owned)
    : name_(std::move(name)), fd_(fd), owned_(owned), buffer_(kBufferBytes) {}

WordReader::~WordReader() {
  if (owned_) close(fd_);
}

Result<WordReader::Fill> WordReader::Refill() {
  std::memmove(buffer_.data(), buffer_.data() + position_, end_ - position_);
  end_ -= position_;
  position_ = 0;
  const ssize_t got = read(fd_, buffer_.data() + end_, buffer_.size() - end_);
  if (got < 0 && errno == EINTR) return Fill::kInterrupted;
  if (got < 0) return tl::unexpected<Error>(ReadError(name_, errno));
  if (got == 0) at_end_ = true;
  end_ += static_cast<std::size_t>(got);
  return got == 0 ? Fill::kEnd : Fill::kMore;
}

bool WordReader::SkipBlanks() {
  for (; position_ < end_; ++position_) {
    const char c = buffer_[position_];
    if (c == '\n') {
      ++line_;
      in_comment_ = false;
    } else if (c == '#') {
      in_comment_ = true;
    } else if (!in_comment_ && !IsBlank(c)) {
      return true;
    }
  }
  return false;
}

Result<std::optional<std::string_view>> WordReader::Next(bool may_block) {
  while (true) {
    if (SkipBlanks()) {
      std::size_t stop = position_;
      while (stop < end_ && !IsBlank(buffer_[stop]) && buffer_[stop] != '#') ++stop;
      const std::string_view word(buffer_.data() + position_, stop - position_);
      if (word.size() > kLongestWord) {
        return Fail(ErrorKind::kUsage, fmt::format("{}:{}: no address is that long", name_, line_));
      }
      if (stop < end_ || at_end_) {
        position_ = stop;
        return word;
      }
    }
    if (at_end_ || !may_block) return std::nullopt;
    const auto fill = Refill();
    if (!fill) return tl::unexpected<Error>(fill.error());
    if (*fill == Fill::kInterrupted) return std::nullopt;
  }
}

}  // namespace v2p::cli
