// The formats that formats.cc lists: one declaration each.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "dumpfmt/format.h"

namespace v2p {

extern const Format kWindowsCrashDumpFormat;  // windows_crash_dump.cc
extern const Format kLimeFormat;              // lime.cc
extern const Format kElfCoreFormat;           // elf_core.cc
extern const Format kHiberfilFormat;          // hiberfil.cc
extern const Format kRawFormat;               // raw.cc

}  // namespace v2p
