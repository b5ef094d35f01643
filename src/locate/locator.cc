// The order of the search.
// SPDX-License-Identifier: Apache-2.0
#include "locate/locator.h"

#include <algorithm>
#include <utility>

#include "locate/detector.h"
#include "locate/survey.h"

namespace v2p {
namespace {

constexpr std::uint64_t kLow = 16U << 20U;    // where Windows' roots mostly are, from RAM's start
constexpr std::uint64_t kRound = 64U << 20U;  // a stop is decided between rounds only
constexpr std::size_t kPatience = 8;          // judgements for each round that one may wait
constexpr std::size_t kMostRejected = 64;

int Rank(const Candidate& candidate) {
  switch (candidate.TheStanding()) {
    case Standing::kVerified:
      return 0;
    case Standing::kProbable:
      return 1;
    case Standing::kRejected:
      break;
  }
  return 2;
}

// Two systems that could both be meant: a choice between them would be a guess.
bool TooClose(const std::vector<System>& best_first) {
  constexpr int kClear = 10;
  return best_first.size() > 1 &&
         best_first[0].kernel.confidence - best_first[1].kernel.confidence < kClear;
}

class Search {
 public:
  Search(const PhysicalMemory& memory, const ImageFacts& facts, const LocateOptions& options)
      : memory_(memory),
        options_(options),
        end_(memory.End()),
        survey_(memory, RamOf(memory, facts), options.threads),
        hints_(ClaimedRoots(facts)),
        everything_(options.whole_image || options.processes) {
    scene_.memory = &memory;
    scene_.facts = &facts;
    scene_.seen = &seen_;
    scene_.thorough = options.whole_image;
  }

  Findings Run() {
    Judge();
    if (everything_) {
      ScanAll();
    } else {
      if (!Done()) ScanLow();
      if (!Done()) ScanRoots();
      if (!Done()) ScanContent();
    }
    Finish();
    return std::move(findings_);
  }

 private:
  bool Done() const {
    if (findings_.interrupted) return true;
    return std::any_of(judgement_.systems.begin(), judgement_.systems.end(), [](const System& s) {
      return s.kernel.TheStanding() == Standing::kVerified;
    });
  }

  void Judge() {
    judged_ = seen_.Count();
    ++judgements_;
    waited_ = 0;
    judgement_ = JudgeWindows(scene_, hints_);
    Judgement others = JudgeLinux(scene_, hints_);
    std::move(others.candidates.begin(), others.candidates.end(),
              std::back_inserter(judgement_.candidates));
    std::move(others.systems.begin(), others.systems.end(), std::back_inserter(judgement_.systems));
  }

  void ScanAll() {
    ScanRange(AllDetectors(), PhysAddr(0), Judging::kLater);
    scene_.whole_image = !findings_.interrupted;
    Judge();
  }

  // Roots first; content too where there is little of it, for cases that roots alone leave open.
  void ScanLow() {
    const auto first = memory_.FirstPresent(PhysAddr(0), end_);
    low_end_ = first ? *first + kLow : end_;
    Scan(RootDetectors(), PhysAddr(0), low_end_);
    Judge();
    if (Done()) return;
    Scan(ContentDetectors(), PhysAddr(0), low_end_);
    if (seen_.Count() != judged_) Judge();
  }

  void ScanRoots() {
    ScanRange(RootDetectors(), low_end_, Judging::kAtOnce);
    if (!Done() && seen_.Count() != judged_) Judge();
  }

  void ScanContent() {
    ScanRange(ContentDetectors(), low_end_, Judging::kLater);
    scene_.whole_image = !findings_.interrupted;
    Judge();
  }

  enum class Judging : std::uint8_t { kAtOnce, kLater };

  // From one present page to the next: an image may claim memory anywhere in 2^56 bytes.
  void ScanRange(std::span<const Detector> detectors, PhysAddr from, Judging judging) {
    while (const auto at = memory_.FirstPresent(from, end_)) {
      from = PhysAddr((at->value / kRound + 1) * kRound);
      Scan(detectors, *at, from);
      if (findings_.interrupted) return;
      if (judging == Judging::kLater || seen_.Count() == judged_) continue;
      // In an image full of decoys, judging round after round would cost more than the scan.
      if (++waited_ <= judgements_ / kPatience) continue;
      Judge();
      if (Done()) return;
    }
  }

  void Scan(std::span<const Detector> detectors, PhysAddr begin, PhysAddr end) {
    findings_.scanned_bytes += survey_.Scan(detectors, begin, std::min(end, end_), seen_);
    if (!options_.progress) return;
    const std::uint64_t total = (everything_ ? 1 : 2) * memory_.PresentBytes();
    if (!options_.progress(findings_.scanned_bytes, total, judgement_.candidates.size())) {
      findings_.interrupted = true;
    }
  }

  void Finish() {
    auto& systems = judgement_.systems;
    std::stable_sort(systems.begin(), systems.end(), [](const System& a, const System& b) {
      return a.kernel.confidence > b.kernel.confidence;
    });
    if (options_.processes || options_.listed_processes) {
      for (System& system : systems) {
        system.os == GuestOs::kLinux ? FindLinuxProcesses(scene_, system)
                                     : FindWindowsProcesses(scene_, system);
      }
    }
    findings_.ambiguous = TooClose(systems);
    findings_.systems = std::move(systems);
    findings_.whole_image = scene_.whole_image;
    TakeCandidates();
  }

  void TakeCandidates() {
    auto& all = judgement_.candidates;
    std::stable_sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) {
      if (Rank(a) != Rank(b)) return Rank(a) < Rank(b);
      if (a.cls != b.cls) return a.cls < b.cls;
      return a.confidence > b.confidence;
    });
    std::size_t rejected = 0;
    for (Candidate& candidate : all) {
      // One judge's root is no business of the other's.
      const bool known = std::any_of(
          findings_.candidates.begin(), findings_.candidates.end(),
          [&](const Candidate& better) { return better.root.table == candidate.root.table; });
      if (candidate.TheStanding() == Standing::kRejected && known) continue;
      if (candidate.TheStanding() == Standing::kRejected && ++rejected > kMostRejected) {
        ++findings_.rejected_left_out;
      } else {
        findings_.candidates.push_back(std::move(candidate));
      }
    }
  }

  const PhysicalMemory& memory_;
  const LocateOptions& options_;
  PhysAddr end_;
  PhysAddr low_end_;
  Survey survey_;
  std::vector<RootHint> hints_;
  bool everything_;
  Sightings seen_;
  Scene scene_;
  Judgement judgement_;
  Findings findings_;
  std::size_t judged_ = 0;  // sightings that the last judgement knew
  std::size_t judgements_ = 0;
  std::size_t waited_ = 0;  // rounds with sightings since the last one
};

}  // namespace

std::vector<RootHint> ClaimedRoots(const ImageFacts& facts) {
  std::vector<RootHint> hints;
  for (const DtbClaim& claim : facts.dtb_claims) {
    // An assumed mode is no more than a guess that the judges make better.
    hints.push_back(
        {claim.value, std::nullopt, claim.mode_assumed ? std::nullopt : claim.mode, claim.source});
  }
  return hints;
}

Findings WeighRoots(const PhysicalMemory& memory, const ImageFacts& facts,
                    std::span<const RootHint> hints, bool thorough) {
  const Sightings none;
  const Scene scene{&memory, &facts, &none, false, thorough};
  Findings findings;
  for (auto* judge : {JudgeWindows, JudgeLinux}) {
    Judgement judgement = judge(scene, hints);
    std::move(judgement.candidates.begin(), judgement.candidates.end(),
              std::back_inserter(findings.candidates));
    std::move(judgement.systems.begin(), judgement.systems.end(),
              std::back_inserter(findings.systems));
  }
  return findings;
}

Findings Locate(const PhysicalMemory& memory, const ImageFacts& facts,
                const LocateOptions& options) {
  return Search(memory, facts, options).Run();
}

}  // namespace v2p
