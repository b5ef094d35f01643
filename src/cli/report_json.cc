// `--format json`: one document around all records, and `--format ndjson`: one record a line.
// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "cli/json_records.h"
#include "cli/reporter.h"

namespace v2p::cli {
namespace {

// Closed properly even when a failure ends the run, so that what was found can still be read; the
// `error` member says that it is not all.
class JsonReporter final : public Reporter {
 public:
  void Begin(const ReportContext& context, std::string* out) override {
    const RootChoice& root = *context.root;
    *out += DumpOpen({{"schema", "v2p.translations/1"},
                      {"image", context.image_name},
                      {"dtb", HexJson(root.Masked())},
                      {"dtb_source", root.dtb_source},
                      {"confidence", root.confidence ? Json(*root.confidence) : Json()},
                      {"mode", Name(root.mode)},
                      {"mode_source", root.mode_source},
                      {"mode_assumed", root.mode_assumed},
                      {"notes", root.notes}});
    *out += ",\n\"translations\":[";
  }
  void Add(const Record& record, std::string* out) override {
    *out += first_ ? "\n" : ",\n";
    *out += Dump(TranslationJson(record));
    first_ = false;
  }
  void End(const ReportContext& context, const Error* error, std::string* out) override {
    *out += "\n],\"error\":";
    *out += Dump(error ? ErrorJson(context.image_name, *error) : Json());
    *out += "}\n";
  }

 private:
  bool first_ = true;
};

class NdjsonReporter final : public Reporter {
 public:
  void Add(const Record& record, std::string* out) override {
    *out += Dump(TranslationJson(record));
    out->push_back('\n');
  }
  void End(const ReportContext& context, const Error* error, std::string* out) override {
    if (error) AppendErrorRecord(OutputFormat::kNdjson, context.image_name, *error, out);
  }
};

}  // namespace

std::unique_ptr<Reporter> MakeJsonReporter() { return std::make_unique<JsonReporter>(); }
std::unique_ptr<Reporter> MakeNdjsonReporter() { return std::make_unique<NdjsonReporter>(); }

}  // namespace v2p::cli
