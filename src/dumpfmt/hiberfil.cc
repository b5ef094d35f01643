// Windows hibernation files: the format's entry, and what all generations have in common.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "dumpfmt/formats.h"
#include "dumpfmt/hiberfil_body.h"
#include "dumpfmt/hiberfil_header.h"
#include "dumpfmt/hiberfil_headerless.h"
#include "dumpfmt/hiberfil_layout.h"
#include "dumpfmt/hiberfil_legacy.h"
#include "dumpfmt/hiberfil_modern.h"
#include "dumpfmt/hiberfil_processor.h"
#include "dumpfmt/hiberfil_root.h"
#include "dumpfmt/hiberfil_source.h"
#include "dumpfmt/hiberfil_table.h"

namespace v2p {
namespace {

using hiberfil::Body;
using hiberfil::State;

void AddState(const Record& page0, State state, Image& image) {
  auto& facts = image.facts.details;
  facts.push_back({"signature", page0.Text(hiberfil::kSignatureAt, hiberfil::kSignatureBytes)});
  facts.push_back({"state", std::string(Name(state))});
  facts.push_back({"state-meaning", std::string(WordsOf(state))});
  if (IsDoubtful(state)) image.warnings.emplace_back(WordsOf(state));
}

// How much of what was written can still be had.
void AddRecoverable(const Body& body, std::vector<Fact>& facts) {
  const std::uint64_t pages = body.sets.Pages();
  facts.push_back(
      {"recoverable", body.all_listed
                          ? fmt::format("{} of {} pages", pages, pages + body.missing_pages)
                          : fmt::format("{} pages; nothing tells how many there were", pages)});
}

void AddSets(const hiberfil::SetTable& sets, std::vector<Fact>& facts) {
  std::array<std::uint64_t, 3> count{};
  std::uint64_t stored = 0;
  for (std::size_t i = 0; i < sets.Count(); ++i) {
    const auto set = sets.At(i);
    ++count[static_cast<std::size_t>(CodingOf(set, sets.Rule()))];
    stored += set.stored;
  }
  facts.push_back({"sets", std::uint64_t{sets.Count()}});
  facts.push_back({"sets-raw", count[0]});
  facts.push_back({"sets-plain", count[1]});
  facts.push_back({"sets-huffman", count[2]});
  facts.push_back({"stored-pages", sets.Pages()});
  facts.push_back({"stored-bytes", stored});
}

// What is behind the last set is left from older hibernations, or was never written.
void AddTail(const Body& body, std::uint64_t size, std::vector<Fact>& facts) {
  if (body.end < size) facts.push_back({"bytes-behind", size - body.end});
}

void AddMemory(std::shared_ptr<const ByteSource> source, Body body, Image& image) {
  PageIndex index(std::move(body.runs));
  if (index.RepeatedPages() != 0) {
    image.warnings.push_back(fmt::format("{} pages come more than once: the first of each is used",
                                         index.RepeatedPages()));
  }
  image.memory = std::make_shared<const PhysicalMemory>(
      hiberfil::MakeSetSource(std::move(source), std::move(body.sets)), std::move(index));
}

Result<Image> Finish(std::shared_ptr<const ByteSource> source, Body body, Image image) {
  image.title = fmt::format("Windows hibernation file, {}", body.windows);
  image.facts.machine = body.machine;
  image.facts.os = GuestOs::kWindows;
  image.facts.missing_pages = body.missing_pages;
  auto& facts = image.facts.details;
  std::move(body.facts.begin(), body.facts.end(), std::back_inserter(facts));
  std::move(body.warnings.begin(), body.warnings.end(), std::back_inserter(image.warnings));
  AddRecoverable(body, facts);
  if (body.wiped) {
    image.no_memory =
        "the body of this hibernation file was wiped, as Windows does after a resume: only the "
        "header is left; take a file before the machine resumes";
    return image;
  }
  AddSets(body.sets, facts);
  AddTail(body, source->Size(), facts);
  AddMemory(std::move(source), std::move(body), image);
  return image;
}

// Of the registers the root is a claim when the image holds it.
void AddProcessor(const CpuFacts& cpu, Image& image) {
  image.facts.cpus.push_back(cpu);
  const std::uint64_t low = cpu.mode == ModeName::kPae ? 0x1F : kPageBytes - 1;
  if (!image.memory || !image.memory->Contains(PhysAddr(*cpu.cr3 & ~low))) {
    image.warnings.emplace_back("the saved page table root is not among the pages of this file");
    return;
  }
  DtbClaim claim;
  claim.value = *cpu.cr3;
  claim.source = "processor-state";
  claim.mode = cpu.mode;
  claim.mode_source = "processor-state";
  claim.cpu = 0;
  image.facts.dtb_claims.push_back(std::move(claim));
}

// Windows XP to 7. Where the header is gone the registers are on one of three pages.
std::optional<CpuFacts> LegacyProcessor(const ByteSource& source,
                                        const hiberfil::LegacyBody& legacy) {
  std::vector<std::uint64_t> pages = {1, 2, 4};
  if (legacy.layout != nullptr) pages = {legacy.layout->processor_page};
  for (const std::uint64_t page : pages) {
    if (auto cpu = hiberfil::ReadProcessor(source, page, legacy.body.machine)) return cpu;
  }
  return std::nullopt;
}

Result<Image> OpenLegacy(std::shared_ptr<const ByteSource> source, const Record& page0,
                         Image image) {
  auto legacy = hiberfil::ReadLegacy(*source, page0);
  if (!legacy) return tl::unexpected<Error>(std::move(legacy).error());
  const auto cpu = LegacyProcessor(*source, *legacy);
  auto opened = Finish(std::move(source), std::move(legacy->body), std::move(image));
  if (opened && cpu) AddProcessor(*cpu, *opened);
  return opened;
}

// Where Windows 8 and later save the registers no public source tells; page 1 is likely. They are
// believed when the root that they name leads to itself, as Windows' own do.
constexpr std::uint64_t kMostStatePages = 8;

void AddVerifiedProcessor(const ByteSource& source, Image& image) {
  if (!image.memory) return;
  const Machine machine =
      image.facts.machine == Machine::kX86 ? Machine::kX86 : Machine::kX64;  // or ARM64
  for (std::uint64_t page = 1; page < kMostStatePages; ++page) {
    const auto cpu = hiberfil::ReadProcessor(source, page, machine);
    if (!cpu || !hiberfil::HasSelfEntry(*image.memory, *cpu)) continue;
    image.facts.machine = machine;
    AddProcessor(*cpu, image);
    return;
  }
}

// XP: the file names another volume, where the image is (Volatility 2 hibernate.py).
Image LinkImage(Image image) {
  image.title = "Windows hibernation file, a link";
  image.facts.os = GuestOs::kWindows;
  image.no_memory =
      "this file only names the volume where the hibernation file is: take that one instead";
  image.facts.details.push_back({"recoverable", std::string("nothing")});
  return image;
}

Image WipedImage(Image image) {
  image.title = "Windows hibernation file, wiped";
  image.facts.os = GuestOs::kWindows;
  image.no_memory = "this hibernation file was wiped: neither header nor pages are left";
  image.facts.details.push_back({"recoverable", std::string("nothing")});
  return image;
}

bool IsZero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{}; });
}

Result<Image> OpenModern(const std::shared_ptr<const ByteSource>& source, Body body, Image image) {
  auto opened = Finish(source, std::move(body), std::move(image));
  if (opened) AddVerifiedProcessor(*source, *opened);
  return opened;
}

// Up to Windows 7 Windows wipes the header alone, later everything; but that may go wrong.
Result<Image> OpenWithoutHeader(const std::shared_ptr<const ByteSource>& source,
                                const Record& page0, const Image& image) {
  auto legacy = OpenLegacy(source, page0, image);
  if (legacy || legacy.error().kind != ErrorKind::kCorrupt) return legacy;
  auto modern = hiberfil::FindModernBody(*source);
  if (!modern) return tl::unexpected<Error>(std::move(modern).error());
  if (*modern) return OpenModern(source, std::move(**modern), image);
  if (IsZero(page0.Bytes())) return WipedImage(image);
  return legacy;
}

Result<Image> OpenHiberfil(std::shared_ptr<const ByteSource> source, const OpenOptions&) {
  if (source->Size() > hiberfil::SetTable::kMostFileBytes) {
    return Fail(ErrorKind::kUnsupported, "hibernation files above 16 TiB are not read");
  }
  const auto page0 = ReadRecord(*source, 0, kPageBytes, "the hibernation file's header");
  if (!page0) return tl::unexpected<Error>(page0.error());
  Image image;
  image.format = "hiberfil";
  const State state = hiberfil::StateOf(page0->Bytes());
  AddState(*page0, state, image);
  if (state == State::kLink) return LinkImage(std::move(image));
  if (hiberfil::IsModern(*page0)) {
    auto body = hiberfil::ReadModern(*source, *page0);
    if (!body) return tl::unexpected<Error>(std::move(body).error());
    return OpenModern(source, std::move(*body), std::move(image));
  }
  if (state == State::kNoHeader) return OpenWithoutHeader(source, *page0, image);
  if (page0->U32(hiberfil::kLengthSelfAt) == hiberfil::kWindows2000Length) {
    return Fail(ErrorKind::kUnsupported,
                "hibernation files of Windows 2000 are not read: no sample is known");
  }
  return OpenLegacy(std::move(source), *page0, std::move(image));
}

// A file without a header is one by its body; an empty one by its name alone.
bool IsHiberfil(const ProbeView& probe) {
  if (hiberfil::StateOf(probe.head) != State::kNoHeader) return true;
  if (!IsZero(probe.head.first(std::min<std::size_t>(probe.head.size(), kPageBytes)))) return false;
  if (hiberfil::HasLegacyBody(probe.head)) return true;
  const std::string_view file = probe.name.substr(probe.name.find_last_of('/') + 1);
  return file == "hiberfil.sys" && probe.size >= kPageBytes;
}

}  // namespace

const Format kHiberfilFormat = {
    "hiberfil", "Windows hibernation file (hiberfil.sys)", IsHiberfil, OpenHiberfil, {}};

}  // namespace v2p
