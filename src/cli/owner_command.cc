// `v2p owner`: the way back, from physical addresses to who maps them.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cli/address_list.h"
#include "cli/commands.h"
#include "cli/load_image.h"
#include "cli/log.h"
#include "cli/output.h"
#include "cli/owner_report.h"
#include "cli/owner_world.h"
#include "cli/signals.h"

namespace v2p::cli {
namespace {

constexpr std::size_t kBatch = 512;

// From offsets in the file to physical addresses.
class OffsetMap {
 public:
  explicit OffsetMap(const PhysicalMemory& memory) : extents_(memory.Extents()) {
    std::sort(extents_.begin(), extents_.end(),
              [](const Extent& a, const Extent& b) { return a.at < b.at; });
  }
  std::optional<PhysAddr> Find(std::uint64_t offset) const {
    const auto after =
        std::partition_point(extents_.begin(), extents_.end(),
                             [&](const Extent& extent) { return extent.at.value <= offset; });
    if (after == extents_.begin()) return std::nullopt;
    const Extent& extent = *(after - 1);
    const std::uint64_t into = offset - extent.at.value;
    return into < extent.bytes ? std::optional(extent.begin + into) : std::nullopt;
  }

 private:
  std::vector<Extent> extents_;
};

class OwnerRun {
 public:
  OwnerRun(const Args& args, const Image& image, const OwnerWorld& world, AddressList list)
      : args_(args), image_(image), list_(std::move(list)), report_(args.format, args.dump, world) {
    if (args.file_offsets) offsets_.emplace(*image.memory);
  }

  int Run() {
    out_ = report_.Begin();
    if (const auto status = Flush(&out_)) return *status;
    std::vector<AddressInput> inputs;
    while (true) {
      const Status read = list_.Next(kBatch, &inputs);
      for (const AddressInput& input : inputs) Show(input);
      if (const auto fault = ImageFault(args_, image_)) {
        out_.clear();  // not to be trusted
        return Abort(*fault, kNoImage);
      }
      if (!read) {
        return Abort(read.error(), read.error().kind == ErrorKind::kUsage ? kUsageError : kNoImage);
      }
      if (Interrupted()) {
        return Abort({ErrorKind::kInterrupted, "not all addresses were looked up", args_.dump, {}},
                     kInterruptedStatus);
      }
      if (inputs.empty()) break;
      if (const auto status = Flush(&out_)) return *status;
    }
    report_.End(nullptr, &out_);
    if (const auto status = Flush(&out_)) return *status;
    return without_ == 0 ? kAllTranslated : kSomeNotTranslated;
  }

 private:
  void Show(const AddressInput& input) {
    OwnerQuery query{input.text, PhysAddr(input.va.value), {}, false};
    if (offsets_) query.pa = offsets_->Find(input.va.value);
    if (query.pa) {
      query.in_image = image_.memory->Contains(*query.pa);
      const auto offset = image_.memory->FileOffsetOf(*query.pa);
      if (offset) query.file_offset = offset->value;
    }
    if (!report_.Add(query, &out_)) ++without_;
  }

  // Closes the report and says why the run ended.
  int Abort(const Error& error, int status) {
    report_.End(&error, &out_);
    if (status != kInterruptedStatus) LogError(ErrorLine(error));
    WriteOut(out_);
    return status;
  }

  const Args& args_;
  const Image& image_;
  AddressList list_;
  OwnerReport report_;
  std::optional<OffsetMap> offsets_;
  std::string out_;
  std::uint64_t without_ = 0;
};

}  // namespace

int RunOwner(const Args& args) {
  if (args.format == OutputFormat::kWindbg) {
    LogError("owner: the forms are text, json, ndjson and csv");
    return kUsageError;
  }
  auto list = AddressList::Open(args.addresses, args.address_file);
  if (!list) {
    LogError(ErrorLine(list.error()));
    return kUsageError;
  }
  const InterruptGuard guard;
  const auto image = LoadImage(args);
  if (!image) return FailWith(args, image.error());
  LogWarnings(args, *image);
  if (!image->memory)
    return FailWith(args, {ErrorKind::kNoMemory, image->no_memory, args.dump, {}});
  if (args.file_offsets && !image->memory->Source().Verbatim()) {
    return FailWith(args, {ErrorKind::kUsage,
                           "--file-offset: the image is compressed, its memory has no offsets in "
                           "this file; give physical addresses",
                           args.dump,
                           {}});
  }
  const auto world = FindOwners(args, *image);
  if (!world) return FailWith(args, world.error());
  LogOwnerWarnings(args, world->index);
  return OwnerRun(args, *image, *world, std::move(*list)).Run();
}

}  // namespace v2p::cli
