// EPROCESS for synthetic images.
// SPDX-License-Identifier: Apache-2.0
#include "support/windows_objects.h"

namespace v2p::test {
namespace {

constexpr std::size_t kNoiseFrom = 0x40;
constexpr std::uint64_t kProcessType = 3;

const Layout& Table() {
  static const Layout layout("windows_process");
  return layout;
}

std::string PrefixOf(ModeName mode, const std::string& layout) {
  const char* const machine = mode == ModeName::kArm64  ? "arm64"
                              : PointerBytes(mode) == 4 ? "x86"
                                                        : "x64";
  return std::string("eprocess.") + machine + "." + layout;
}

// What kind of value the field at `at` holds, in all objects alike.
std::uint64_t KindOfField(std::uint64_t seed, std::size_t at) {
  return (seed + at) * 0x9E37'79B9'7F4A'7C15U >> 56;
}

}  // namespace

ProcessLayout::ProcessLayout(ModeName mode, const std::string& layout)
    : table_(Table()),
      prefix_(PrefixOf(mode, layout)),
      mode_(mode),
      build_(static_cast<unsigned>(std::stoul(layout))) {}

void ProcessLayout::PutNoise(Blob& bytes, std::uint64_t object, std::uint64_t seed,
                             std::mt19937_64& random) const {
  const unsigned width = PointerBytes(mode_);
  for (std::size_t at = kNoiseFrom; at + width <= bytes.size(); at += width) {
    const std::uint64_t kind = KindOfField(seed, at);
    if (kind < 96) {
      // Near, and of odd alignment in the page: never what the empty list of an object holds.
      const std::uint64_t near = (object & ~std::uint64_t{0xFF'FFFF}) + random() % 0xFF'0000;
      PutLe(bytes, at, width, near & ~std::uint64_t{7});
    } else if (kind < 128) {
      PutLe(bytes, at, width, random() % 0x4000);
    } else if (kind < 144) {
      PutLe(bytes, at, width, random());
    }
  }
}

void ProcessLayout::PutHeader(Blob& bytes, const BuiltProcess& process) const {
  const unsigned width = PointerBytes(mode_);
  const auto put = [&](const char* field, std::uint64_t value) {
    table_.Put(bytes, 0, prefix_ + "." + field, value);
  };
  const auto put_list = [&](const char* field, std::uint64_t flink, std::uint64_t blink) {
    PutLe(bytes, At(field), width, flink);
    PutLe(bytes, At(field) + width, width, blink);
  };
  for (std::size_t at = 0; at < kNoiseFrom; at += 8) PutLe(bytes, at, 8, 0);
  put("Type", kProcessType);
  if (build_ < 19041) put("Size", At("KprocessBytes") / 4 & 0xFF);
  put("SignalState", process.recipe.exited ? 1 : 0);
  const std::uint64_t waiters = process.object + At("WaitListHead");
  put_list("WaitListHead", waiters, waiters);
  const std::uint64_t profiles = process.object + At("ProfileListHead");
  put_list("ProfileListHead", profiles, profiles);
  const std::uint64_t threads = process.object + At("ThreadListHead");
  if (process.recipe.exited) {
    put_list("ThreadListHead", threads, threads);
  } else {
    put_list("ThreadListHead", threads + 0x2000 - width, threads + 0x4000 - width);
  }
}

Blob ProcessLayout::Make(const BuiltProcess& process, std::uint64_t dtb, std::uint64_t user_dtb,
                         std::uint64_t peb, std::uint64_t seed, std::mt19937_64& random) const {
  Blob bytes(Bytes());
  PutNoise(bytes, process.object, seed, random);
  PutHeader(bytes, process);
  const auto put = [&](const char* field, std::uint64_t value) {
    if (Has(field)) table_.Put(bytes, 0, prefix_ + "." + field, value);
  };
  put("DirectoryTableBase", dtb);
  put("UserDirectoryTableBase", user_dtb);
  put("UniqueProcessId", process.recipe.pid);
  put("CreateTime", process.create_time);
  put("ExitTime", process.exit_time);
  put("InheritedFromUniqueProcessId", process.recipe.ppid);
  put("Peb", peb);
  put("Wow64Process", 0);
  const std::size_t name_at = At("ImageFileName");
  PutLe(bytes, name_at, 16, 0);
  PutText(bytes, name_at, std::string_view(process.recipe.name).substr(0, 15));
  return bytes;
}

}  // namespace v2p::test
