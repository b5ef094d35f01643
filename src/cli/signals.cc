// Signals: interruption, and a mapped file that shrinks or fails under us.
// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "base/address.h"
#include "base/file_source.h"
#include "cli/args.h"

namespace v2p::cli {
namespace {

std::atomic<bool> g_interrupted{false};
std::atomic<int> g_guards{0};
std::atomic<bool> g_faulted{false};
std::atomic<std::uint64_t> g_fault_offset{0};
static_assert(std::atomic<bool>::is_always_lock_free);
static_assert(std::atomic<int>::is_always_lock_free);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

extern "C" void OnInterrupt(int /*signal*/) {
  if (g_guards.load() == 0 || g_interrupted.exchange(true)) _exit(kInterruptedStatus);
}

// Puts zeros under the rest of the mapping, so that the read that faulted can go on, and raises
// the flag that keeps its result from being reported. Only async-signal-safe calls (mmap is a bare
// system call on Linux).
extern "C" void OnBusError(int signal, siginfo_t* info, void* /*context*/) {
  const int saved_errno = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  MappedRange range;
  if (!FindMapping(address, &range)) {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    sigaction(signal, &standard, nullptr);
    return;  // the instruction faults again and ends the process as it should
  }
  const std::uintptr_t into_page = address % kPageBytes;
  const std::uintptr_t page = address - into_page;
  void* zeros = mmap(static_cast<char*>(info->si_addr) - into_page, range.end - page, PROT_READ,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  if (zeros == MAP_FAILED) _exit(kNoImage);
  if (!g_faulted.load()) g_fault_offset.store(page - range.begin);
  g_faulted.store(true);
  errno = saved_errno;
}

}  // namespace

void InstallSignalHandlers() {
  struct sigaction bus {};
  bus.sa_sigaction = OnBusError;
  bus.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &bus, nullptr);
  struct sigaction interrupt {};
  interrupt.sa_handler = OnInterrupt;  // no SA_RESTART: a blocked read must return
  sigaction(SIGINT, &interrupt, nullptr);
  struct sigaction pipe {};
  pipe.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &pipe, nullptr);
}

InterruptGuard::InterruptGuard() { ++g_guards; }
InterruptGuard::~InterruptGuard() { --g_guards; }

bool Interrupted() { return g_interrupted.load(); }

std::optional<std::uint64_t> MappingFault() {
  if (!g_faulted.load()) return std::nullopt;
  return g_fault_offset.load();
}

}  // namespace v2p::cli
