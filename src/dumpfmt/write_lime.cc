// Writes LiME version 1: one range for each stretch of memory without a hole.
// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "base/bytes.h"
#include "dumpfmt/image_writer.h"
#include "dumpfmt/lime_layout.h"

namespace v2p {
namespace {

class LimeWriter final : public ImageWriter {
 public:
  explicit LimeWriter(NewFile& file) : file_(file) {}

  Status Put(PhysAddr at, std::span<const std::byte> bytes) override {
    if (next_ != at || !open_) {
      if (auto closed = CloseRange(); !closed) return closed;
      first_ = at;
      header_at_ = file_.Size();
      open_ = true;
      if (auto room = file_.Append(std::array<std::byte, lime::kHeaderBytes>{}); !room) return room;
    }
    next_ = at + bytes.size();
    return file_.Append(bytes);
  }

  Status Finish() override { return CloseRange(); }

 private:
  // How far the range goes is known now.
  Status CloseRange() {
    if (!open_) return {};
    open_ = false;
    std::array<std::byte, lime::kHeaderBytes> header{};
    StoreLe<std::uint32_t>(header.data(), lime::kMagic);
    StoreLe<std::uint32_t>(header.data() + lime::kVersionAt, lime::kVersion);
    StoreLe<std::uint64_t>(header.data() + lime::kFirstAt, first_.value);
    StoreLe<std::uint64_t>(header.data() + lime::kLastAt, next_.value - 1);
    return file_.WriteAt(header_at_, header);
  }

  NewFile& file_;
  bool open_ = false;
  PhysAddr first_, next_;
  std::uint64_t header_at_ = 0;
};

}  // namespace

std::unique_ptr<ImageWriter> MakeLimeWriter(NewFile& file) {
  return std::make_unique<LimeWriter>(file);
}

}  // namespace v2p
