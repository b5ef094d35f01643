// A source over a private mapping.
// SPDX-License-Identifier: Apache-2.0
#include "support/blanked_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <stdexcept>
#include <utility>

namespace v2p::test {
namespace {

class PrivateSource final : public ByteSource {
 public:
  explicit PrivateSource(const std::string& path) : name_(path) {
    const int fd = open(path.c_str(), O_RDONLY);
    struct stat status {};
    if (fd < 0 || fstat(fd, &status) != 0) throw std::runtime_error("cannot open " + path);
    size_ = static_cast<std::size_t>(status.st_size);
    at_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    close(fd);
    if (at_ == MAP_FAILED) throw std::runtime_error("cannot map " + path);
  }
  PrivateSource(const PrivateSource&) = delete;
  PrivateSource& operator=(const PrivateSource&) = delete;
  ~PrivateSource() override { munmap(at_, size_); }

  std::span<std::byte> Bytes() const { return {static_cast<std::byte*>(at_), size_}; }

  const std::string& Name() const override { return name_; }
  std::uint64_t Size() const override { return size_; }
  bool Verbatim() const override { return true; }
  std::span<const std::byte> Mapped() const override { return Bytes(); }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset >= size_ || out.empty()) return std::size_t{0};
    const auto n = std::min(out.size(), size_ - static_cast<std::size_t>(offset));
    std::memcpy(out.data(), Bytes().data() + offset, n);
    return n;
  }
  Result<BlockView> BlockAt(std::uint64_t /*offset*/) const override {
    return BlockView{0, Bytes(), nullptr};
  }

 private:
  std::string name_;
  void* at_ = nullptr;
  std::size_t size_ = 0;
};

std::size_t Overwrite(std::span<std::byte> bytes, std::string_view start) {
  std::size_t places = 0;
  auto* const end = reinterpret_cast<char*>(bytes.data() + bytes.size());
  auto* from = reinterpret_cast<char*>(bytes.data());
  while (true) {
    void* const hit =
        memmem(from, static_cast<std::size_t>(end - from), start.data(), start.size());
    if (hit == nullptr) return places;
    from = static_cast<char*>(hit);
    const auto length = strnlen(from, static_cast<std::size_t>(end - from));
    std::memset(from, '#', length);
    from += length;
    ++places;
  }
}

}  // namespace

BlankedMemory Blank(const PhysicalMemory& memory, const std::string& path, std::string_view start) {
  auto source = std::make_shared<PrivateSource>(path);
  const std::size_t places = Overwrite(source->Bytes(), start);
  return {std::make_unique<PhysicalMemory>(std::move(source), RunIndex(memory.Extents())), places};
}

}  // namespace v2p::test
