// Choice of a layout by what is found, and the walk over the tables.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/hiberfil_legacy.h"

#include <fmt/format.h>

#include <algorithm>

#include "dumpfmt/hiberfil_assign.h"
#include "dumpfmt/hiberfil_blocks.h"
#include "dumpfmt/hiberfil_table.h"
#include "dumpfmt/windows_text.h"

namespace v2p::hiberfil {
namespace {

// A layout, and the page of the first table under it.
struct Start {
  const LegacyLayout* header = nullptr;  // null: found without it
  const TableLayout* table = nullptr;
  std::uint64_t page = 0;
};

std::uint64_t FirstTablePage(const Record& page0, const LegacyLayout& layout) {
  return layout.table->is_64 ? page0.U64(layout.first_table) : page0.U32(layout.first_table);
}

class Reader {
 public:
  Reader(const ByteSource& source, const Record& page0) : file_(source), page0_(page0) {}

  Result<LegacyBody> Read() {
    const auto start = FindStart();
    if (file_.Fault()) return tl::unexpected<Error>(*file_.Fault());
    if (!start) {
      return Fail(ErrorKind::kCorrupt,
                  "there is no table of page ranges with compressed blocks behind it",
                  FileOffset(kPageBytes));
    }
    Describe(*start);
    WalkTables(*start);
    if (file_.Fault()) return tl::unexpected<Error>(*file_.Fault());
    Report();
    return LegacyBody{std::move(body_), start->header};
  }

 private:
  // The surest sign of the right layout: its first table and the blocks behind it count alike.
  bool CountsAgree(const Start& start) {
    const auto table = TableWithBlocks(file_, *start.table, start.page);
    if (!table) return false;
    const auto blocks =
        ReadBlocks(file_, (start.page + 1) * kPageBytes, file_.Size(), table->pages);
    std::uint64_t pages = 0;
    for (const Block& block : blocks) pages += block.pages;
    return pages == table->pages;
  }

  std::optional<Start> Choose(const std::vector<Start>& starts) {
    for (const Start& start : starts) {
      if (CountsAgree(start)) return start;
    }
    for (const Start& start : starts) {
      if (TableWithBlocks(file_, *start.table, start.page)) return start;
    }
    return std::nullopt;
  }

  std::optional<Start> FindStart() {
    const std::uint32_t length = page0_.U32(kLengthSelfAt);
    std::vector<Start> by_length;
    for (const LegacyLayout& layout : kLegacyLayouts) {
      const std::uint64_t page = FirstTablePage(page0_, layout);
      if (layout.length == length && page != 0 && page < kMostFirstTable) {
        by_length.push_back({&layout, layout.table, page});
      }
    }
    if (const auto start = Choose(by_length)) return start;
    return Carve();
  }

  // Without a header: the first page that is a table under some layout.
  std::optional<Start> Carve() {
    std::vector<Start> starts;
    for (const LegacyLayout& layout : kLegacyLayouts) {
      const auto page = FindTable(file_, *layout.table, 1, kMostFirstTable);
      if (page) starts.push_back({nullptr, layout.table, *page});
    }
    std::stable_sort(starts.begin(), starts.end(),
                     [](const Start& a, const Start& b) { return a.page < b.page; });
    return Choose(starts);
  }

  void Describe(const Start& start) {
    const bool is_64 = start.table->is_64;
    body_.machine = is_64 ? Machine::kX64 : Machine::kX86;
    const std::string_view windows =
        start.header != nullptr ? start.header->windows : "Windows XP to 7 (no header)";
    body_.windows = fmt::format("{}, {}-bit", windows, is_64 ? 64 : 32);
    Add("header-bytes", Hex64{page0_.U32(kLengthSelfAt)});
    Add("windows", std::string(windows));
    if (start.header != nullptr) {
      if (const auto time = page0_.U64(start.header->system_time)) {
        Add("system-time", windows::FileTimeText(time));
      }
      if (const auto time = page0_.U64(start.header->system_time + 8)) {
        Add("time-since-boot", windows::DurationText(time));
      }
    } else {
      body_.warnings.emplace_back(
          "the header does not lead to the pages: the first table was found by its looks");
    }
    Add("first-table-offset", Hex64{start.page * kPageBytes});
  }

  std::optional<std::uint64_t> NextOf(const RangeTable& table, std::uint64_t page) {
    if (table.next <= page || !TableAt(file_, *layout_, table.next)) return std::nullopt;
    return table.next;
  }

  void WalkTables(const Start& start) {
    layout_ = start.table;
    std::optional<std::uint64_t> page = start.page;
    while (page && !file_.Fault()) {
      const auto table = TableAt(file_, *layout_, *page);
      if (!table) break;  // never: each page was looked at before
      ++tables_;
      const auto next = NextOf(*table, *page);
      const std::uint64_t begin = (*page + 1) * kPageBytes;
      const std::uint64_t limit = next ? *next * kPageBytes : file_.Size();
      const auto blocks = ReadBlocks(file_, begin, limit, table->pages);
      const std::uint64_t end = blocks.empty() ? begin : blocks.back().End();
      const bool joined = next && PagesIn(end) == *next;
      const Assigned assigned = AssignBlocks(*table, blocks, joined, body_);
      body_.missing_pages += assigned.missing;
      gaps_ += assigned.gaps;
      body_.end = std::max(body_.end, end);
      page = Follow(*table, next, joined, end);
    }
  }

  // A table that is not full may hold anything as its successor: that must stand right behind.
  std::optional<std::uint64_t> Follow(const RangeTable& table, std::optional<std::uint64_t> next,
                                      bool joined, std::uint64_t end) {
    if (next && (table.full || joined)) return next;
    const bool meant = table.full ? table.next != 0 : table.next == PagesIn(end);
    if (!meant) return std::nullopt;
    broken_chain_ = true;
    return FindTable(file_, *layout_, PagesIn(end), file_.Size() / kPageBytes);
  }

  void Report() {
    Add("tables", tables_);
    if (broken_chain_) {
      body_.all_listed = false;
      body_.warnings.emplace_back(
          "the chain of tables is broken: a successor was found by its looks or not at all, and "
          "pages may be missing");
    }
    if (gaps_ != 0) {
      body_.warnings.push_back(
          fmt::format("{} times no block began where one should: pages whose place is not certain "
                      "were left out",
                      gaps_));
    }
    if (body_.missing_pages != 0) {
      body_.warnings.push_back(
          fmt::format("{} pages that the tables list were not found", body_.missing_pages));
    }
  }

  template <class T>
  void Add(std::string key, T value) {
    body_.facts.push_back({std::move(key), FactValue(value)});
  }

  Peeker file_;
  const Record& page0_;
  const TableLayout* layout_ = nullptr;
  std::uint64_t tables_ = 0;
  std::uint64_t gaps_ = 0;
  bool broken_chain_ = false;
  Body body_;
};

}  // namespace

Result<LegacyBody> ReadLegacy(const ByteSource& source, const Record& page0) {
  return Reader(source, page0).Read();
}

}  // namespace v2p::hiberfil
