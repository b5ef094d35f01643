// Reporter: one output form of a run of translations.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/args.h"
#include "cli/record.h"

namespace v2p::cli {

/// Appends to a string that the caller writes out, or drops when the bytes behind it went bad.
class Reporter {
 public:
  virtual ~Reporter() = default;
  virtual void Begin(const ReportContext& /*context*/, std::string* /*out*/) {}
  virtual void Add(const Record& record, std::string* out) = 0;
  /// Closes the report; `error` is the failure that ended it early, or null.
  virtual void End(const ReportContext& /*context*/, const Error* /*error*/, std::string* /*out*/) {
  }
};

std::unique_ptr<Reporter> MakeReporter(OutputFormat format);

/// Appends a `v2p.error/1` record and a line break in the JSON forms; nothing in the others.
void AppendErrorRecord(OutputFormat format, std::string_view image, const Error& error,
                       std::string* out);

// One form each, in its own file.
std::unique_ptr<Reporter> MakeTextReporter();
std::unique_ptr<Reporter> MakeJsonReporter();
std::unique_ptr<Reporter> MakeNdjsonReporter();
std::unique_ptr<Reporter> MakeCsvReporter();
std::unique_ptr<Reporter> MakeWindbgReporter();

}  // namespace v2p::cli
