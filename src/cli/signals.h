// Signals: interruption, and a mapped file that shrinks or fails under us.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

namespace v2p::cli {

/// Installs the handlers; a closed pipe becomes a write error. Once, at start.
void InstallSignalHandlers();

/// While one lives, SIGINT only raises a flag, for work that must be wound up; a second one
/// ends the process. Elsewhere it ends it at once, with status 130.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};
bool Interrupted();

/// Set once a mapped file could not supply a page: from there on that mapping reads as zeros, so
/// nothing computed since may be reported. The value is the offset in the mapping.
std::optional<std::uint64_t> MappingFault();

}  // namespace v2p::cli
