// The JSON objects that several forms share: a translation and a failure.
// SPDX-License-Identifier: Apache-2.0
#include "cli/json_records.h"

#include "translate/entry_flags.h"

namespace v2p::cli {
namespace {

void WriteStep(const Record& record, std::size_t i, JsonWriter& json) {
  const v2p::Walk& walk = record.Walk();
  const PagingMode& mode = Mode(walk.mode);
  const bool read = walk.WasRead(i);
  json.BeginObject();
  json.Member("level", mode.levels[i].name);
  json.NumberMember("index", walk.IndexAt(i));
  json.HexMember("entry_at", walk.steps[i].entry_at.value);
  json.HexMember("entry", read ? std::optional(walk.steps[i].entry) : std::nullopt);
  json.NumberMember("file_offset", record.StepFileOffset(i));
  json.Key("flags");
  json.BeginArray();
  if (read) {
    for (const auto flag : EntryFlags(mode, i, walk.steps[i].entry)) json.String(flag);
  }
  json.EndArray();
  json.EndObject();
}

void WriteOutcome(const Record& record, JsonWriter& json) {
  const v2p::Walk& walk = record.Walk();
  const bool mapped = walk.Mapped();
  json.Member("status", Name(walk.status));
  json.Key("state");
  walk.state == EntryState::kNone ? json.Null() : json.String(Name(walk.state));
  json.Key("reason");
  const auto reason = Reason(walk);
  reason ? json.String(*reason) : json.Null();
  json.HexMember("pa", mapped ? std::optional(walk.pa.value) : std::nullopt);
  json.NumberMember("page_bytes", mapped ? std::optional(walk.page_bytes) : std::nullopt);
  json.Key("page_in_image");
  mapped ? json.Bool(record.PageInImage()) : json.Null();
  json.NumberMember("file_offset", record.FileOffset());
}

}  // namespace

void WriteTranslation(const Record& record, JsonWriter& json) {
  const RootChoice& root = *record.Context().root;
  json.BeginObject();
  json.Member("schema", "v2p.translation/1");
  json.Member("image", record.Context().image_name);
  json.Member("input", record.Input().text);
  json.HexMember("va", record.Walk().va.value);
  WriteOutcome(record, json);
  json.HexMember("hresult", record.Translation(), 8);
  json.HexMember("offsets_hresult", record.OffsetsCode(), 8);
  json.HexMember("stop", record.Stop(), 8);
  json.NumberMember("levels", record.Levels());
  json.Key("offsets");
  json.BeginArray();
  for (const std::uint64_t offset : record.Offsets()) json.Hex(offset);
  json.EndArray();
  json.Member("mode", Name(root.mode));
  json.Member("mode_source", root.mode_source);
  json.HexMember("dtb", record.Walk().root.value);
  json.Member("dtb_source", record.DtbSource());
  json.Key("walk");
  json.BeginArray();
  for (std::size_t i = 0; i < record.Walk().step_count; ++i) WriteStep(record, i, json);
  json.EndArray();
  json.EndObject();
}

void WriteError(std::string_view image, const Error& error, JsonWriter& json) {
  json.BeginObject();
  json.Member("schema", "v2p.error/1");
  json.Key("image");
  image.empty() ? json.Null() : json.String(image);
  json.Member("error", Name(error.kind));
  json.Member("message", error.message);
  json.NumberMember("at", error.at ? std::optional(error.at->value) : std::nullopt);
  json.EndObject();
}

}  // namespace v2p::cli
