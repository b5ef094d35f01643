// What a process object points at: its PEB and its user-mode root, told by their contents.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "locate/eprocess.h"
#include "locate/eprocess_context.h"

namespace v2p {

bool IsUserAddress(const EprocessContext& context, std::uint64_t value);

/// Whether the memory of `object`'s process has at `peb` a PEB with this system's version. False
/// also when it cannot be read.
bool IsPeb(const EprocessContext& context, const Eprocess& object, VirtAddr peb);

/// A value of KPROCESS.UserDirectoryTableBase.
enum class UserRoot : std::uint8_t {
  kNone,      ///< 0 or 1: the process has no root of its own for user mode
  kShadow,    ///< a root with the system's self map and without the kernel's shared data
  kNotThere,  ///< may be one, but the page is not in the image
  kWrong,
};

UserRoot LookAtUserRoot(const EprocessContext& context, std::uint64_t value);

}  // namespace v2p
