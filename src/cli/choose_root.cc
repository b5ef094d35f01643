// Which page table root and paging mode to translate with, and why.
// SPDX-License-Identifier: Apache-2.0
#include "cli/choose_root.h"

#include <fmt/format.h>

#include <algorithm>

#include "translate/paging_mode.h"

namespace v2p::cli {
namespace {

bool InKernelMode(const ImageFacts& facts, const DtbClaim& claim) {
  return claim.cpu && *claim.cpu < facts.cpus.size() &&
         facts.cpus[*claim.cpu].privilege == Privilege::kKernel;
}

const DtbClaim* DefaultClaim(const ImageFacts& facts) {
  const auto& claims = facts.dtb_claims;
  const auto pick = [&](auto wanted) -> const DtbClaim* {
    const auto found = std::find_if(claims.begin(), claims.end(), wanted);
    return found == claims.end() ? nullptr : &*found;
  };
  if (const auto* claim = pick([](const DtbClaim& c) { return c.source == "header"; })) {
    return claim;
  }
  if (const auto* claim = pick([&](const DtbClaim& c) { return InKernelMode(facts, c); })) {
    return claim;
  }
  if (const auto* claim = pick([](const DtbClaim& c) { return c.cpu == 0U; })) return claim;
  return claims.empty() ? nullptr : &claims.front();
}

Result<const DtbClaim*> PickClaim(const ImageFacts& facts, const RootRequest& request) {
  if (!request.cpu) return DefaultClaim(facts);
  for (const DtbClaim& claim : facts.dtb_claims) {
    if (claim.cpu == request.cpu) return &claim;
  }
  return Fail(ErrorKind::kNoRoot,
              fmt::format("--cpu {}: the image does not tell that CPU's root; it has the registers "
                          "of {} CPUs (v2p info shows them)",
                          *request.cpu, facts.cpus.size()));
}

// Five levels, PAE and the like come from the claim; a root that the user gave is walked in the
// mode of the claim it replaces.
Status FillMode(const ImageFacts& facts, const RootRequest& request, const DtbClaim* claim,
                RootChoice& choice) {
  if (request.mode) {
    choice.mode = *request.mode;
    choice.mode_source = "user";
    return {};
  }
  if (claim && claim->mode) {
    choice.mode = *claim->mode;
    choice.mode_source = claim->mode_source;
    choice.mode_assumed = claim->mode_assumed;
    return {};
  }
  if (!claim && facts.machine == Machine::kArm64) {
    choice.mode = ModeName::kArm64;
    choice.mode_source = "header";
    return {};
  }
  if (!claim && facts.machine == Machine::kX64) {
    choice.mode = ModeName::kX64;
    choice.mode_source = "header";
    choice.mode_assumed = true;
    return {};
  }
  return Fail(ErrorKind::kNoMode, facts.machine == Machine::kX86
                                      ? "the image does not say whether PAE was on: give --mode "
                                        "pae or --mode x86"
                                      : "the image does not tell its paging mode: give --mode "
                                        "(x86, pae, x64, x64-la57 or arm64)");
}

// Bits of a CR3 or TTBR value beside the address: PCID or flags below it, above it LAM and the
// no-flush bit on x64 (SDM volume 3, 2.5), the ASID on ARM64. 32-bit modes have none above.
std::uint64_t FlagBits(const PagingMode& mode) {
  const std::uint64_t low = (mode.root_mask & -mode.root_mask) - 1;
  if (mode.va_bits == 32) return low;
  const std::uint64_t high =
      mode.id == ModeName::kArm64 ? 0xFFFF'0000'0000'0000 : 0xE000'0000'0000'0000;
  return low | high;
}

Status CheckFits(const RootChoice& choice) {
  const PagingMode& mode = Mode(choice.mode);
  if ((choice.value & ~(mode.root_mask | FlagBits(mode))) == 0) return {};
  return Fail(
      choice.dtb_source == "user" ? ErrorKind::kUsage : ErrorKind::kNoRoot,
      fmt::format("root {:#x} ({}) has address bits that mode {} does not have: give another "
                  "--dtb or --mode",
                  choice.value, choice.dtb_source, mode.name));
}

void AddNotes(RootChoice& choice) {
  if (choice.value != choice.Masked()) {
    choice.notes.push_back(
        fmt::format("root {:#x}: bits that are no part of the address (PCID, ASID or flags) were "
                    "dropped, {:#x} is used",
                    choice.value, choice.Masked()));
  }
  if (choice.mode_assumed) {
    choice.notes.emplace_back(
        "x64 is assumed: the header does not announce five levels; --mode x64-la57 if it had them");
  }
}

}  // namespace

std::uint64_t RootChoice::Masked() const { return value & Mode(mode).root_mask; }

Result<RootChoice> ChooseRoot(const ImageFacts& facts, const RootRequest& request) {
  const auto claim = PickClaim(facts, request);
  if (!claim) return tl::unexpected<Error>(claim.error());
  RootChoice choice;
  choice.ttbr1 = request.ttbr1;
  if (choice.ttbr1) choice.ttbr1_source = "user";
  if (request.dtb) {
    choice.value = *request.dtb;
    choice.dtb_source = "user";
  } else if (*claim) {
    choice.value = (*claim)->value;
    choice.dtb_source = (*claim)->source;
  } else {
    return Fail(ErrorKind::kNoRoot, "the image names no page table root: give --dtb HEX");
  }
  const Status mode = FillMode(facts, request, *claim, choice);
  if (!mode) return tl::unexpected<Error>(mode.error());
  if (choice.ttbr1 && choice.mode != ModeName::kArm64) {
    return Fail(ErrorKind::kUsage, "--ttbr1 is for arm64 only");
  }
  if (auto fits = CheckFits(choice); !fits) return tl::unexpected<Error>(std::move(fits).error());
  AddNotes(choice);
  return choice;
}

}  // namespace v2p::cli
