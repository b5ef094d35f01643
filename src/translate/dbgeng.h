// The two debugger engine methods, read off one Walk. Public header: <v2p/dbgeng.h>.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "translate/address_space.h"
#include "translate/walk.h"

namespace v2p {

using HResult = std::uint32_t;

inline constexpr HResult kSOk = 0x00000000;         ///< S_OK: fully translated
inline constexpr HResult kSFalse = 0x00000001;      ///< S_FALSE: partial walk
inline constexpr HResult kNoPagefile = 0xD0000147;  ///< HRESULT_FROM_NT(STATUS_NO_PAGEFILE)
inline constexpr HResult kReadFault = 0x8007001E;   ///< HRESULT_FROM_WIN32(ERROR_READ_FAULT)

/// IDebugDataSpaces2::VirtualToPhysical. `*physical` is written only on kSOk; may be null.
HResult VirtualToPhysical(const Walk& walk, std::uint64_t* physical);

/// IDebugDataSpaces3::GetVirtualTranslationPhysicalOffsets. Writes at most `offsets_size`
/// addresses: the base, the address of each entry used, and for a mapped address the physical
/// address. `*levels` gets the full count even when the array is shorter. Both may be null.
HResult GetVirtualTranslationPhysicalOffsets(const Walk& walk, std::uint64_t* offsets,
                                             std::uint32_t offsets_size, std::uint32_t* levels);

/// HRESULT that ended the walk; kSOk when mapped (shown as `stop`, null then).
HResult StopCode(const Walk& walk);

/// The same on an address space, in the shape of the debugger's methods.
HResult VirtualToPhysical(const AddressSpace& space, std::uint64_t virtual_address,
                          std::uint64_t* physical);
HResult GetVirtualTranslationPhysicalOffsets(const AddressSpace& space,
                                             std::uint64_t virtual_address, std::uint64_t* offsets,
                                             std::uint32_t offsets_size, std::uint32_t* levels);

}  // namespace v2p
