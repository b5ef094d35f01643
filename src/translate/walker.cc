// Walkers for each mode and kind of memory.
// SPDX-License-Identifier: Apache-2.0
#include "translate/walker.h"

#include "translate/walk_kernel.h"

namespace v2p {

class Walker::Engine {
 public:
  virtual ~Engine() = default;
  virtual void One(VirtAddr va, Walk& walk) = 0;
  virtual void Many(std::span<const VirtAddr> addresses, std::span<Walk> walks) = 0;
};

namespace {

template <class Cursor, const PagingMode& kMode>
class EngineOf final : public Walker::Engine {
 public:
  EngineOf(const kernel::Context& context, const Cursor& cursor)
      : context_(context), cursor_(cursor) {}

  void One(VirtAddr va, Walk& walk) override {
    kernel::WalkFromRoot<kMode>(context_, cursor_, tables_, va, walk);
  }
  void Many(std::span<const VirtAddr> addresses, std::span<Walk> walks) override {
    for (std::size_t i = 0; i < addresses.size(); ++i) One(addresses[i], walks[i]);
  }

 private:
  kernel::Context context_;
  Cursor cursor_;
  kernel::NoTables tables_;
};

}  // namespace

Walker::Walker(const AddressSpace& space) {
  const kernel::Context context = kernel::ContextOf(space);
  space.Memory().WithCursor([&](auto cursor) {
    kernel::WithMode(space.Spec().mode, [&]<const PagingMode & kMode>() {
      engine_ = std::make_unique<EngineOf<decltype(cursor), kMode>>(context, cursor);
    });
  });
}

Walker::Walker(Walker&&) noexcept = default;
Walker& Walker::operator=(Walker&&) noexcept = default;
Walker::~Walker() = default;

Walk Walker::Translate(VirtAddr va) {
  Walk walk;
  engine_->One(va, walk);
  return walk;
}

void Walker::Translate(std::span<const VirtAddr> addresses, std::span<Walk> walks) {
  engine_->Many(addresses, walks);
}

}  // namespace v2p
