// Generates the benchmark images: Windows bitmap dumps with x64 page tables and known answers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"

namespace v2p::bench {

/// A dump on disk and what must come out of it.
struct DumpImage {
  std::string path;
  std::uint64_t dtb = 0;
  std::uint64_t present_pages = 0;
  std::uint64_t tables = 0;
  std::vector<VirtAddr> addresses = {};       ///< random order, all mapped
  std::vector<PhysAddr> answers = {};         ///< answers[i] is where addresses[i] lives
  std::vector<std::uint64_t> processes = {};  ///< their roots
};

/// 262,144 pages, all present; addresses are 70 % in 4 KiB, 25 % in 2 MiB, 5 % in 1 GiB pages;
/// the tables fit the second-level cache.
DumpImage MakeOneGib(const std::string& folder, std::size_t addresses);

/// About 2.1 million pages, 5 % ragged bitmap words, 16,430 tables scattered over the file, every
/// page 4 KiB: each lookup of a page table entry misses caches and TLB. `processes` more roots
/// share the kernel half and map 41,500 pages each in runs of 4 on average, half of them of
/// libraries.
DumpImage MakeEightGib(const std::string& folder, std::size_t addresses, std::size_t processes = 0);

/// A sparse dump that spans `mib` MiB of physical memory, 10 % ragged bitmap words, one address.
DumpImage MakeSparse(const std::string& folder, std::uint64_t mib);

}  // namespace v2p::bench
