// A progress line on standard error: on a terminal only, after a second only.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace v2p::cli {

/// One long piece of work. Its line goes away with the object. Called from one thread at a time.
class Progress {
 public:
  Progress(std::string label, bool quiet);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `more` is appended to the line.
  void Update(std::uint64_t done, std::uint64_t total, std::string_view more = {});

 private:
  using Clock = std::chrono::steady_clock;

  std::string label_;
  bool enabled_;
  bool shown_ = false;
  Clock::time_point begin_;
  Clock::time_point next_;
};

/// "pack 16.0 GiB  [#########.......]  58 %  4.2 GiB/s  2 s left"
std::string ProgressLine(const std::string& label, std::uint64_t done, std::uint64_t total,
                         double seconds);

}  // namespace v2p::cli
