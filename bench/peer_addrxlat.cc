// The peer's callbacks: one page at a time, by pointer into the mapped image.
// SPDX-License-Identifier: Apache-2.0
#include "peer_addrxlat.h"

#ifdef V2P_HAVE_ADDRXLAT

#include <libkdumpfile/addrxlat.h>

namespace v2p::bench {

struct AddrxlatPeer::State {
  const PhysicalMemory* memory = nullptr;
  addrxlat_ctx_t* context = nullptr;
  addrxlat_meth_t method{};
};

namespace {

addrxlat_status GetPage(const addrxlat_cb_t* callbacks, addrxlat_buffer_t* buffer) {
  const auto* memory = static_cast<const PhysicalMemory*>(callbacks->priv);
  const FrameView frame = memory->Frame(Pfn(PhysAddr(buffer->addr.addr)));
  if (frame.begin != 0 || frame.end != kPageBytes) return ADDRXLAT_ERR_NODATA;
  buffer->addr.addr &= ~(kPageBytes - 1);
  buffer->ptr = frame.data;
  buffer->size = kPageBytes;
  buffer->byte_order = ADDRXLAT_LITTLE_ENDIAN;
  buffer->put_page = [](const addrxlat_buffer_t*) {};
  return ADDRXLAT_OK;
}

}  // namespace

AddrxlatPeer::AddrxlatPeer(const PhysicalMemory& memory, std::uint64_t root)
    : state_(std::make_unique<State>()) {
  state_->memory = &memory;
  state_->context = addrxlat_ctx_new();
  addrxlat_cb_t* const callbacks = addrxlat_ctx_add_cb(state_->context);
  callbacks->priv = const_cast<PhysicalMemory*>(&memory);
  callbacks->get_page = GetPage;
  callbacks->read_caps = [](const addrxlat_cb_t*) {
    return static_cast<unsigned long>(ADDRXLAT_CAPS(ADDRXLAT_MACHPHYSADDR));
  };
  addrxlat_meth_t& method = state_->method;
  method.kind = ADDRXLAT_PGT;
  method.target_as = ADDRXLAT_MACHPHYSADDR;
  method.param.pgt.root = {root, ADDRXLAT_MACHPHYSADDR};
  method.param.pgt.pf.pte_format = ADDRXLAT_PTE_X86_64;
  method.param.pgt.pf.nfields = 5;
  for (unsigned i = 0; i < 5; ++i) method.param.pgt.pf.fieldsz[i] = i == 0 ? 12 : 9;
}

AddrxlatPeer::~AddrxlatPeer() { addrxlat_ctx_decref(state_->context); }

std::uint64_t AddrxlatPeer::Translate(std::uint64_t va) {
  addrxlat_step_t step{};
  step.ctx = state_->context;
  step.meth = &state_->method;
  if (addrxlat_launch(&step, va) != ADDRXLAT_OK) return ~std::uint64_t{0};
  // Step by step, as the differential test does: addrxlat_walk gave wrong answers here (0.5.1).
  while (step.remain != 0) {
    if (addrxlat_step(&step) != ADDRXLAT_OK) return ~std::uint64_t{0};
  }
  return step.base.addr;
}

}  // namespace v2p::bench

#endif
