// A file on disk: pread for headers, one MADV_RANDOM mapping for pages.
// SPDX-License-Identifier: Apache-2.0
#include "base/file_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/fs.h>
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>
#include <vector>

namespace v2p {
namespace {

// Mappings a SIGBUS handler may meet. Fixed size and lock-free because a signal handler reads it;
// a mapping that finds no slot is not used, and its file is read with pread instead.
struct MappingSlot {
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<std::uintptr_t> end{0};
};
std::array<MappingSlot, 64> g_mappings;

bool RegisterMapping(std::uintptr_t begin, std::uintptr_t end) {
  for (MappingSlot& slot : g_mappings) {
    std::uintptr_t free_slot = 0;
    if (slot.begin.compare_exchange_strong(free_slot, begin)) {
      slot.end.store(end);
      return true;
    }
  }
  return false;
}

void UnregisterMapping(std::uintptr_t begin) {
  for (MappingSlot& slot : g_mappings) {
    if (slot.begin.load() != begin) continue;
    slot.end.store(0);
    slot.begin.store(0);
    return;
  }
}

std::string SystemReason(int error) { return std::strerror(error); }

constexpr std::size_t kUnmappedBlockBytes = 0x10000;

// Up to here a scan's pages are mapped at once; larger ranges are left to the kernel's read-ahead,
// for a range may be larger than memory.
constexpr std::uint64_t kPopulateBytes = 64U << 20U;

constexpr std::uint64_t kPrefetchStep = 1U << 20U;

class FileSource final : public ByteSource {
 public:
  FileSource(std::string name, int fd, std::uint64_t size, bool map)
      : name_(std::move(name)), fd_(fd), size_(size) {
    if (map) Map();
  }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  ~FileSource() override {
    if (!mapped_.empty()) {
      UnregisterMapping(reinterpret_cast<std::uintptr_t>(mapped_.data()));
      munmap(const_cast<std::byte*>(mapped_.data()), mapped_.size());
    }
    close(fd_);
  }

  const std::string& Name() const override { return name_; }
  std::uint64_t Size() const override { return size_; }
  std::span<const std::byte> Mapped() const override { return mapped_; }
  bool Verbatim() const override { return true; }

  // Single touches want MADV_RANDOM, a scan must never have it: one fault a page costs 50 times the
  // read. The window keeps its ordinary advice afterwards.
  void WillScan(std::uint64_t offset, std::uint64_t bytes) const override {
    const std::uint64_t first = std::min<std::uint64_t>(offset, mapped_.size()) & ~(kPageBytes - 1);
    const std::uint64_t last = std::min<std::uint64_t>(offset + bytes, mapped_.size());
    if (first >= last) return;
    auto* at = const_cast<std::byte*>(mapped_.data() + first);
    madvise(at, last - first, MADV_NORMAL);
#ifdef MADV_POPULATE_READ
    if (last - first <= kPopulateBytes) madvise(at, last - first, MADV_POPULATE_READ);
#endif
  }

  // Asking for pages that are there already costs more than using them: one in each step is tried.
  void Prefetch(std::uint64_t offset, std::uint64_t bytes) const override {
    const std::uint64_t end = offset + std::min(bytes, size_ - std::min(offset, size_));
    for (std::uint64_t at = offset; at < end; at += kPrefetchStep) {
      if (IsCached(at)) continue;
      const std::uint64_t step = std::min(kPrefetchStep, end - at);
      posix_fadvise(fd_, static_cast<off_t>(at), static_cast<off_t>(step), POSIX_FADV_WILLNEED);
    }
  }

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset >= size_) return std::size_t{0};
    const std::size_t want =
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - offset));
    std::size_t done = 0;
    while (done < want) {
      const ssize_t got =
          pread(fd_, out.data() + done, want - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Fail(ErrorKind::kIo, SystemReason(errno), FileOffset(offset + done));
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Result<BlockView> BlockAt(std::uint64_t offset) const override {
    if (!mapped_.empty()) return BlockView{0, mapped_, nullptr};
    const std::uint64_t begin = offset - offset % kUnmappedBlockBytes;
    auto bytes = std::make_shared<std::vector<std::byte>>(kUnmappedBlockBytes);
    const auto got = ReadAt(begin, *bytes);
    if (!got) return tl::unexpected<Error>(got.error());
    if (begin + *got <= offset) {
      return Fail(ErrorKind::kIo, "the file became shorter while it was read", FileOffset(offset));
    }
    return BlockView{begin, std::span<const std::byte>(bytes->data(), *got), bytes};
  }

 private:
  bool IsCached(std::uint64_t offset) const {
#ifdef RWF_NOWAIT
    std::byte byte{};
    iovec one{&byte, 1};
    return preadv2(fd_, &one, 1, static_cast<off_t>(offset), RWF_NOWAIT) == 1;
#else
    return offset >= size_;
#endif
  }

  // MADV_RANDOM: a cold single touch reads 4 KiB instead of a whole read-ahead window.
  void Map() {
    if (size_ == 0 || size_ > std::numeric_limits<std::size_t>::max() / 2) return;
    const std::size_t length = static_cast<std::size_t>(size_);
    void* at = mmap(nullptr, length, PROT_READ, MAP_SHARED, fd_, 0);
    if (at == MAP_FAILED) return;
    const auto begin = reinterpret_cast<std::uintptr_t>(at);
    if (!RegisterMapping(begin, begin + length)) {
      munmap(at, length);
      return;
    }
    madvise(at, length, MADV_RANDOM);
    mapped_ = {static_cast<const std::byte*>(at), length};
  }

  std::string name_;
  int fd_;
  std::uint64_t size_;
  std::span<const std::byte> mapped_;
};

}  // namespace

Result<std::shared_ptr<const ByteSource>> OpenFile(const std::string& path) {
  const auto fail = [&](std::string why) {
    Error error{ErrorKind::kIo, std::move(why), path, std::nullopt};
    return tl::unexpected<Error>(std::move(error));
  };
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail(SystemReason(errno));
  struct stat info {};
  if (fstat(fd, &info) != 0) {
    const int error = errno;
    close(fd);
    return fail(SystemReason(error));
  }
  std::uint64_t size = static_cast<std::uint64_t>(info.st_size);
#ifdef BLKGETSIZE64
  if (S_ISBLK(info.st_mode) && ioctl(fd, BLKGETSIZE64, &size) != 0) {
    const int error = errno;
    close(fd);
    return fail(SystemReason(error));
  }
#endif
  if (!S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode)) {
    close(fd);
    return fail(S_ISDIR(info.st_mode) ? "is a directory" : "is neither a file nor a block device");
  }
  return std::make_shared<const FileSource>(path, fd, size, S_ISREG(info.st_mode));
}

bool FindMapping(std::uintptr_t address, MappedRange* range) {
  for (const MappingSlot& slot : g_mappings) {
    const std::uintptr_t begin = slot.begin.load();
    const std::uintptr_t end = slot.end.load();
    if (begin != 0 && begin <= address && address < end) {
      *range = {begin, end};
      return true;
    }
  }
  return false;
}

}  // namespace v2p
