// Image: physical memory plus what the container claims about it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/image_facts.h"
#include "base/physical_memory.h"

namespace v2p {

/// An opened image. `memory` is null when the format holds none (triage and header-only dumps);
/// `no_memory` then says why and what to do, as one line.
struct Image {
  std::string format;  ///< kebab-case, e.g. "windows-crash-dump"; API
  std::string title;   ///< one line for people: "Windows crash dump, bitmap (type 5), x64"
  std::shared_ptr<const PhysicalMemory> memory;
  std::string no_memory;
  ImageFacts facts;
  std::vector<std::string> warnings;  ///< one line each, without the file name
};

}  // namespace v2p
