// `v2p maps`: whole address spaces, range by range or leaf by leaf.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <vector>

#include "cli/commands.h"
#include "cli/find_root.h"
#include "cli/load_image.h"
#include "cli/log.h"
#include "cli/maps_report.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "translate/leaves.h"

namespace v2p::cli {
namespace {

// Bytes of a range that the image holds.
std::uint64_t PresentIn(const PhysicalMemory& memory, const LeafRange& range) {
  std::uint64_t present = 0;
  const PhysAddr end = range.pa + range.Bytes();
  for (PhysAddr at = range.pa; at < end;) {
    const auto first = memory.FirstPresent(at, end);
    if (!first) break;
    const std::uint64_t bytes = std::min(memory.Find(*first)->bytes, end - *first);
    present += bytes;
    at = *first + bytes;
  }
  return present;
}

Root RootOf(const RootChoice& choice) {
  Root root{choice.mode, PhysAddr(choice.Masked()), {}};
  if (choice.ttbr1) root.upper = PhysAddr(*choice.ttbr1 & Mode(choice.mode).root_mask);
  return root;
}

class MapsRun {
 public:
  MapsRun(const Args& args, const Image& image)
      : args_(args), image_(image), report_(args.format, args.dump) {}

  int Run(const std::vector<MapsSpace>& spaces) {
    const InterruptGuard guard;
    out_ = report_.Begin();
    if (const auto status = Flush(&out_)) return *status;
    for (const MapsSpace& space : spaces) {
      report_.BeginSpace(space, &out_);
      if (const auto status = List(space)) return *status;
    }
    if (const auto status = Next()) return *status;
    report_.End(absent_tables_, complete_, nullptr, &out_);
    if (const auto status = Flush(&out_)) return *status;
    if (absent_tables_ != 0) {
      LogWarning(
          fmt::format("{}: {} page tables are not in the image, or not whole: what they map "
                      "is missing",
                      args_.dump, absent_tables_));
    }
    if (!complete_) {
      LogWarning(fmt::format("{}: more page tables than the image justifies: the list was cut",
                             args_.dump));
    }
    return kAllTranslated;
  }

 private:
  std::optional<int> List(const MapsSpace& space) {
    LeafSink sink;
    std::optional<int> status;
    sink.ranges = [&](std::span<const LeafRange> ranges) {
      for (const LeafRange& range : ranges) Show(space, range);
      status = Next();
      return !status && !Interrupted();
    };
    const AddressSpace tables(*image_.memory, space.root.Spec());
    const LeafSummary summary = EnumerateLeaves(tables, {}, sink);
    absent_tables_ += summary.absent_tables;
    complete_ &= summary.end != LeafSummary::End::kOutOfBudget;
    if (status || !Interrupted()) return status;
    return Abort({ErrorKind::kInterrupted, "not all pages were listed", args_.dump, {}},
                 kInterruptedStatus);
  }

  void Show(const MapsSpace& space, const LeafRange& range) {
    if (args_.maps.write_exec && !(range.Has(kLeafWritable) && range.Has(kLeafExecutable))) return;
    if (args_.maps.user && !range.Has(kLeafUser)) return;
    if (args_.maps.kernel && range.Has(kLeafUser)) return;
    if (!args_.maps.leaves) {
      report_.Add(space, range, PresentIn(*image_.memory, range), &out_);
      return;
    }
    for (std::uint32_t i = 0; i < range.pages; ++i) {
      LeafRange leaf = range;
      const std::uint64_t into = std::uint64_t{i} << range.page_shift;
      leaf.va = range.va + into;
      leaf.pa = range.pa + into;
      leaf.pages = 1;
      report_.Add(space, leaf, PresentIn(*image_.memory, leaf), &out_);
    }
  }

  // Nothing, or the status to exit with.
  std::optional<int> Next() {
    if (const auto fault = ImageFault(args_, image_)) {
      out_.clear();  // not to be trusted
      LogError(ErrorLine(*fault));
      return Abort(*fault, kNoImage);
    }
    return Flush(&out_);
  }

  // Closes the report and says in it why the run ended.
  int Abort(const Error& error, int status) {
    report_.End(absent_tables_, complete_, &error, &out_);
    WriteOut(out_);
    return status;
  }

  const Args& args_;
  const Image& image_;
  MapsReport report_;
  std::string out_;
  std::uint64_t absent_tables_ = 0;
  bool complete_ = true;
};

// The kernel's space, then those of all processes that have one.
Result<std::vector<MapsSpace>> AllSpaces(const Args& args, const Image& image) {
  LocateOptions options;
  options.processes = true;
  auto findings = LocateWithProgress(args, image, options);
  if (!findings) return tl::unexpected<Error>(std::move(findings).error());
  const auto system = ChooseSystem(args, std::move(*findings));
  if (!system) return tl::unexpected<Error>(system.error());
  std::vector<MapsSpace> spaces = {{system->kernel.root, {}, "kernel"}};
  for (const Process& process : system->processes) {
    if (process.root_state != RootState::kOk || !process.root) continue;
    spaces.push_back({*process.root, process.pid, process.name});
  }
  return spaces;
}

Result<std::vector<MapsSpace>> SpacesOf(const Args& args, const Image& image) {
  if (!image.memory) return Fail(ErrorKind::kNoMemory, image.no_memory);
  if (args.all) return AllSpaces(args, image);
  const auto root = FindRoot(args, image);
  if (!root) return tl::unexpected<Error>(root.error());
  for (const std::string& note : root->notes) LogWarning(fmt::format("{}: {}", args.dump, note));
  return std::vector<MapsSpace>{{RootOf(*root), args.pid, ""}};
}

}  // namespace

int RunMaps(const Args& args) {
  if (args.format == OutputFormat::kWindbg) {
    LogError("maps: the forms are text, json, ndjson and csv");
    return kUsageError;
  }
  const auto image = LoadImage(args);
  if (!image) return FailWith(args, image.error());
  LogWarnings(args, *image);
  auto spaces = SpacesOf(args, *image);
  if (!spaces) return FailWith(args, std::move(spaces).error());
  return MapsRun(args, *image).Run(*spaces);
}

}  // namespace v2p::cli
