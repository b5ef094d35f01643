// Walkers for each mode, kind of memory and processor.
// SPDX-License-Identifier: Apache-2.0
#include "translate/walker.h"

#include <type_traits>

#include "translate/table_cache.h"
#include "translate/walk_kernel.h"

namespace v2p {

// Called through plain pointers: which function does the work depends on the processor too.
class Walker::Engine {
 public:
  using One = void (*)(Engine&, VirtAddr, Walk&);
  using Many = void (*)(Engine&, std::span<const VirtAddr>, std::span<Walk>);

  Engine(One walk_one, Many walk_many) : one(walk_one), many(walk_many) {}
  virtual ~Engine() = default;

  const One one;
  const Many many;
};

namespace {

template <class Cursor, const PagingMode& kMode>
class EngineOf final : public Walker::Engine {
 public:
  template <class Target>
  EngineOf(const kernel::Context& context, const Cursor& cursor, Target)
      : Engine(Target::template One<EngineOf>, Target::template Many<EngineOf>),
        context_(context),
        cursor_(cursor) {}

  V2P_ALWAYS_INLINE void WalkOne(VirtAddr va, Walk& walk) {
    if (!kernel::Begin<kMode>(context_, va, walk)) return;
    if constexpr (Cursor::kStable) {
      kernel::WalkFromCache<kMode, kMode.level_count - 1u>(context_, cursor_, tables_, walk);
    } else {
      kernel::Descend<kMode, 0>(context_, cursor_, tables_, walk.root, walk);
    }
  }
  V2P_ALWAYS_INLINE void WalkMany(std::span<const VirtAddr> addresses, std::span<Walk> walks) {
    for (std::size_t i = 0; i < addresses.size(); ++i) WalkOne(addresses[i], walks[i]);
  }

 private:
  using Tables = std::conditional_t<Cursor::kStable, kernel::TableCache<kMode>, kernel::NoTables>;

  kernel::Context context_;
  Cursor cursor_;
  Tables tables_;
};

// Code for any processor of the architecture.
struct AnyProcessor {
  template <class E>
  [[gnu::flatten]] static void One(Walker::Engine& engine, VirtAddr va, Walk& walk) {
    static_cast<E&>(engine).WalkOne(va, walk);
  }
  template <class E>
  [[gnu::flatten]] static void Many(Walker::Engine& engine, std::span<const VirtAddr> addresses,
                                    std::span<Walk> walks) {
    static_cast<E&>(engine).WalkMany(addresses, walks);
  }
};

#ifdef __x86_64__
// The rank of a page is a popcount, which x86-64 has from its second level on.
struct WithPopcount {
  template <class E>
  [[gnu::target("popcnt"), gnu::flatten]] static void One(Walker::Engine& engine, VirtAddr va,
                                                          Walk& walk) {
    static_cast<E&>(engine).WalkOne(va, walk);
  }
  template <class E>
  [[gnu::target("popcnt"), gnu::flatten]] static void Many(Walker::Engine& engine,
                                                           std::span<const VirtAddr> addresses,
                                                           std::span<Walk> walks) {
    static_cast<E&>(engine).WalkMany(addresses, walks);
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
  kernel::FollowOn(space_, walk);
  return walk;
}

void Walker::Translate(std::span<const VirtAddr> addresses, std::span<Walk> walks) {
  engine_->many(*engine_, addresses, walks);
  if (space_.Spec().paging == nullptr) return;
  for (Walk& walk : walks.first(addresses.size())) kernel::FollowOn(space_, walk);
}

}  // namespace v2p
