// Each field is voted for by all objects at every offset. What a field of a process must look like
// is the same in all builds of Windows, unlike its place.
// SPDX-License-Identifier: Apache-2.0
#include "locate/eprocess_derivation.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "locate/process_blocks.h"

namespace v2p {
namespace {

constexpr std::uint64_t kSystemPid = 4;
constexpr std::uint64_t kPidLimit = 1U << 26U;  // Sysinternals, "Pushing the Limits": 2^24 handles
constexpr std::size_t kFirstField = 0x40;
constexpr std::size_t kFirstName = 0x100;
constexpr std::size_t kMostPebs = 32;

bool IsPid(std::uint64_t value) { return value % 4 == 0 && value < kPidLimit; }

// Nine in ten; of few, all but none.
bool NearlyAll(std::size_t part, std::size_t all) { return all != 0 && part * 10 >= all * 9; }

bool IsNameText(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '\x7F';
  });
}

bool IsProgram(const std::string& name) { return name.find('.') != std::string::npos; }

class Derivation {
 public:
  Derivation(const EprocessContext& context, std::span<const Eprocess> objects,
             const Eprocess* system)
      : context_(context), system_(system), pointer_(context.Space().pointer_bytes) {
    for (const Eprocess& object : objects) {
      size_ = object.Size();
      known_.insert(object.At().value);
      if (system != nullptr && object.At() == system->At()) continue;
      if (!context.InKernelImage(object.At())) others_.push_back(&object);
    }
  }

  EprocessOffsets Run() {
    constexpr std::size_t kFewest = 3;
    if (others_.size() + (system_ != nullptr ? 2 : 0) < kFewest) return {};
    found_.name = Narrow(FindName());
    found_.pid = Narrow(FindPid());
    if (found_.name == 0 || found_.pid == 0) return {};
    found_.links = Narrow(found_.pid + pointer_);
    CollectPids();
    found_.create_time = Narrow(FindCreateTime());
    found_.exit_time = Narrow(FindExitTime());
    found_.parent_pid = Narrow(FindParent());
    found_.peb = Narrow(FindPeb());
    found_.user_root = Narrow(FindUserRoot());
    return found_;
  }

 private:
  static std::uint16_t Narrow(std::size_t offset) { return static_cast<std::uint16_t>(offset); }

  template <class Test>
  std::size_t Count(Test test) const {
    return static_cast<std::size_t>(
        std::count_if(others_.begin(), others_.end(), [&](const Eprocess* o) { return test(*o); }));
  }

  // Whether System has `value` at `at`, or is not there to tell.
  bool SystemHas(std::size_t at, std::uint64_t value) const {
    return system_ == nullptr || system_->Pointer(at) == value;
  }

  // The one offset at which System has its name and the others have one. A name of control
  // characters is somebody's joke and no vote: three in four will do. Without System, most names
  // must be those of programs.
  std::size_t FindName() const {
    std::size_t best = 0, most = 0;
    for (std::size_t at = kFirstName; at + 16 <= size_; at += pointer_) {
      if (system_ != nullptr && system_->Name(at) != "System") continue;
      const std::size_t votes = Count([&](const Eprocess& o) {
        const auto name = o.Name(at);
        return name && IsNameText(*name) && (system_ != nullptr || IsProgram(*name));
      });
      if (votes > most) {
        most = votes;
        best = at;
      }
    }
    return most * 4 >= others_.size() * 3 ? best : 0;
  }

  bool HasLinks(const Eprocess& object, std::size_t at) const {
    const auto next = object.Pointer(at), last = object.Pointer(at + pointer_);
    return next && last && context_.IsKernelPointer(*next) && context_.IsKernelPointer(*last);
  }

  // Whether the list goes on in a known object, in the kernel (where its head is), or in something
  // that points back. Nothing: that page is not in the image.
  std::optional<bool> LeadsOn(const Eprocess& object, std::size_t at) const {
    const VirtAddr next(object.Pointer(at).value_or(0));
    if (known_.contains(next.value - at) || context_.InKernelImage(next)) return true;
    if (context_.reader->Find(next + pointer_).reach == Reach::kNotInImage) return std::nullopt;
    return context_.reader->LoadPointer(next + pointer_) == (object.At() + at).value;
  }

  struct PidVotes {
    std::size_t votes = 0, linked = 0, astray = 0;
    std::unordered_set<std::uint64_t> pids;
  };

  PidVotes VotesForPid(std::size_t at) const {
    PidVotes result;
    for (const Eprocess* o : others_) {
      const auto pid = o->Pointer(at);
      if (!pid || !IsPid(*pid) || !HasLinks(*o, at + pointer_)) continue;
      ++result.votes;
      result.pids.insert(*pid);
      const auto leads_on = LeadsOn(*o, at + pointer_);
      result.linked += leads_on == true ? 1 : 0;
      result.astray += leads_on == false ? 1 : 0;
    }
    return result;
  }

  std::size_t FindPid() const {
    std::size_t best = 0;
    std::pair<std::size_t, std::size_t> most;
    for (std::size_t at = kFirstField; at + 3 * pointer_ <= size_; at += pointer_) {
      if (!SystemHas(at, kSystemPid)) continue;
      const PidVotes found = VotesForPid(at);
      if (!NearlyAll(found.votes, others_.size())) continue;
      if (!NearlyAll(found.pids.size(), found.votes)) continue;
      if (found.linked < 4 * found.astray) continue;
      if (std::pair(found.linked, found.votes) <= most) continue;
      most = {found.linked, found.votes};
      best = at;
    }
    return best;
  }

  void CollectPids() {
    for (const Eprocess* o : others_) pids_.insert(o->Pointer(found_.pid).value_or(0));
    pids_.insert(kSystemPid);
    pids_.erase(0);
  }

  bool HasTime(const Eprocess& object, std::size_t at) const {
    const auto time = object.Load<std::uint64_t>(at);
    return time && context_.IsProcessTime(*time);
  }

  // Every process began at some time; System before all others unless the clock was set. Of
  // several such fields the one nearest to the links.
  std::size_t FindCreateTime() const {
    std::size_t best = 0;
    std::pair<bool, std::size_t> best_rank;
    for (std::size_t at = kFirstField; at + 8 <= size_; at += 8) {
      if (system_ != nullptr && !HasTime(*system_, at)) continue;
      if (!NearlyAll(Count([&](const Eprocess& o) { return HasTime(o, at); }), others_.size())) {
        continue;
      }
      const bool later = system_ != nullptr &&
                         Count([&](const Eprocess& o) {
                           return o.Load<std::uint64_t>(at) < system_->Load<std::uint64_t>(at);
                         }) != 0;
      const std::size_t links = found_.links;
      const std::pair rank{later, std::max(at, links) - std::min(at, links)};
      if (best != 0 && rank >= best_rank) continue;
      best = at;
      best_rank = rank;
    }
    return best;
  }

  // Zero while a process runs, a time after its beginning when it has ended. Needs both kinds.
  std::size_t FindExitTime() const {
    const std::size_t ended = Count([](const Eprocess& o) { return o.HasEnded(); });
    if (ended == 0 || found_.create_time == 0) return 0;
    std::size_t found = 0;
    for (std::size_t at = kFirstField; at + 8 <= size_; at += 8) {
      if (at == found_.create_time || !SystemHas(at, 0)) continue;
      const std::size_t times = Count([&](const Eprocess& o) {
        return o.HasEnded() && HasTime(o, at) &&
               o.Load<std::uint64_t>(at) >= o.Load<std::uint64_t>(found_.create_time);
      });
      const std::size_t zeros = Count(
          [&](const Eprocess& o) { return !o.HasEnded() && o.Load<std::uint64_t>(at) == 0U; });
      if (!NearlyAll(times, ended) || !NearlyAll(times + zeros, others_.size())) continue;
      if (found != 0) return 0;
      found = at;
    }
    return found;
  }

  // A PID, not its own, mostly of a process that is there. Parents may have ended.
  std::size_t FindParent() const {
    std::size_t best = 0, most = 0;
    for (std::size_t at = found_.links + 2 * pointer_; at < found_.name; at += pointer_) {
      if (!SystemHas(at, 0)) continue;
      std::size_t there = 0;
      const std::size_t votes = Count([&](const Eprocess& o) {
        const auto pid = o.Pointer(at);
        if (!pid || !IsPid(*pid) || *pid == 0 || pid == o.Pointer(found_.pid)) return false;
        there += pids_.contains(*pid) ? 1 : 0;
        return true;
      });
      if (votes * 4 < others_.size() * 3 || there * 2 < votes || there <= most) continue;
      most = there;
      best = at;
    }
    return best;
  }

  bool MayBePeb(const Eprocess& object, std::size_t at) const {
    const auto value = object.Pointer(at);
    return value && *value != 0 && *value % kPageBytes == 0 && IsUserAddress(context_, *value);
  }

  // Where a page in the process's own memory says the version of this system: this proves the
  // process's root as well.
  std::size_t FindPeb() const {
    std::size_t best = 0, most = 0;
    for (std::size_t at = found_.links; at + pointer_ <= size_; at += pointer_) {
      if (!SystemHas(at, 0)) continue;
      std::size_t tried = 0, proven = 0;
      for (const Eprocess* o : others_) {
        if (tried == kMostPebs) break;
        if (!MayBePeb(*o, at)) continue;
        ++tried;
        proven += IsPeb(context_, *o, VirtAddr(*o->Pointer(at))) ? 1 : 0;
      }
      if (proven <= most) continue;
      most = proven;
      best = at;
    }
    return best;
  }

  // Zero, one, or a root of this system without shared data; in KPROCESS, which PID follows.
  std::size_t FindUserRoot() const {
    if (pointer_ != 8) return 0;
    for (std::size_t at = kFirstField; at < found_.pid; at += 8) {
      std::size_t shadows = 0, wrong = 0;
      for (const Eprocess* o : others_) {
        const auto value = o->Load<std::uint64_t>(at);
        const UserRoot kind = value ? LookAtUserRoot(context_, *value) : UserRoot::kWrong;
        shadows += kind == UserRoot::kShadow ? 1 : 0;
        wrong += kind == UserRoot::kWrong && !o->HasEnded() ? 1 : 0;
      }
      if (shadows != 0 && NearlyAll(others_.size() - wrong, others_.size())) return at;
    }
    return 0;
  }

  const EprocessContext& context_;
  const Eprocess* system_;
  std::size_t pointer_;
  std::size_t size_ = 0;
  std::vector<const Eprocess*> others_;
  std::unordered_set<std::uint64_t> known_;  // addresses of all objects
  std::unordered_set<std::uint64_t> pids_;
  EprocessOffsets found_;
};

}  // namespace

EprocessOffsets DeriveEprocessOffsets(const EprocessContext& context,
                                      std::span<const Eprocess> objects, const Eprocess* system) {
  return Derivation(context, objects, system).Run();
}

}  // namespace v2p
