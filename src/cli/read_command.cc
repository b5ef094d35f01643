// `v2p read`: the bytes at a virtual address, as a dump for eyes or raw into a file.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "cli/address_list.h"
#include "cli/commands.h"
#include "cli/load_image.h"
#include "cli/log.h"
#include "cli/output.h"
#include "cli/safe_text.h"
#include "cli/signals.h"
#include "cli/text_format.h"
#include "cli/virtual_bytes.h"
#include "codec/new_file.h"

namespace v2p::cli {
namespace {

constexpr std::size_t kRow = 16;

// Rows of 16 bytes as `db` prints them, `??` for bytes that are absent. Rows end at page ends.
void AppendRows(const VirtualPiece& piece, std::string* out) {
  const auto to = std::back_inserter(*out);
  for (std::size_t row = 0; row < piece.bytes.size();) {
    const std::size_t end =
        std::min(piece.bytes.size(), row + kRow - (piece.va.value + row) % kRow);
    fmt::format_to(to, "{} ", Ticked(piece.va.value + row));
    std::string text;
    for (std::size_t i = row; i < row + kRow; ++i) {
      out->push_back(i == row + kRow / 2 && i < end ? '-' : ' ');
      if (i >= end) {
        out->append("  ");
      } else if (!piece.present[i]) {
        out->append("??");
        text.push_back('?');
      } else {
        const auto byte = std::to_integer<unsigned>(piece.bytes[i]);
        fmt::format_to(to, "{:02x}", byte);
        text.push_back(byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '.');
      }
    }
    fmt::format_to(to, "  {}\n", text);
    row = end;
  }
}

class ReadRun {
 public:
  ReadRun(const Args& args, const Target& target)
      : args_(args), target_(target), bytes_(args, target) {}

  int Run(std::uint64_t first, std::uint64_t length) {
    if (const Status opened = bytes_.OpenPageFiles(); !opened) {
      return FailWith(args_, opened.error());
    }
    const InterruptGuard guard;
    std::optional<NewFile> file;
    if (!args_.out.empty()) {
      auto made = NewFile::Create(args_.out, args_.convert.force, 0600);
      if (!made) return FailWith(args_, made.error());
      file.emplace(std::move(*made));
    }
    for (std::uint64_t done = 0; done < length;) {
      if (Interrupted()) return kInterruptedStatus;
      const VirtAddr va(first + done);
      const auto part =
          static_cast<std::size_t>(std::min(length - done, kPageBytes - va.value % kPageBytes));
      const VirtualPiece piece = bytes_.Read(va, part);
      if (const auto fault = ImageFault(args_, target_.image)) return FailWith(args_, *fault);
      if (!piece.Whole()) Absent(piece);
      if (const auto status = Put(piece, done, file ? &*file : nullptr)) return *status;
      done += part;
    }
    return Finish(length, file ? &*file : nullptr);
  }

 private:
  void Absent(const VirtualPiece& piece) {
    absent_ +=
        static_cast<std::uint64_t>(std::count(piece.present.begin(), piece.present.end(), false));
    LogWarning(
        fmt::format("{}+{:#x}: absent: {}", Ticked(piece.va.value), piece.bytes.size(), piece.why));
  }

  // Nothing, or the status to exit with.
  std::optional<int> Put(const VirtualPiece& piece, std::uint64_t at, NewFile* file) {
    if (file == nullptr) {
      std::string out;
      AppendRows(piece, &out);
      if (WriteOut(out) != Written::kAll) return kAllTranslated;
      return std::nullopt;
    }
    std::size_t i = 0;
    while (i < piece.bytes.size()) {  // absent bytes stay holes, which the warnings name
      std::size_t end = i;
      while (end < piece.bytes.size() && piece.present[end] == piece.present[i]) ++end;
      if (piece.present[i]) {
        const auto written = file->WriteAt(at + i, std::span(piece.bytes).subspan(i, end - i));
        if (!written) return FailWith(args_, written.error());
      }
      i = end;
    }
    return std::nullopt;
  }

  int Finish(std::uint64_t length, NewFile* file) {
    if (file != nullptr) {
      if (const auto sized = file->Resize(length); !sized) return FailWith(args_, sized.error());
      if (const auto done = file->Publish(); !done) return FailWith(args_, done.error());
      if (absent_ != 0) {
        LogWarning(fmt::format("{}: {} of {} bytes are absent and left as holes",
                               SafeText(args_.out), absent_, length));
      }
    }
    return absent_ == 0 ? kAllTranslated : kSomeNotTranslated;
  }

  const Args& args_;
  const Target& target_;
  VirtualBytes bytes_;
  std::uint64_t absent_ = 0;
};

}  // namespace

int RunRead(const Args& args) {
  const auto first = ParseHex(args.read_at);
  const auto length = ParseHex(args.read_length);
  if (!first || !length || *length == 0) {
    LogError("read: give an address and a length, both hexadecimal");
    return kUsageError;
  }
  if (*first + (*length - 1) < *first) {
    LogError("read: the range goes beyond the end of the address space");
    return kUsageError;
  }
  if (args.raw != !args.out.empty()) {
    LogError("read: --raw and -o FILE go together");
    return kUsageError;
  }
  int status = kAllTranslated;
  const auto target = OpenTarget(args, &status);
  if (!target) return status;
  return ReadRun(args, *target).Run(*first, *length);
}

}  // namespace v2p::cli
