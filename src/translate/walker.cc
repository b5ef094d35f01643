// Walkers for each mode, kind of memory and processor.
// SPDX-License-Identifier: Apache-2.0
#include "translate/walker.h"

#include <algorithm>
#include <atomic>
#include <type_traits>

#include "base/threads.h"
#include "translate/walk_engine.h"
#include "translate/walk_kernel.h"

namespace v2p {

// Called through plain pointers: which function does the work depends on the processor too.
class Walker::Engine {
 public:
  using One = void (*)(Engine&, VirtAddr, Walk&);
  using Many = void (*)(Engine&, std::span<const VirtAddr>, std::span<Walk>);
  using Results = void (*)(Engine&, std::span<const VirtAddr>, std::span<WalkResult>);

  Engine(One walk_one, Many walk_many, Results walk_results)
      : one(walk_one), many(walk_many), results(walk_results) {}
  virtual ~Engine() = default;

  const One one;
  const Many many;
  const Results results;
};

namespace {

template <class Cursor, const PagingMode& kMode>
class EngineOf final : public Walker::Engine {
 public:
  template <class Target>
  EngineOf(const kernel::Context& context, const Cursor& cursor, Target)
      : Engine(Target::template One<EngineOf>, Target::template Many<EngineOf>,
               Target::template Results<EngineOf>),
        engine(context, cursor) {}

  std::conditional_t<Cursor::kStable, kernel::WalkEngine<Cursor, kMode>,
                     kernel::PlainEngine<Cursor, kMode>>
      engine;
};

// Code for any processor of the architecture.
struct AnyProcessor {
  template <class E>
  V2P_FLATTEN static void One(Walker::Engine& of, VirtAddr va, Walk& walk) {
    static_cast<E&>(of).engine.One(va, walk);
  }
  template <class E>
  V2P_FLATTEN static void Many(Walker::Engine& of, std::span<const VirtAddr> addresses,
                               std::span<Walk> walks) {
    static_cast<E&>(of).engine.Many(addresses, walks);
  }
  template <class E>
  V2P_FLATTEN static void Results(Walker::Engine& of, std::span<const VirtAddr> addresses,
                                  std::span<WalkResult> results) {
    static_cast<E&>(of).engine.Results(addresses, results);
  }
};

#ifdef __x86_64__
// The rank of a page is a popcount, which x86-64 has from its second level on.
struct WithPopcount {
  template <class E>
  V2P_FLATTEN [[gnu::target("popcnt")]] static void One(Walker::Engine& of, VirtAddr va,
                                                        Walk& walk) {
    static_cast<E&>(of).engine.One(va, walk);
  }
  template <class E>
  V2P_FLATTEN [[gnu::target("popcnt")]] static void Many(Walker::Engine& of,
                                                         std::span<const VirtAddr> addresses,
                                                         std::span<Walk> walks) {
    static_cast<E&>(of).engine.Many(addresses, walks);
  }
  template <class E>
  V2P_FLATTEN [[gnu::target("popcnt")]] static void Results(Walker::Engine& of,
                                                            std::span<const VirtAddr> addresses,
                                                            std::span<WalkResult> results) {
    static_cast<E&>(of).engine.Results(addresses, results);
  }
};
#endif

template <class Cursor, const PagingMode& kMode>
std::unique_ptr<Walker::Engine> MakeEngine(const kernel::Context& context, const Cursor& cursor) {
  using E = EngineOf<Cursor, kMode>;
#ifdef __x86_64__
  if constexpr (std::is_same_v<Cursor, MappedCursor<RankIndex>>) {
    if (__builtin_cpu_supports("popcnt")) {
      return std::make_unique<E>(context, cursor, WithPopcount());
    }
  }
#endif
  return std::make_unique<E>(context, cursor, AnyProcessor());
}

}  // namespace

Walker::Walker(const AddressSpace& space) : space_(space) {
  const kernel::Context context = kernel::ContextOf(space);
  space.Memory().WithCursor([&](auto cursor) {
    kernel::WithMode(space.Spec().mode, [&]<const PagingMode & kMode>() {
      engine_ = MakeEngine<decltype(cursor), kMode>(context, cursor);
    });
  });
}

Walker::Walker(Walker&&) noexcept = default;
Walker& Walker::operator=(Walker&&) noexcept = default;
Walker::~Walker() = default;

Walk Walker::Translate(VirtAddr va) {
  Walk walk;
  engine_->one(*engine_, va, walk);
  if (walk.status == WalkStatus::kNotPresent) kernel::FollowOn(space_, walk);
  return walk;
}

void Walker::Translate(std::span<const VirtAddr> addresses, std::span<Walk> walks) {
  engine_->many(*engine_, addresses, walks);
  if (space_.Spec().paging == nullptr) return;
  for (Walk& walk : walks.first(addresses.size())) kernel::FollowOn(space_, walk);
}

void Walker::Resolve(std::span<const VirtAddr> addresses, std::span<WalkResult> results) {
  engine_->results(*engine_, addresses, results);
  if (space_.Spec().paging == nullptr) return;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (results[i].Status() == WalkStatus::kNotPresent) {
      results[i] = WalkResult::Of(Translate(addresses[i]));
    }
  }
}

void ResolveParallel(const AddressSpace& space, std::span<const VirtAddr> addresses,
                     std::span<WalkResult> results, unsigned threads) {
  // Small chunks: equal numbers of addresses are not equal work.
  constexpr std::size_t kChunk = 8192;
  // Below this a thread costs more than it saves (starting one takes some 90 us).
  constexpr std::size_t kWorthAThread = 20000;
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    Walker walker(space);
    for (std::size_t at = next.fetch_add(kChunk); at < addresses.size();
         at = next.fetch_add(kChunk)) {
      const std::size_t count = std::min(kChunk, addresses.size() - at);
      walker.Resolve(addresses.subspan(at, count), results.subspan(at, count));
    }
  };
  RunThreads(UsefulThreads(threads, addresses.size() / kWorthAThread), work);
}

}  // namespace v2p
