// Content that begins with a fixed text at an address divisible by eight, all in one pass:
// compilers align arrays and structures of this size so, in every kernel seen.
// SPDX-License-Identifier: Apache-2.0
#include "locate/marked_content.h"

#include <array>

#include "base/bytes.h"
#include "locate/detectors.h"
#include "locate/word_search.h"

namespace v2p {
namespace {

constexpr std::uint64_t Word(const char (&text)[9]) {
  std::uint64_t word = 0;
  for (std::size_t i = 8; i-- > 0;) word = word << 8U | static_cast<unsigned char>(text[i]);
  return word;
}

struct Content {
  WordMark mark;
  void (*see)(const MarkedPlace& place, Sightings& out);
};

constexpr std::uint64_t kLowHalf = 0xFFFF'FFFF;
constexpr std::array<Content, kWordMarks> kContents = {{
    {{Word("KDBG\0\0\0\0"), kLowHalf}, SeeDebuggerData},
    {{Word("OSRELEAS")}, SeeVmcoreinfo},
    {{Word("Linux ve")}, SeeLinuxBanner},
}};
constexpr WordMarks kMarks = {kContents[0].mark, kContents[1].mark, kContents[2].mark};

}  // namespace

void DetectMarkedContent(const PageRun& run, const RamBounds& /*ram*/, Sightings& out) {
  for (std::size_t at = FindMarkedWord(run.bytes, kMarks); at < run.bytes.size();
       at = FindMarkedWord(run.bytes, kMarks, at + 8)) {
    const auto word = LoadLe<std::uint64_t>(run.bytes.data() + at);
    const std::size_t page = at / kPageBytes;
    for (const Content& content : kContents) {
      if (!content.mark.Matches(word)) continue;
      content.see({run.Page(page), run.PageAt(page), at % kPageBytes}, out);
    }
  }
}

}  // namespace v2p
