// A progress line on standard error: on a terminal only, after a second only.
// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/text_format.h"

namespace v2p::cli {
namespace {

constexpr auto kFirst = std::chrono::seconds(1);
constexpr auto kEvery = std::chrono::milliseconds(200);
constexpr std::size_t kBarWidth = 16;

}  // namespace

std::string ProgressLine(const std::string& label, std::uint64_t done, std::uint64_t total,
                         double seconds) {
  const double share =
      total == 0 ? 0.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  const double left = rate > 0 ? static_cast<double>(total - std::min(done, total)) / rate : 0;
  const auto full = static_cast<std::size_t>(share * kBarWidth);
  return fmt::format("{} {}  [{}{}]  {:.0f} %  {}/s  {:.0f} s left", label, LongSize(total),
                     std::string(full, '#'), std::string(kBarWidth - full, '.'), share * 100,
                     LongSize(static_cast<std::uint64_t>(rate)), left);
}

Progress::Progress(std::string label, bool quiet)
    : label_(std::move(label)),
      enabled_(!quiet && isatty(STDERR_FILENO) != 0),
      begin_(Clock::now()),
      next_(begin_ + kFirst) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

void Progress::Update(std::uint64_t done, std::uint64_t total, std::string_view more) {
  if (!enabled_) return;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + kEvery;
  shown_ = true;
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  fmt::print(stderr, "\r{}{}{}\033[K", ProgressLine(label_, done, total, seconds),
             more.empty() ? "" : "   ", more);
  std::fflush(stderr);
}

}  // namespace v2p::cli
