// Xpress oracles: loaded at run time, so that building needs none of them.
// SPDX-License-Identifier: Apache-2.0
#include "support/xpress_oracles.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>

namespace v2p::test {
namespace {

void* Library(const char* path, const char* package) {
  void* library = dlopen(path, RTLD_NOW);
  if (library == nullptr) std::cout << "oracle left out: no " << package << " here\n";
  return library;
}

template <class Function>
Function* Symbol(void* library, const char* name) {
  if (library == nullptr) return nullptr;
  return reinterpret_cast<Function*>(dlsym(library, name));
}

// wimlib.h: WIMLIB_COMPRESSION_TYPE_XPRESS; level 50 is the default.
constexpr int kWimXpress = 1;
constexpr std::size_t kWimBlock = 65536;

void* Wim() {
  static void* library = Library("libwim.so.15", "libwim15");
  return library;
}

void* Samba() {
#ifdef __x86_64__
  static void* library =
      Library("/usr/lib/x86_64-linux-gnu/samba/libndr-samba-samba4.so.0", "samba-libs");
#else
  static void* library =
      Library("/usr/lib/aarch64-linux-gnu/samba/libndr-samba-samba4.so.0", "samba-libs");
#endif
  return library;
}

}  // namespace

XpressEncoder WimHuffmanEncoder() {
  auto* create = Symbol<int(int, std::size_t, unsigned, void**)>(Wim(), "wimlib_create_compressor");
  auto* compress = Symbol<std::size_t(const void*, std::size_t, void*, std::size_t, void*)>(
      Wim(), "wimlib_compress");
  auto* release = Symbol<void(void*)>(Wim(), "wimlib_free_compressor");
  void* made = nullptr;
  if (compress == nullptr || create(kWimXpress, kWimBlock, 50, &made) != 0) return {};
  const std::shared_ptr<void> compressor(made, release);
  return [compress, compressor](std::span<const std::byte> plain) -> std::optional<XpressBytes> {
    XpressBytes out(plain.size());
    const std::size_t size =
        compress(plain.data(), plain.size(), out.data(), out.size(), compressor.get());
    if (size == 0) return std::nullopt;
    out.resize(size);
    return out;
  };
}

XpressDecoder WimHuffmanDecoder() {
  auto* create = Symbol<int(int, std::size_t, void**)>(Wim(), "wimlib_create_decompressor");
  auto* decompress =
      Symbol<int(const void*, std::size_t, void*, std::size_t, void*)>(Wim(), "wimlib_decompress");
  auto* release = Symbol<void(void*)>(Wim(), "wimlib_free_decompressor");
  void* made = nullptr;
  if (decompress == nullptr || create(kWimXpress, kWimBlock, &made) != 0) return {};
  const std::shared_ptr<void> decompressor(made, release);
  return [decompress, decompressor](std::span<const std::byte> stream, std::span<std::byte> out) {
    return decompress(stream.data(), stream.size(), out.data(), out.size(), decompressor.get()) ==
           0;
  };
}

// samba lib/compression/lzxpress.h: sizes are 32 bits, a negative result is an error.
using SambaFunction = std::ptrdiff_t(const std::uint8_t*, std::uint32_t, std::uint8_t*,
                                     std::uint32_t);

XpressEncoder SambaPlainEncoder() {
  auto* compress = Symbol<SambaFunction>(Samba(), "lzxpress_compress");
  if (compress == nullptr) return {};
  return [compress](std::span<const std::byte> plain) -> std::optional<XpressBytes> {
    XpressBytes out(plain.size() * 9 / 8 + 64);
    const std::ptrdiff_t size = compress(reinterpret_cast<const std::uint8_t*>(plain.data()),
                                         static_cast<std::uint32_t>(plain.size()),
                                         reinterpret_cast<std::uint8_t*>(out.data()),
                                         static_cast<std::uint32_t>(out.size()));
    if (size <= 0) return std::nullopt;
    out.resize(static_cast<std::size_t>(size));
    return out;
  };
}

XpressDecoder SambaPlainDecoder() {
  auto* decompress = Symbol<SambaFunction>(Samba(), "lzxpress_decompress");
  if (decompress == nullptr) return {};
  return [decompress](std::span<const std::byte> stream, std::span<std::byte> out) {
    const std::ptrdiff_t got = decompress(reinterpret_cast<const std::uint8_t*>(stream.data()),
                                          static_cast<std::uint32_t>(stream.size()),
                                          reinterpret_cast<std::uint8_t*>(out.data()),
                                          static_cast<std::uint32_t>(out.size()));
    return got == static_cast<std::ptrdiff_t>(out.size());
  };
}

XpressDecoder FwntPlainDecoder() {
  static void* library = Library("libfwnt.so.1", "libfwnt1");
  auto* decompress =
      Symbol<int(const std::uint8_t*, std::size_t, std::uint8_t*, std::size_t*, void**)>(
          library, "libfwnt_lzxpress_decompress");
  if (decompress == nullptr) return {};
  return [decompress](std::span<const std::byte> stream, std::span<std::byte> out) {
    XpressBytes roomy(out.size() + 64);  // it may write past the size it is given
    std::size_t got = out.size();
    if (decompress(reinterpret_cast<const std::uint8_t*>(stream.data()), stream.size(),
                   reinterpret_cast<std::uint8_t*>(roomy.data()), &got, nullptr) != 1 ||
        got != out.size()) {
      return false;
    }
    std::copy_n(roomy.begin(), out.size(), out.begin());
    return true;
  };
}

}  // namespace v2p::test
