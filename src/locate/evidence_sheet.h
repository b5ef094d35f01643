// EvidenceSheet: collects the outcomes of the tests of one candidate and adds up their points.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "locate/findings.h"

namespace v2p {

class EvidenceSheet {
 public:
  explicit EvidenceSheet(Candidate& candidate) : candidate_(candidate) {}

  void Pass(std::string_view test, int points, std::string detail) {
    candidate_.evidence.push_back({test, Verdict::kPass, points, std::move(detail)});
    candidate_.confidence = std::clamp(candidate_.confidence + points, 0, kMostConfidence);
  }
  void Fail(std::string_view test, std::string detail) {
    candidate_.evidence.push_back({test, Verdict::kFail, 0, std::move(detail)});
  }
  void Unknown(std::string_view test, std::string detail) {
    candidate_.evidence.push_back({test, Verdict::kNotCheckable, 0, std::move(detail)});
  }
  /// What ends the matter: the candidate is rejected.
  void Veto(std::string_view test, std::string why) {
    Fail(test, why);
    candidate_.reason = std::move(why);
  }

 private:
  Candidate& candidate_;
};

}  // namespace v2p
