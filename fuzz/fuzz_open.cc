// Fuzzes recognition, opening and the first lookups of every format.
// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "dumpfmt/format.h"
#include "support/memory_source.h"

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

// Every extent that an opened image promises must be readable to its last byte, or its damage said.
void Walk(const v2p::Image& image, std::uint64_t size) {
  if (!image.memory) {
    Check(!image.no_memory.empty());
    return;
  }
  const v2p::PhysicalMemory& memory = *image.memory;
  std::uint64_t bytes = 0;
  int looked_at = 0;
  for (const v2p::Extent& extent : memory.Extents()) {
    bytes += extent.bytes;
    if (++looked_at > 64) continue;
    std::byte last{};
    Check(memory.Read(extent.End() - 1, {&last, 1}) == 1 || memory.Damaged());
    Check(!memory.Frame(v2p::Pfn(extent.begin)).Empty() || memory.Damaged());
  }
  Check(bytes == memory.PresentBytes());
  Check(image.format == "elf-core" || bytes <= size);  // only ELF may show a byte twice
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span(data, size));
  const bool blocks = (data[size - 1] & 1U) != 0;
  const auto source = std::make_shared<v2p::test::MemorySource>(
      std::vector<std::byte>(input.begin(), input.end()), blocks ? 4096 : 0);
  v2p::OpenOptions options;
  if ((data[size - 1] & 6U) == 6U) options.as = "hiberfil";  // whatever its head looks like
  const auto image = v2p::OpenImage(source, options);
  if (!image) {
    Check(!image.error().message.empty());
    return 0;
  }
  // Compressed input may hold more bytes than it has itself.
  Walk(*image, image->memory && !image->memory->Source().Verbatim() ? ~std::uint64_t{0} : size);
  return 0;
}
