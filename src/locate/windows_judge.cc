// Windows' roots: gathered, put into clusters of one kernel each, tested; one System a kernel.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "base/bytes.h"
#include "locate/judge.h"
#include "locate/windows_roots.h"
#include "translate/paging_mode.h"

namespace v2p {
namespace {

constexpr std::size_t kMostClusters = 64;      // explored; a hostile image may show many more
constexpr std::size_t kMostExplored = 8;       // roots of one kernel
constexpr std::size_t kMostTestedOfOne = 256;  // roots of one kernel that are shown with tests

struct Cluster {
  std::vector<const WindowsRoot*> roots;  // best first
  WindowsKernel kernel;
};

using ClusterKey = std::tuple<ModeName, unsigned, std::uint64_t>;

// The System process runs without a user half; of several, loaders and kernels come first.
bool MoreLikelyKernel(const WindowsRoot* a, const WindowsRoot* b) {
  const auto rank = [](const WindowsRoot* r) {
    return std::tuple(!r->shared_data.has_value(), r->page.user_entries != 0, r->root.table);
  };
  return rank(a) < rank(b);
}

bool MayBeKernel(const WindowsRoot& root) {
  return root.page.shape == RootShape::kSelfMap && root.page.has_shared_data &&
         (root.shared_data || root.shared_data_reach == Reach::kNotInImage);
}

class Court {
 public:
  Court(const Scene& scene, std::vector<WindowsRoot> roots)
      : scene_(scene), roots_(std::move(roots)) {}

  Judgement Run() {
    for (Cluster& cluster : Clusters()) Settle(cluster);
    for (const WindowsRoot& root : roots_) {
      if (!MayBeKernel(root)) Dismiss(root);
    }
    DropOtherReadings();
    return std::move(judgement_);
  }

 private:
  // Clusters, the most promising first; those beyond the limit are dropped from the far end.
  std::vector<Cluster> Clusters() const {
    std::map<ClusterKey, Cluster> by_key;
    for (const WindowsRoot& root : roots_) {
      if (!MayBeKernel(root)) continue;
      by_key[{root.root.mode, root.page.slot, root.page.kernel_half}].roots.push_back(&root);
    }
    std::vector<Cluster> clusters;
    for (auto& [key, cluster] : by_key) {
      std::sort(cluster.roots.begin(), cluster.roots.end(), MoreLikelyKernel);
      clusters.push_back(std::move(cluster));
    }
    std::stable_sort(clusters.begin(), clusters.end(), [](const Cluster& a, const Cluster& b) {
      const bool a_reached = a.roots[0]->shared_data.has_value();
      const bool b_reached = b.roots[0]->shared_data.has_value();
      if (a_reached != b_reached) return a_reached;
      return a.roots.size() > b.roots.size();
    });
    if (clusters.size() > kMostClusters) clusters.resize(kMostClusters);
    return clusters;
  }

  void Settle(Cluster& cluster) {
    Explore(cluster);
    const std::uint64_t number = ++clusters_;
    const std::size_t first = judgement_.candidates.size();
    const std::size_t others = cluster.roots.size() - 1;
    WindowsRoot system;
    if (AddSystemRoot(cluster, system)) cluster.roots.insert(cluster.roots.begin(), &system);
    std::size_t tested = 0;
    for (const WindowsRoot* root : cluster.roots) {
      if (!root->claimed && ++tested > kMostTestedOfOne) continue;
      Candidate candidate = Judge(scene_, *root, &cluster.kernel, others);
      candidate.cluster = number;
      judgement_.candidates.push_back(std::move(candidate));
    }
    ChooseKernel(first);
    MakeSystem(cluster, first);
  }

  // The most likely root may be a loader's that has two of the kernel's tables and no more. The
  // table that leads to the image is the same in all roots of a 64-bit kernel.
  void Explore(Cluster& cluster) const {
    std::size_t explored = 0;
    for (const WindowsRoot* root : cluster.roots) {
      if (explored == kMostExplored) return;
      if (++explored == 1) {
        cluster.kernel = ExploreKernel(scene_, *root);
      } else {
        ExploreFurther(scene_, *root, cluster.kernel);
      }
      if (cluster.kernel.system) return;
      if (!cluster.kernel.image.image && SpaceOf(root->root.mode).pointer_bytes == 8) return;
    }
  }

  // The System process may name a root that nobody saw, e.g. because the scan has not come there.
  bool AddSystemRoot(const Cluster& cluster, WindowsRoot& system) const {
    if (!cluster.kernel.system) return false;
    const Root root{cluster.roots[0]->root.mode, cluster.kernel.system->root, std::nullopt};
    for (const WindowsRoot* known : cluster.roots) {
      if (known->root == root) return false;
    }
    system.root = root;
    system.source = "system-process";
    Inspect(scene_, system);
    return MayBeKernel(system) && system.page.kernel_half == cluster.roots[0]->page.kernel_half;
  }

  // Where no System process tells, the most likely root stands for the kernel.
  void ChooseKernel(std::size_t first) {
    auto& all = judgement_.candidates;
    bool chosen = false;
    for (std::size_t i = first; i < all.size(); ++i) chosen |= all[i].cls == RootClass::kKernel;
    for (std::size_t i = first; i < all.size(); ++i) {
      if (all[i].cls != RootClass::kOther || !all[i].reason.empty()) continue;
      all[i].cls = chosen ? RootClass::kProcess : RootClass::kKernel;
      chosen = true;
    }
  }

  void MakeSystem(const Cluster& cluster, std::size_t first) {
    const auto& all = judgement_.candidates;
    const auto best = std::find_if(all.begin() + static_cast<std::ptrdiff_t>(first), all.end(),
                                   [](const Candidate& c) { return c.cls == RootClass::kKernel; });
    if (best == all.end() || best->TheStanding() == Standing::kRejected) return;
    System system;
    system.os = GuestOs::kWindows;
    system.kernel = *best;
    if (cluster.kernel.build != 0) system.build = cluster.kernel.build;
    if (cluster.kernel.system) system.system_process = cluster.kernel.system->object;
    if (const auto& image = cluster.kernel.image.image) {
      system.kernel_base = image->base;
      if (!image->debug_name.empty()) {
        system.facts.push_back({"kernel-symbols", image->debug_name + " " + image->debug_id});
      }
    }
    Describe(*cluster.roots[0], system);
    judgement_.systems.push_back(std::move(system));
  }

  static void Describe(const WindowsRoot& root, System& system) {
    if (!root.shared_data) return;
    const SharedData& data = *root.shared_data;
    system.version = fmt::format("{}.{}.{}", data.major, data.minor, system.build.value_or(0));
    system.facts.push_back({"user-shared-data", Hex64{root.shared_data_at->value}});
    system.facts.push_back({"system-root", data.system_root});
    system.facts.push_back({"physical-pages", std::uint64_t{data.physical_pages}});
    if (data.processors != 0) {
      system.facts.push_back({"processors", std::uint64_t{data.processors}});
    }
    system.facts.push_back({"system-time", Hex64{data.system_time}});
  }

  // Tables of one mode can look like those of another (ARM64's as x64's): the better reading stays.
  void DropOtherReadings() {
    const auto worse = [](const Candidate& a, const Candidate& b) {
      return a.root.table == b.root.table && a.root.mode != b.root.mode &&
             a.confidence < b.confidence;
    };
    const auto& all = judgement_.candidates;
    std::map<PhysAddr, const Candidate*> best;
    for (const Candidate& c : all) {
      if (!c.reason.empty()) continue;
      const auto [at, fresh] = best.emplace(c.root.table, &c);
      if (!fresh && worse(*at->second, c)) at->second = &c;
    }
    for (Candidate& c : judgement_.candidates) {
      const auto at = best.find(c.root.table);
      if (at == best.end() || !worse(c, *at->second)) continue;
      c.cls = RootClass::kOther;
      c.reason = fmt::format("its tables read better as those of {}", Name(at->second->root.mode));
    }
    std::erase_if(judgement_.systems, [&](const System& system) {
      const auto at = best.find(system.kernel.root.table);
      return at != best.end() && worse(system.kernel, *at->second);
    });
  }

  // Roots of no kernel; of a shadow, its other half is looked for.
  void Dismiss(const WindowsRoot& root) {
    Candidate candidate = Judge(scene_, root, nullptr, 0);
    if (candidate.cls == RootClass::kUserShadow) Pair(root, candidate);
    judgement_.candidates.push_back(std::move(candidate));
  }

  // A KVA shadow root has the user half of its process's root (which marks it not executable).
  void Pair(const WindowsRoot& shadow, Candidate& candidate) {
    std::array<std::byte, kPageBytes> mine, theirs;
    if (scene_.memory->Read(shadow.root.table, mine) != mine.size()) return;
    for (Candidate& other : judgement_.candidates) {
      if (other.root.mode != shadow.root.mode || !other.reason.empty()) continue;
      if (scene_.memory->Read(other.root.table, theirs) != theirs.size()) continue;
      if (!SameUserHalf(mine, theirs)) continue;
      candidate.pair = other.root.table;
      candidate.cluster = other.cluster;
      other.pair = shadow.root.table;
      return;
    }
  }

  static bool SameUserHalf(std::span<const std::byte> a, std::span<const std::byte> b) {
    constexpr std::uint64_t kFrame = 0x000F'FFFF'FFFF'F000;
    bool any = false;
    for (std::size_t at = 0; at < kPageBytes / 2; at += 8) {
      const auto x = LoadLe<std::uint64_t>(a.data() + at);
      const auto y = LoadLe<std::uint64_t>(b.data() + at);
      if ((x & 1U) != (y & 1U)) return false;
      if ((x & 1U) == 0) continue;
      if ((x & kFrame) != (y & kFrame)) return false;
      any = true;
    }
    return any;
  }

  const Scene& scene_;
  std::vector<WindowsRoot> roots_;
  std::uint64_t clusters_ = 0;
  Judgement judgement_;
};

}  // namespace

Judgement JudgeWindows(const Scene& scene, std::span<const RootHint> hints) {
  if (scene.facts->os == GuestOs::kLinux) return {};
  return Court(scene, GatherWindowsRoots(scene, hints)).Run();
}

}  // namespace v2p
