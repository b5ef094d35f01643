// Names of findings, as they stand in output.
// SPDX-License-Identifier: Apache-2.0
#include "locate/findings.h"

namespace v2p {

Standing Candidate::TheStanding() const {
  if (!reason.empty() || confidence < kProbableConfidence) return Standing::kRejected;
  return confidence >= kVerifiedConfidence ? Standing::kVerified : Standing::kProbable;
}

AddressSpaceSpec Root::Spec(GuestOs os) const {
  AddressSpaceSpec spec;
  spec.mode = mode;
  spec.dtb = table.value;
  if (upper) spec.ttbr1 = upper->value;
  spec.os = os;
  return spec;
}

std::string_view Name(RootClass cls) {
  switch (cls) {
    case RootClass::kKernel:
      return "kernel";
    case RootClass::kProcess:
      return "process";
    case RootClass::kUserShadow:
      return "user-shadow";
    case RootClass::kOther:
      break;
  }
  return "other";
}

std::string_view Name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kFail:
      return "fail";
    case Verdict::kNotCheckable:
      break;
  }
  return "not-checkable";
}

std::string_view Name(Standing standing) {
  switch (standing) {
    case Standing::kVerified:
      return "verified";
    case Standing::kProbable:
      return "probable";
    case Standing::kRejected:
      break;
  }
  return "rejected";
}

std::string_view Name(RootState state) {
  switch (state) {
    case RootState::kOk:
      return "ok";
    case RootState::kFreed:
      return "freed";
    case RootState::kRecycled:
      return "recycled";
    case RootState::kNotInImage:
      return "not-in-image";
    case RootState::kShared:
      return "shared";
    case RootState::kInvalid:
      break;
  }
  return "invalid";
}

std::string_view Name(Linkage linkage) {
  switch (linkage) {
    case Linkage::kLinked:
      return "linked";
    case Linkage::kHidden:
      return "hidden";
    case Linkage::kExited:
      return "exited";
    case Linkage::kUnknown:
      break;
  }
  return "unknown";
}

}  // namespace v2p
