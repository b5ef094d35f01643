// Looking for chains of compression sets on page boundaries.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/hiberfil_headerless.h"

#include <fmt/format.h>

#include <algorithm>

#include "dumpfmt/hiberfil_layout.h"
#include "dumpfmt/hiberfil_section.h"

namespace v2p::hiberfil {
namespace {

// Hibr2Bin looks on pages 5 to 0x2F, and takes a chain of eight sets for no accident.
constexpr std::uint64_t kFirstPages = 0x30;
constexpr std::uint64_t kLeastSets = 8;
// The kernel's section begins on a page soon behind the end of the loader's.
constexpr std::uint64_t kGapPages = 0x100;

class Search {
 public:
  explicit Search(const ByteSource& source) : file_(source) {}

  Result<std::optional<Body>> Run() {
    for (const bool is_64 : {true, false}) {
      body_ = Body();
      body_.sets = SetTable(MethodRule::kWide);  // tries both codings where the bits leave doubt
      std::string names[] = {"first", "second"};
      std::uint64_t from = 1;
      std::uint64_t to = kFirstPages;
      for (const std::string& name : names) {
        if (!FindSection(name, from, to, is_64)) break;
        from = PagesIn(body_.end);
        to = from + kGapPages;
      }
      if (file_.Fault()) return tl::unexpected<Error>(*file_.Fault());
      if (body_.sets.Count() != 0) return Described(is_64);
    }
    return std::nullopt;
  }

 private:
  bool FindSection(const std::string& name, std::uint64_t from, std::uint64_t to, bool is_64) {
    for (std::uint64_t page = from; page < to && page < PagesIn(file_.Size()); ++page) {
      const std::uint64_t begin = page * kPageBytes;
      if (!IsChain(begin, is_64)) continue;
      const auto result = ReadSection(file_, {begin, file_.Size(), std::nullopt, is_64}, body_);
      body_.facts.push_back({name + "-section-offset", Hex64{begin}});
      body_.facts.push_back({name + "-sets", result.sets});
      body_.end = result.end;
      return true;
    }
    return false;
  }

  bool IsChain(std::uint64_t begin, bool is_64) {
    Body trial;
    const std::uint64_t reach = kLeastSets * (std::uint64_t{kMostStored} + kMostHeadBytes);
    const std::uint64_t limit = begin + std::min(reach, file_.Size() - begin);
    return ReadSection(file_, {begin, limit, std::nullopt, is_64}, trial).sets >= kLeastSets;
  }

  Body Described(bool is_64) {
    body_.windows = fmt::format("Windows 8 to 11 (no header), {}-bit", is_64 ? 64 : 32);
    if (!is_64) body_.machine = Machine::kX86;
    body_.all_listed = false;
    body_.warnings.emplace_back(
        "sets were found by their looks, each section up to the first that makes no sense: nothing "
        "tells whether that is all");
    return std::move(body_);
  }

  Peeker file_;
  Body body_;
};

}  // namespace

Result<std::optional<Body>> FindModernBody(const ByteSource& source) {
  return Search(source).Run();
}

}  // namespace v2p::hiberfil
