// What `v2p dtb` shows, in its forms.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "cli/args.h"
#include "locate/findings.h"

namespace v2p::cli {

struct DtbReport {
  const Args* args = nullptr;
  const Findings* findings = nullptr;
  double seconds = 0;  ///< of the search; in text only, so that the other forms repeat themselves

  /// Candidates that are shown: rejected ones only when asked for or when they were claimed.
  bool Shows(const Candidate& candidate) const;
};

std::string DtbText(const DtbReport& report);
std::string DtbJson(const DtbReport& report);    ///< `v2p.roots/1`
std::string DtbNdjson(const DtbReport& report);  ///< `v2p.root/1` a line
std::string DtbCsv(const DtbReport& report);

}  // namespace v2p::cli
