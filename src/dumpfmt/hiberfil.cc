// Windows hibernation files: the format's entry, and what all generations have in common.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <iterator>
#include <utility>

#include "dumpfmt/formats.h"
#include "dumpfmt/hiberfil_body.h"
#include "dumpfmt/hiberfil_header.h"
#include "dumpfmt/hiberfil_layout.h"
#include "dumpfmt/hiberfil_modern.h"
#include "dumpfmt/hiberfil_source.h"

namespace v2p {
namespace {

using hiberfil::Body;
using hiberfil::State;

void AddState(const Record& page0, State state, Image& image) {
  auto& facts = image.facts.details;
  facts.push_back({"signature", page0.Text(hiberfil::kSignatureAt, hiberfil::kSignatureBytes)});
  facts.push_back({"state", std::string(Name(state))});
  if (const auto warning = WarningOf(state); !warning.empty()) {
    image.warnings.emplace_back(warning);
  }
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
  if (!hiberfil::IsModern(*page0)) {
    return Fail(ErrorKind::kUnsupported,
                "hibernation files before Windows 8 are not read by this version; convert it to "
                "raw memory, for example with Volatility 2 imagecopy");
  }
  auto body = hiberfil::ReadModern(*source, *page0);
  if (!body) return tl::unexpected<Error>(std::move(body).error());
  return Finish(std::move(source), std::move(*body), std::move(image));
}

}  // namespace

const Format kHiberfilFormat = {
    "hiberfil",
    "Windows hibernation file (hiberfil.sys)",
    [](const ProbeView& probe) { return hiberfil::StateOf(probe.head) != State::kNoHeader; },
    OpenHiberfil,
    {}};

}  // namespace v2p
