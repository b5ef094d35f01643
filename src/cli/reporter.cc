// Picks the reporter of an output form.
// SPDX-License-Identifier: Apache-2.0
#include "cli/reporter.h"

#include <nlohmann/json.hpp>

#include "cli/json_records.h"

namespace v2p::cli {

std::unique_ptr<Reporter> MakeReporter(OutputFormat format) {
  switch (format) {
    case OutputFormat::kText:
      return MakeTextReporter();
    case OutputFormat::kJson:
      return MakeJsonReporter();
    case OutputFormat::kNdjson:
      return MakeNdjsonReporter();
    case OutputFormat::kCsv:
      return MakeCsvReporter();
    case OutputFormat::kWindbg:
      return MakeWindbgReporter();
  }
  return MakeTextReporter();
}

void AppendErrorRecord(OutputFormat format, std::string_view image, const Error& error,
                       std::string* out) {
  if (format != OutputFormat::kJson && format != OutputFormat::kNdjson) return;
  *out += Dump(ErrorJson(image, error));
  out->push_back('\n');
}

}  // namespace v2p::cli
