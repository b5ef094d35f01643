// The triage block of small memory dumps: virtual blocks, drivers and one process, no pages.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/byte_source.h"
#include "base/image_facts.h"
#include "dumpfmt/windows_header.h"

namespace v2p::windows {

/// Facts of the TRIAGE_DUMP block behind the first header. What the file is too short for is left
/// out, with a line in `warnings`.
std::vector<Fact> TriageFacts(const ByteSource& source, const WindowsHeader& header,
                              std::vector<std::string>& warnings);

}  // namespace v2p::windows
