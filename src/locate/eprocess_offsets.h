// Choice of EPROCESS's offsets: derived from the objects, out of the table, from KDBG; what agrees.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "locate/debugger_block.h"
#include "locate/eprocess.h"
#include "locate/eprocess_context.h"
#include "locate/eprocess_table.h"

namespace v2p {

struct ChosenOffsets {
  EprocessOffsets offsets;         ///< without PID nothing fits and nothing is known
  std::string sources;             ///< "derived = table = debugger-data", or those there are
  std::vector<std::string> notes;  ///< disagreements
};

/// Where `system` has the list of processes if that cannot be told otherwise: behind its PID 4, two
/// pointers whose neighbours point back at it. 0: nowhere.
std::uint16_t GuessLinks(const EprocessContext& context, const Eprocess& system);

/// What is derived from `objects`, else from those of them that are `listed`, counts first; the
/// table's row for the build fills what is left open and stands in when too few objects are known,
/// provided that it fits.
ChosenOffsets ChooseEprocessOffsets(const EprocessContext& context,
                                    std::span<const Eprocess> objects,
                                    std::span<const Eprocess> listed, const Eprocess* system,
                                    const std::optional<DebuggerBlock>& debugger);

/// The first row of the table that fits `system`, or three in four of `objects` when that is null;
/// one of the system's build before all others.
const EprocessRow* FittingRow(const EprocessContext& context, std::span<const Eprocess> objects,
                              const Eprocess* system);

}  // namespace v2p
