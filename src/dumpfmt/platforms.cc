// The table of hole layouts.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/platforms.h"

#include <array>

namespace v2p {
namespace {

constexpr PhysAddr kFourGiB{0x1'0000'0000};

constexpr std::array kPlatforms = {
    Platform{"q35", "QEMU/KVM machine q35: 2 GiB below 4 GiB once RAM reaches 2.75 GiB", PhysAddr(),
             0xB000'0000, 0x8000'0000, kFourGiB, "QEMU hw/i386/pc_q35.c, pc_q35_init"},
    Platform{"i440fx", "QEMU/KVM machine pc since 2.0: 3 GiB below 4 GiB once RAM reaches 3.5 GiB",
             PhysAddr(), 0xE000'0000, 0xC000'0000, kFourGiB, "QEMU hw/i386/pc_piix.c, pc_init1"},
    Platform{"i440fx-old", "QEMU/KVM machine pc before 2.0: 3.5 GiB below 4 GiB", PhysAddr(),
             0xE000'0000, 0xE000'0000, kFourGiB, "QEMU 1.x hw/pc_piix.c, pc_init1"},
    Platform{"microvm", "QEMU/KVM machine microvm: 3 GiB below 4 GiB", PhysAddr(), 0xC000'0000,
             0xC000'0000, kFourGiB, "QEMU hw/i386/microvm.c, microvm_memory_init"},
    Platform{"xen-hvm", "Xen HVM guest: 3.75 GiB below 4 GiB", PhysAddr(), 0xF000'0000, 0xF000'0000,
             kFourGiB, "Xen xen/include/public/hvm/e820.h, HVM_BELOW_4G_RAM_END"},
    Platform{"hyperv-gen2", "Hyper-V generation 2 with the default 128 MiB gap below 4 GiB",
             PhysAddr(), 0xF800'0000, 0xF800'0000, kFourGiB,
             "Hyper-V Set-VM -LowMemoryMappedIoSpace default, 128 MB"},
    Platform{"vmware", "VMware .vmem: 3 GiB below 4 GiB (typical; the .vmss or .vmsn knows)",
             PhysAddr(), 0xC000'0000, 0xC000'0000, kFourGiB,
             "Volatility 3 layers/vmware.py and VMware .vmss regions, typical values"},
    Platform{"vmware-fusion-arm64", "VMware Fusion on Apple silicon: RAM from 2 GiB",
             PhysAddr(0x8000'0000), 0, 0, PhysAddr(), "LeechCore device_file.c"},
    Platform{"qemu-arm64-virt", "QEMU/KVM machine virt on ARM64: RAM from 1 GiB",
             PhysAddr(0x4000'0000), 0, 0, PhysAddr(), "QEMU hw/arm/virt.c, base_memmap VIRT_MEM"},
};

}  // namespace

std::span<const Platform> Platforms() { return kPlatforms; }

const Platform* FindPlatform(std::string_view name) {
  for (const Platform& platform : kPlatforms) {
    if (platform.name == name) return &platform;
  }
  return nullptr;
}

std::vector<Extent> RamExtents(const Platform& platform, std::uint64_t ram_bytes) {
  const bool split = platform.split_from != 0 && ram_bytes >= platform.split_from &&
                     ram_bytes > platform.low_bytes;
  if (!split) return {{platform.base, ram_bytes, FileOffset(0)}};
  return {{platform.base, platform.low_bytes, FileOffset(0)},
          {platform.high, ram_bytes - platform.low_bytes, FileOffset(platform.low_bytes)}};
}

}  // namespace v2p
