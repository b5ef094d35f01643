// Running one piece of work on several threads.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

namespace v2p {

/// `wanted` threads, 0 being one a processor, but no more than `useful` and at least one.
unsigned UsefulThreads(unsigned wanted, std::size_t useful);

/// Calls `work` once on each of `threads` threads, one of which is the caller's, and waits. When
/// threads cannot be had, those there are will do. An exception of one of them is thrown again.
void RunThreads(unsigned threads, const std::function<void()>& work);

}  // namespace v2p
