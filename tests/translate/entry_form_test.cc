// Names of non-present entries, where they are certain.
// SPDX-License-Identifier: Apache-2.0
#include "translate/entry_form.h"

#include <gtest/gtest.h>

#include "translate/walk.h"

namespace v2p::test {
namespace {

struct Case {
  const char* what;
  ModeName mode;
  GuestOs os;
  std::size_t level;
  std::uint64_t entry;
  EntryState form;
};

using enum ModeName;
using enum EntryState;
constexpr auto kWindows = GuestOs::kWindows;
constexpr auto kLinux = GuestOs::kLinux;

const Case kCases[] = {
    {"zero is zero for all", kX64, GuestOs::kUnknown, 3, 0, kZero},
    {"unknown system", kX64, GuestOs::kUnknown, 3, 0x860, kUnknown},

    // Entries of real systems: public posts, re-computed.
    {"transition, swizzled", kX64, kWindows, 3, 0x0000200060533860, kTransition},
    {"transition, plain", kX64, kWindows, 3, 0x00000000166b7880, kTransition},
    {"prototype", kX64, kWindows, 3, 0x8e00d8c69a680400, kPrototype},

    {"combined prototype: bit 10 before bit 11", kX64, kWindows, 3, 0x8e00d8c69a680c00, kPrototype},
    {"VAD marker", kX64, kWindows, 3, 0xffffffff00000480, kVad},
    {"VAD marker, PAE", kPae, kWindows, 2, 0xffffffff00000480, kVad},
    {"VAD marker, x86", kX86, kWindows, 1, 0xfffffcfe, kVad},
    {"prototype, x86", kX86, kWindows, 1, 0x12345400, kPrototype},
    {"page file", kX64, kWindows, 3, 0x0001a2b300000080, kPagefile},
    {"page file, plain by its swizzle bit", kX64, kWindows, 3, 0x0000200000000090, kPagefile},
    {"mask or page 0x2000", kX64, kWindows, 3, 0x0000200000000080, kUnknown},
    {"page file, x86", kX86, kWindows, 1, 0x00001080, kPagefile},
    {"demand zero", kX64, kWindows, 3, 0x80, kDemandZero},
    {"demand zero, x86", kX86, kWindows, 1, 0x80, kDemandZero},
    {"large bit is protection", kX64, kWindows, 2, 0x248880, kTransition},
    {"upper transition", kX64, kWindows, 1, 0x248860, kTransition},
    {"upper page file", kX64, kWindows, 0, 0x0001a2b300000080, kPagefile},
    {"no prototypes above", kX64, kWindows, 2, 0x8e00d8c69a680400, kUnknown},
    {"ARM64 as x64", kArm64, kWindows, 3, 0x166b7880, kTransition},

    {"PROT_NONE", kX64, kLinux, 3, 0x8000000012345166, kProtnone},
    {"PROT_NONE, x86", kX86, kLinux, 1, 0x12345166, kProtnone},
    {"PROT_NONE, PAE", kPae, kLinux, 2, 0x8000000012345166, kProtnone},
    {"PROT_NONE, 2 MiB", kX64, kLinux, 2, 0x80000000122001e6, kProtnone},
    {"swap", kX64, kLinux, 3, 0x07fffffffff00200, kSwap},
    {"swap, x86", kX86, kLinux, 1, 0x00012200, kSwap},
    {"no swap above", kX64, kLinux, 2, 0x07fffffffff00200, kUnknown},
    {"nothing above", kX64, kLinux, 0, 0x8000000012345166, kUnknown},
    {"PROT_NONE, ARM64", kArm64, kLinux, 3, 0x04e0000012345f42, kProtnone},
    {"swap, ARM64", kArm64, kLinux, 3, 0x12304, kSwap},
    {"swap or new PROT_NONE, ARM64", kArm64, kLinux, 3, 0x12345f40, kUnknown},
};

TEST(EntryForm, NamedWhereCertain) {
  for (const Case& test : kCases) {
    EXPECT_EQ(NotPresentForm(Mode(test.mode), test.os, test.level, test.entry), test.form)
        << test.what;
  }
}

TEST(EntryForm, ReasonSaysMoreThanTheStatus) {
  Walk walk;
  walk.status = WalkStatus::kNotPresent;
  const auto reason = [&](EntryState state, ModeName mode) {
    walk.state = state;
    walk.mode = mode;
    return Reason(walk).value();
  };
  EXPECT_EQ(reason(kZero, kX64), "zero-entry");
  EXPECT_EQ(reason(kTransition, kX64), "transition");
  EXPECT_EQ(reason(kTransition, kArm64), "transition-assumed");
  EXPECT_EQ(reason(kProtnone, kArm64), "protnone");
  EXPECT_EQ(reason(kUnknown, kX64), "unknown-form");
  walk.status = WalkStatus::kTableNotInImage;
  EXPECT_EQ(Reason(walk), "table-not-in-image");
  walk.status = WalkStatus::kMapped;
  EXPECT_EQ(Reason(walk), std::nullopt);
}

}  // namespace
}  // namespace v2p::test
