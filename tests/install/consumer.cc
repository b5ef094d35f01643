// Uses the installed headers and library: opens nothing that exists, translates through a tiny
// image. SPDX-License-Identifier: Apache-2.0
#include <v2p/dbgeng.h>

#include <cstdio>

int main() {
  const auto image = v2p::OpenImage("/nonexistent/image.dmp", {});
  if (image || image.error().kind != v2p::ErrorKind::kIo) return 1;
  std::printf("%s\n", image.error().OneLine().c_str());

  v2p::Walk walk;  // a walk that has not started ends as non-canonical
  std::uint64_t offsets[4] = {};
  std::uint32_t levels = 99;
  const auto hr = v2p::GetVirtualTranslationPhysicalOffsets(walk, offsets, 4, &levels);
  std::printf("hresult 0x%08X, levels %u\n", hr, levels);
  return hr == v2p::kNoPagefile && levels == 0 ? 0 : 1;
}
