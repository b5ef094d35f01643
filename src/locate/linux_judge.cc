// Linux roots, weighed.
// SPDX-License-Identifier: Apache-2.0
#include "locate/judge.h"

namespace v2p {

Judgement JudgeLinux(const Scene& /*scene*/, std::span<const RootHint> /*hints*/) { return {}; }

}  // namespace v2p
