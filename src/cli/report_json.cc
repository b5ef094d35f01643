// `--format json`: one document around all records, and `--format ndjson`: one record a line.
// SPDX-License-Identifier: Apache-2.0
#include <optional>

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
    json_.emplace(out);
    json_->BeginObject();
    json_->Member("schema", "v2p.translations/1");
    json_->Member("image", context.image_name);
    json_->HexMember("dtb", root.Masked());
    json_->Member("dtb_source", root.dtb_source);
    json_->Member("mode", Name(root.mode));
    json_->Member("mode_source", root.mode_source);
    json_->BoolMember("mode_assumed", root.mode_assumed);
    json_->Key("notes");
    json_->BeginArray();
    for (const std::string& note : root.notes) json_->String(note);
    json_->EndArray();
    json_->NextLine();
    json_->Key("translations");
    json_->BeginArray();
  }
  void Add(const Record& record, std::string* /*out*/) override {
    json_->NextLine();
    WriteTranslation(record, *json_);
  }
  void End(const ReportContext& context, const Error* error, std::string* out) override {
    json_->NextLine();
    json_->EndArray();
    json_->Key("error");
    error ? WriteError(context.image_name, *error, *json_) : json_->Null();
    json_->EndObject();
    out->push_back('\n');
  }

 private:
  std::optional<JsonWriter> json_;  // across batches: it knows whether a comma is due
};

class NdjsonReporter final : public Reporter {
 public:
  void Add(const Record& record, std::string* out) override {
    JsonWriter json(out);
    WriteTranslation(record, json);
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
