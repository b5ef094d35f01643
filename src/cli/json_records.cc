// The JSON objects that several forms share, and how JSON becomes text.
// SPDX-License-Identifier: Apache-2.0
#include "cli/json_records.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/nonresident_json.h"
#include "translate/entry_flags.h"

namespace v2p::cli {
namespace {

// Without the search for an equal key that operator[] makes: there is none.
void Put(const char* key, Json value, Json::object_t* members) {
  members->emplace_back(key, std::move(value));
}

Json StepJson(const Record& record, std::size_t i) {
  const v2p::Walk& walk = record.Walk();
  const PagingMode& mode = Mode(walk.mode);
  const bool read = walk.WasRead(i);
  Json flags = Json::array();
  if (read) {
    for (const auto flag : EntryFlags(mode, i, walk.steps[i].entry)) flags.push_back(flag);
  }
  Json::object_t members;
  members.reserve(6);
  Put("level", mode.levels[i].name, &members);
  Put("index", walk.IndexAt(i), &members);
  const bool in_memory = (walk.elsewhere >> i & 1U) == 0;
  Put("entry_at", HexJson(in_memory ? std::optional(walk.steps[i].entry_at.value) : std::nullopt),
      &members);
  Put("entry", HexJson(read ? std::optional(walk.steps[i].entry) : std::nullopt), &members);
  Put("file_offset", OrNull(record.StepFileOffset(i)), &members);
  Put("flags", std::move(flags), &members);
  return members;
}

}  // namespace

Json TranslationJson(const Record& record) {
  const RootChoice& root = *record.Context().root;
  const v2p::Walk& walk = record.Walk();
  const bool mapped = walk.Mapped();
  Json offsets = Json::array();
  for (const std::uint64_t offset : record.Offsets()) offsets.push_back(HexJson(offset));
  Json steps = Json::array();
  for (std::size_t i = 0; i < walk.step_count; ++i) steps.push_back(StepJson(record, i));
  Json::object_t members;
  members.reserve(23);
  Put("schema", "v2p.translation/1", &members);
  Put("image", record.Context().image_name, &members);
  Put("input", record.Input().text, &members);
  Put("va", HexJson(walk.va.value), &members);
  Put("status", Name(walk.status), &members);
  Put("state", walk.state == EntryState::kNone ? Json() : Json(Name(walk.state)), &members);
  Put("reason", OrNull(record.Reason()), &members);
  Put("pa", HexJson(mapped ? std::optional(walk.pa.value) : std::nullopt), &members);
  Put("page_bytes", OrNull(mapped ? std::optional(walk.page_bytes) : std::nullopt), &members);
  Put("page_in_image", mapped ? Json(record.PageInImage()) : Json(), &members);
  Put("file_offset", OrNull(record.FileOffset()), &members);
  Put("hresult", HexJson(record.Translation(), 8), &members);
  Put("offsets_hresult", HexJson(record.OffsetsCode(), 8), &members);
  Put("stop", HexJson(record.Stop(), 8), &members);
  Put("levels", record.Levels(), &members);
  Put("offsets", std::move(offsets), &members);
  Put("mode", Name(root.mode), &members);
  Put("mode_source", root.mode_source, &members);
  Put("dtb", HexJson(walk.root.value), &members);
  Put("dtb_source", record.DtbSource(), &members);
  Put("confidence", root.confidence ? Json(*root.confidence) : Json(), &members);
  Put("walk", std::move(steps), &members);
  Put("nonresident", NonresidentJson(record), &members);
  return members;
}

Json ErrorJson(std::string_view image, const Error& error) {
  return {{"schema", "v2p.error/1"},
          {"image", image.empty() ? Json() : Json(image)},
          {"error", Name(error.kind)},
          {"message", error.message},
          {"at", OrNull(error.at ? std::optional(error.at->value) : std::nullopt)}};
}

Json HexJson(std::optional<std::uint64_t> value, unsigned digits) {
  if (!value) return {};
  std::string text = "0x";
  for (unsigned shift = digits * 4; shift > 0; shift -= 4) {
    text.push_back("0123456789abcdef"[(*value >> (shift - 4)) & 0xFU]);
  }
  return text;
}

Json OrNull(std::optional<std::uint64_t> number) { return number ? Json(*number) : Json(); }
Json OrNull(std::optional<std::string_view> text) { return text ? Json(*text) : Json(); }

std::string Dump(const Json& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

std::string DumpOpen(const Json& object) {
  std::string text = Dump(object);
  text.pop_back();
  return text;
}

}  // namespace v2p::cli
