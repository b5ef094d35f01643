// Writes raw memory, sparse: what is absent, and whole pages of zeros, take no disk.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "codec/byte_stream.h"
#include "dumpfmt/image_writer.h"

namespace v2p {
namespace {

class RawWriter final : public ImageWriter {
 public:
  explicit RawWriter(NewFile& file) : file_(file) {}

  bool AnyOrder() const override { return true; }

  Status Put(PhysAddr at, std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const std::size_t zeros = Zeros(bytes);
      bytes = bytes.subspan(zeros);
      at = at + zeros;
      const std::size_t data = Data(bytes);
      if (data == 0) continue;
      if (auto put = file_.WriteAt(at.value, bytes.first(data)); !put) return put;
      bytes = bytes.subspan(data);
      at = at + data;
    }
    return {};
  }

  Status Finish() override { return {}; }

 private:
  static std::span<const std::byte> Page(std::span<const std::byte> bytes, std::size_t from) {
    return bytes.subspan(from, std::min<std::size_t>(kPageBytes, bytes.size() - from));
  }
  static std::size_t Zeros(std::span<const std::byte> bytes) {
    std::size_t n = 0;
    while (n < bytes.size() && AllZero(Page(bytes, n))) n += Page(bytes, n).size();
    return n;
  }
  static std::size_t Data(std::span<const std::byte> bytes) {
    std::size_t n = 0;
    while (n < bytes.size() && !AllZero(Page(bytes, n))) n += Page(bytes, n).size();
    return n;
  }

  NewFile& file_;
};

}  // namespace

// Its size is known from the start: file systems in memory then take large pages where they can.
Result<std::unique_ptr<ImageWriter>> MakeRawWriter(NewFile& file, PhysAddr end) {
  if (auto resized = file.Resize(end.value); !resized) {
    return tl::unexpected<Error>(resized.error());
  }
  return std::make_unique<RawWriter>(file);
}

}  // namespace v2p
