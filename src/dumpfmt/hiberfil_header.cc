// Signatures of hiberfil.sys.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/hiberfil_header.h"

#include <array>

#include "base/bytes.h"

namespace v2p::hiberfil {
namespace {

struct Row {
  std::string_view text;
  State state;
};

// PO_MEMORY_IMAGE.Signature: libyal/libhibr's document of the format, Hibr2Bin, Volatility 2
// hibernate.py. Windows XP writes small letters, later ones capitals.
constexpr std::array<Row, 11> kSignatures = {{{"hibr", State::kValid},
                                              {"HIBR", State::kValid},
                                              {"BRKP", State::kBreak},
                                              {"wake", State::kConsumed},
                                              {"WAKE", State::kConsumed},
                                              {"rstr", State::kResuming},
                                              {"RSTR", State::kResuming},
                                              {"horm", State::kReusable},
                                              {"HORM", State::kReusable},
                                              {"link", State::kLink},
                                              {"LINK", State::kLink}}};

}  // namespace

State StateOf(std::span<const std::byte> head) {
  for (const Row& row : kSignatures) {
    if (HasText(head, 0, row.text)) return row.state;
  }
  return State::kNoHeader;
}

std::string_view Name(State state) {
  switch (state) {
    case State::kValid:
      return "valid";
    case State::kBreak:
      return "valid-break-on-resume";
    case State::kConsumed:
      return "consumed";
    case State::kResuming:
      return "resuming";
    case State::kReusable:
      return "reusable";
    case State::kLink:
      return "link";
    case State::kNoHeader:
      break;
  }
  return "no-header";
}

std::string_view WordsOf(State state) {
  switch (state) {
    case State::kValid:
      return "written by a hibernation, not resumed from since";
    case State::kBreak:
      return "not resumed from since; on its resume the kernel stops in the debugger";
    case State::kConsumed:
      return "the machine has resumed from this file, or gave it up: its memory is as it was at "
             "hibernation, as far as it was not overwritten since";
    case State::kResuming:
      return "a resume from this file was under way: its memory is as it was at hibernation, as "
             "far as it was not overwritten since";
    case State::kReusable:
      return "written once to be resumed from many times: it stays as it is";
    case State::kLink:
      return "only names the volume where the hibernation file is";
    case State::kNoHeader:
      break;
  }
  return "the file has no header any more: what is read is what its body still holds";
}

bool IsDoubtful(State state) {
  return state == State::kConsumed || state == State::kResuming || state == State::kNoHeader;
}

}  // namespace v2p::hiberfil
