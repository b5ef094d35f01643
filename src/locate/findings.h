// Findings: the roots, systems and processes of an image, with the evidence for each.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/image_facts.h"
#include "locate/root.h"

namespace v2p {

/// Outcome of one test. Names in output: pass, fail, not-checkable.
enum class Verdict : std::uint8_t { kPass, kFail, kNotCheckable };

/// One test of a root. `test` is kebab-case and API ("self-map", "user-shared-data",
/// "kernel-image", "system-process", "low-stub", "header", "debugger-data", "vmcoreinfo",
/// "linux-structure", "linux-banner", ...). `detail` may hold text from the image.
struct Evidence {
  std::string_view test;
  Verdict verdict = Verdict::kNotCheckable;
  int points = 0;  ///< what it added to the confidence
  std::string detail;
};

/// Confidence from which a root counts as verified, and from which it is used with a warning.
inline constexpr int kVerifiedConfidence = 60;
inline constexpr int kProbableConfidence = 35;
inline constexpr int kMostConfidence = 99;

/// Names in output: verified, probable, rejected.
enum class Standing : std::uint8_t { kVerified, kProbable, kRejected };

/// A root that was considered.
struct Candidate {
  Root root;
  RootClass cls = RootClass::kOther;
  GuestOs os = GuestOs::kUnknown;
  std::string
      source;  ///< first that named it: "header", "cpu0-note", "user", "low-stub", "scan"...
  int confidence = 0;              ///< 0..99
  std::vector<Evidence> evidence;  ///< in the order of the tests
  std::string reason;              ///< why it was rejected, one clause; empty otherwise
  std::optional<PhysAddr> pair;    ///< the other half of a KVA shadow / KPTI pair
  std::uint64_t cluster = 0;       ///< candidates of one system share it; 0: of none

  Standing TheStanding() const;
};

/// State of a process's root. Names in output: ok, freed, recycled, not-in-image, shared, invalid.
enum class RootState : std::uint8_t {
  kOk,          ///< passes the tests of a root of this system
  kFreed,       ///< the process has exited and the page is no root any more
  kRecycled,    ///< the page now belongs to another process
  kNotInImage,  ///< the page is absent from the image
  kShared,      ///< a kernel thread or minimal process: runs on the kernel's own root
  kInvalid,     ///< none of these, e.g. smeared
};

/// How a process is known. Names in output: linked, hidden, exited, unknown.
enum class Linkage : std::uint8_t {
  kLinked,   ///< in the system's list
  kHidden,   ///< found in memory, alive, but not in the list
  kExited,   ///< found in memory, not in the list, exited
  kUnknown,  ///< the list could not be followed, or never has it: the idle process
};

struct Process {
  std::uint64_t pid = 0;
  std::optional<std::uint64_t> parent_pid;
  std::string name;  ///< raw bytes of the image: not safe for a terminal
  VirtAddr object;   ///< EPROCESS or task_struct
  std::optional<PhysAddr> object_at;
  std::optional<Root> root;                             ///< nothing: runs on the kernel's root
  std::optional<Root> user_root;                        ///< KVA shadow / KPTI
  std::optional<std::uint64_t> create_time, exit_time;  ///< FILETIME, UTC; nothing: unknown or none
  RootState root_state = RootState::kOk;
  Linkage linkage = Linkage::kUnknown;
};

/// A root that has a system's kernel half but that no process claims.
struct OrphanRoot {
  Root root;
  bool user_shadow = false;
};

/// One operating system found in the image.
struct System {
  GuestOs os = GuestOs::kUnknown;
  Candidate kernel;                    ///< its best root
  std::optional<std::uint32_t> build;  ///< Windows
  std::string version;                 ///< "10.0.19041" or the Linux release
  std::optional<VirtAddr> kernel_base;
  std::optional<VirtAddr> system_process;  ///< Windows: EPROCESS of System
  std::vector<Fact> facts;                 ///< further facts for people, in the order to show
  std::vector<Process> processes;          ///< ascending by PID, then object; filled when asked for
  std::vector<OrphanRoot> orphans;
  std::vector<std::string> notes;  ///< doubts, one line each: offsets that disagree, broken lists
};

/// Everything that was found. Order is best first and does not depend on timing.
struct Findings {
  std::vector<System> systems;          ///< kernels of at least probable standing
  std::vector<Candidate> candidates;    ///< all that were considered, kernels first
  std::uint64_t rejected_left_out = 0;  ///< rejected candidates beyond the number that is kept
  std::uint64_t scanned_bytes = 0;
  bool whole_image = false;  ///< every page was looked at
  bool interrupted = false;
  /// The two best systems are too close to choose: an answer needs --os or --dtb.
  bool ambiguous = false;
};

std::string_view Name(Verdict verdict);
std::string_view Name(Standing standing);
std::string_view Name(RootState state);
std::string_view Name(Linkage linkage);

}  // namespace v2p
