// The `nonresident` member of a record.
// SPDX-License-Identifier: Apache-2.0
#include "cli/nonresident_json.h"

#include <nlohmann/json.hpp>

namespace v2p::cli {
namespace {

Json TextOrNull(std::string_view text) { return text.empty() ? Json() : Json(text); }

// What was decoded, whatever system wrote it.
Json EntryJson(const WindowsPte& pte) {
  const bool has_frame = pte.state == EntryState::kTransition || pte.state == EntryState::kPresent;
  return {{"form", Name(pte.state)},
          {"detail", TextOrNull(pte.detail)},
          {"protection", pte.protection ? Json(ProtectionName(*pte.protection)) : Json()},
          {"frame", HexJson(has_frame ? std::optional(pte.frame.value) : std::nullopt)},
          {"pointer", HexJson(pte.pointer ? std::optional(pte.pointer->value) : std::nullopt)}};
}

Json InnerWalkJson(const Walk& walk) {
  Json steps = Json::array();
  for (std::size_t i = 0; i < walk.step_count; ++i) {
    const bool in_memory = (walk.elsewhere >> i & 1U) == 0;
    steps.push_back(
        {{"level", Mode(walk.mode).levels[i].name},
         {"entry_at",
          HexJson(in_memory ? std::optional(walk.steps[i].entry_at.value) : std::nullopt)},
         {"entry", HexJson(walk.WasRead(i) ? std::optional(walk.steps[i].entry) : std::nullopt)}});
  }
  return steps;
}

Json PrototypeJson(const PrototypeVisit& visit) {
  const bool mapped = visit.walk.Mapped();
  Json json = {{"va", HexJson(visit.va.value)},
               {"pa", HexJson(mapped ? std::optional(visit.walk.pa.value) : std::nullopt)},
               {"entry", HexJson(visit.entry)},
               {"decoded", visit.entry ? EntryJson(visit.pte) : Json()},
               {"mask_tried", visit.mask_tried}};
  json["reason"] = visit.on ? TextOrNull(visit.on->reason) : Json();
  json["walk"] = InnerWalkJson(visit.walk);
  return json;
}

Json StoredJson(const StoredPage& stored) {
  Json facts = Json::object();
  for (const auto& [key, value] : stored.facts) facts[key] = value;
  return {{"page_file", stored.page_file},    {"page_file_offset", stored.page << kPageShift},
          {"file", TextOrNull(stored.file)},  {"file_offset", OrNull(stored.file_offset)},
          {"found", stored.bytes != nullptr}, {"failure", TextOrNull(stored.failure)},
          {"facts", std::move(facts)}};
}

Json RulesJson(const PagingContext& context) {
  return {{"layout", Name(context.rules.layout)},
          {"layout_source", context.layout_source},
          {"invalid_mask", HexJson(context.rules.invalid_mask)},
          {"mask_source", context.mask_source},
          {"mask_entries", context.mask_entries},
          {"build", OrNull(context.build)}};
}

// Tables that were not where a present entry says: by level, what led to them.
Json TablesJson(const Record& record, const Following& following) {
  Json tables = Json::array();
  const Walk& walk = record.Walk();
  for (std::size_t i = 0; i + 1 < walk.step_count; ++i) {
    if ((following.followed >> i & 1U) == 0) continue;
    const auto& stored = following.tables[i + 1];
    tables.push_back({{"level", Mode(walk.mode).levels[i].name},
                      {"form", stored ? Name(stored->state) : Name(EntryState::kTransition)},
                      {"stored", stored ? StoredJson(*stored) : Json()}});
  }
  return tables;
}

Json PageFileJson(const Following& following) {
  if (following.stored) return StoredJson(*following.stored);
  const WindowsPte* pte = &*following.pte;
  if (following.prototype && following.prototype->entry) pte = &following.prototype->pte;
  if (pte->state != EntryState::kPagefile) return {};
  StoredPage named;
  named.page_file = pte->page_file;
  named.page = pte->page;
  return StoredJson(named);
}

Json WindowsJson(const Record& record, const Following& following) {
  Json json = EntryJson(*following.pte);
  json["tables"] = TablesJson(record, following);
  json["prototype"] = following.prototype ? PrototypeJson(*following.prototype) : Json();
  json["stored"] = PageFileJson(following);
  json["rules"] = RulesJson(*record.Context().paging);
  json["swap"] = Json();
  return json;
}

Json SwapJson(const Record& record) {
  const auto swap = record.SwapAt();
  if (!swap) return {};
  return {{"type", swap->type}, {"offset", swap->offset}};
}

Json LinuxJson(const Record& record) {
  WindowsPte entry;
  entry.state = record.Walk().state;
  Json json = EntryJson(entry);
  json["frame"] = HexJson(record.ProtnoneAt());
  json["tables"] = Json::array();
  json["prototype"] = Json();
  json["stored"] = Json();
  json["rules"] = Json();
  json["swap"] = SwapJson(record);
  return json;
}

}  // namespace

Json NonresidentJson(const Record& record) {
  const Following* following = record.Followed();
  if (following != nullptr && following->pte && following->pte->state != EntryState::kZero) {
    return WindowsJson(record, *following);
  }
  const EntryState state = record.Walk().state;
  if (state == EntryState::kProtnone || state == EntryState::kSwap) return LinuxJson(record);
  return {};
}

}  // namespace v2p::cli
