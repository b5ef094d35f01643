// Finding stores, learning which entries mean them, and answering.
// SPDX-License-Identifier: Apache-2.0
#include "nonresident/compressed_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace v2p {
namespace {

constexpr unsigned kKeyBits = 28;

PagingContext WithFiles(PagingContext context, const PageFiles* files) {
  context.pages = files;
  return context;
}

// Of two failed checks the one that comes later: it tells more of the real store, should there be
// pages that only look like one.
std::string_view Further(std::string_view a, std::string_view b) {
  constexpr std::array<std::string_view, 11> kOrder = {
      "store-not-found",       "store-self-pointer",
      "store-owner",           "store-regions",
      "store-chunk-geometry",  "store-record-geometry",
      "store-region-geometry", "store-tree-root",
      "store-algorithm",       "store-tree",
      "store-self-test"};
  const auto place = [&](std::string_view name) {
    return std::find(kOrder.begin(), kOrder.end(), name) - kOrder.begin();
  };
  return place(b) > place(a) ? b : a;
}

std::string Hex(std::uint64_t value) { return fmt::format("{:#x}", value); }

}  // namespace

CompressedStore::CompressedStore(const PhysicalMemory& memory, const StoreSystem& system,
                                 const PagingContext& context, const PageFiles* files)
    : context_(WithFiles(context, files)),
      files_(files),
      kernel_(memory, system.mode, system.kernel_root, context_),
      owner_(memory, system.mode, system.owner_root, context_) {
  const auto layout = StoreLayoutOf(kernel_.Narrow(), system.build);
  if (!layout || system.mode == ModeName::kArm64 || system.mode == ModeName::kX86) {
    failure_ = "store-unsupported";
    return;
  }
  lz4_ = layout->lz4;
  failure_ = "store-not-found";
  FindStores(system, *layout);
  if (stores_.empty()) return;
  LearnKeys(memory, system);
  tree_keys_.clear();
}

// One word of every page: the store begins a page and points to itself.
void CompressedStore::FindStores(const StoreSystem& system, const StoreLayout& layout) {
  const PhysicalMemory& memory = kernel_.Memory();
  const std::size_t width = layout.narrow ? 4 : 8;
  memory.ForEachExtent([&](const Extent& extent) {
    const std::uint64_t first = (extent.begin.value + kPageBytes - 1) & ~(kPageBytes - 1);
    const std::uint64_t end = extent.begin.value + extent.bytes;
    for (std::uint64_t page = first; page < end; page += kPageBytes) {
      std::array<std::byte, 8> raw{};
      const auto bytes = std::span(raw).first(width);
      if (memory.Read(PhysAddr(page + layout.self), bytes) != width) continue;
      const auto self = LoadLe<std::uint64_t>(raw.data());
      if (self % kPageBytes != 0 || !kernel_.IsKernel(self)) continue;
      if (kernel_.Find(VirtAddr(self)) != PhysAddr(page)) continue;
      std::string_view failed;
      auto store =
          MemoryStore::Open(kernel_, owner_, VirtAddr(self), system.owner_object, layout, &failed);
      if (!store) {
        failure_ = Further(failure_, failed);
        continue;
      }
      const auto entries = store->Tree().Entries();
      if (!entries) {
        failure_ = Further(failure_, "store-tree");
        continue;
      }
      const auto test = store->TestRecords(*entries);
      if (!test.Passed()) {
        failure_ = Further(failure_, "store-self-test");  // D3
        continue;
      }
      for (const auto& [key, value] : *entries) tree_keys_.insert(key);
      stores_.push_back({*store, test});
    }
  });
}

void CompressedStore::LearnKeys(const PhysicalMemory& memory, const StoreSystem& system) {
  constexpr std::size_t kMostEntries = 20000;
  PteSample sample;
  const PteSampleLimits limits{.tables = 16384, .entries = kMostEntries};
  for (const PhysAddr root : system.user_roots) {
    SampleEntries(memory, Mode(system.mode), root, limits, &sample);
  }
  calibration_ = Calibrate(sample, tree_keys_, context_.rules.invalid_mask, system.build);
  failure_ = "store-calibration";
  if (!calibration_) return;
  // Entries are decoded elsewhere, by the context's rules: they have to read the same keys.
  KeyRule rule = calibration_->rule;
  rule.layout = context_.rules.layout;
  rule.mask = context_.rules.invalid_mask;
  for (const std::uint64_t entry : sample.entries) {
    const auto key = calibration_->rule.KeyOf(entry);
    if (key && tree_keys_.contains(*key) && rule.KeyOf(entry) != key) {
      failure_ = "store-calibration-disagrees";
      return;
    }
  }
  failure_.clear();
}

// Numbers 0 and 1 are those of files by default; any number may be the store's while nothing says.
bool CompressedStore::Undecided(unsigned page_file) const {
  return !calibration_ && page_file > 0 && failure_ != "store-unsupported";
}

StoredPage CompressedStore::Fetch(unsigned page_file, std::uint64_t page) const {
  if (files_ != nullptr && files_->Has(page_file)) return files_->Fetch(page_file, page);
  if (calibration_ && calibration_->rule.number == page_file) return FromStores(page_file, page);
  StoredPage stored;
  stored.page_file = page_file;
  stored.page = page;
  if (Undecided(page_file)) {
    stored.failure = "store-or-page-file-undecided";
    stored.facts.emplace_back("store", failure_);
  }
  return stored;
}

StoredPage CompressedStore::FromStores(unsigned page_file, std::uint64_t page) const {
  StoredPage stored;
  stored.state = EntryState::kCompressedStore;
  stored.page_file = page_file;
  stored.page = page;
  stored.failure = failure_;
  if (!failure_.empty()) return stored;
  if (page >> kKeyBits != 0) {
    stored.failure = "key-out-of-range";  // K1
    return stored;
  }
  const std::uint64_t number = calibration_->rule.with_number ? page_file : 0;
  const auto key = static_cast<std::uint32_t>(number << kKeyBits | page);
  const Live* found = nullptr;
  StoreAnswer answer;
  stored.failure = "tree-key-missing";
  for (const Live& live : stores_) {
    StoreAnswer next = live.store.Page(key);
    if (next.failure == "tree-key-missing") continue;
    if (found != nullptr && (next.record != answer.record || next.data != answer.data)) {
      stored.failure = "store-ambiguous";  // T3
      return stored;
    }
    found = &live;
    answer = std::move(next);
  }
  if (found == nullptr) return stored;
  stored.failure = answer.failure;
  stored.bytes = answer.bytes;
  Describe(*found, answer, &stored);
  return stored;
}

void CompressedStore::Describe(const Live& live, const StoreAnswer& answer,
                               StoredPage* stored) const {
  const auto add = [&](const char* key, std::string value) {
    stored->facts.emplace_back(key, std::move(value));
  };
  add("key", Hex(answer.key));
  add("store", Hex(live.store.At().value));
  if (answer.chunk_key != 0) add("chunk-key", Hex(answer.chunk_key));
  if (answer.record.value != 0) add("record", Hex(answer.record.value));
  if (answer.data.value != 0) {
    add("region-key", Hex(answer.region_key));
    add("data", Hex(answer.data.value));
    add("data-bytes", std::to_string(answer.size));
    std::string at;
    for (const PhysAddr pa : answer.data_at) {
      if (!at.empty()) at += ' ';
      at += Hex(pa.value);
    }
    if (!at.empty()) add("data-at", at);
    add("codec", answer.stored_plain ? "stored" : lz4_ ? "lz4" : "xpress");
  }
  if (answer.left_over >= 16) add("left-over", std::to_string(answer.left_over));
  add("calibration", fmt::format("{} of {} keys", calibration_->hits, calibration_->keys));
  add("self-test", fmt::format("{} of {} records", live.test.passed, live.test.tried));
  // Without the global tree as a cross-check nothing is better than medium.
  add("confidence", live.store.OffsetsAgree() ? "medium" : "low");
}

}  // namespace v2p
