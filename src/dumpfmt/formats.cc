// The one list of formats, in the order in which they are tried.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/formats.h"

#include <vector>

#include "dumpfmt/named_formats.h"

namespace v2p {

std::span<const Format* const> Formats() {
  static const std::vector<const Format*> formats = [] {
    std::vector<const Format*> list = {&kWindowsCrashDumpFormat, &kHiberfilFormat, &kLimeFormat,
                                       &kElfCoreFormat};
    for (const Format& named : NamedFormats()) list.push_back(&named);
    list.push_back(&kRawFormat);  // last: recognises everything
    return list;
  }();
  return formats;
}

}  // namespace v2p
