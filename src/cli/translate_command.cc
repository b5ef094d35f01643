// The main verb: opens the image, chooses the root, streams addresses through in batches.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <vector>

#include "cli/address_list.h"
#include "cli/color.h"
#include "cli/commands.h"
#include "cli/find_root.h"
#include "cli/following.h"
#include "cli/load_image.h"
#include "cli/log.h"
#include "cli/output.h"
#include "cli/reporter.h"
#include "cli/shadow_hint.h"
#include "cli/signals.h"
#include "translate/walker.h"

namespace v2p::cli {
namespace {

// Small enough that a fault drops little and a pipe sees results soon, large enough to keep the
// cost of a write and of asking for faults out of sight.
constexpr std::size_t kBatch = 512;

struct Counts {
  std::uint64_t translated = 0;
  std::uint64_t absent = 0;  ///< of the translated: page not in the image
  std::uint64_t failed = 0;
};

class TranslationRun {
 public:
  TranslationRun(const Args& args, const Image& image, const RootChoice& root, AddressList list)
      : args_(args),
        image_(image),
        list_(std::move(list)),
        walker_(AddressSpace(*image.memory, SpecOf(args, image, root))),
        following_(args, image, root),
        reporter_(MakeReporter(args.format)) {
    context_.image_name = args.dump;
    context_.image = &image;
    context_.root = &root;
    context_.offsets_size = args.offsets_size;
    context_.detailed = list_.IsSingle() || args.verbosity > 0;
    context_.color = UseColor(args.color);
  }

  int Run() {
    if (const Status opened = following_.OpenPageFiles(); !opened) {
      return FailWith(args_, opened.error());
    }
    const InterruptGuard guard;
    reporter_->Begin(context_, &out_);
    while (true) {
      const Status read = list_.Next(kBatch, &inputs_);
      if (inputs_.empty() && read) break;
      kept_ = out_.size();
      TranslateBatch();
      if (const auto fault = ImageFault(args_, image_)) return DropBatch(*fault);
      AddRecords();
      // Again: what reporting read (is the page there, where in the file) could have faulted too.
      if (const auto fault = ImageFault(args_, image_)) return DropBatch(*fault);
      if (!read) {
        return Abort(read.error(), read.error().kind == ErrorKind::kUsage ? kUsageError : kNoImage);
      }
      if (const auto status = Flush(&out_)) return *status;
      if (Interrupted()) break;
    }
    if (Interrupted()) return Abort(InterruptedError(), kInterruptedStatus);
    reporter_->End(context_, nullptr, &out_);
    if (const auto status = Flush(&out_)) return *status;
    Summarise();
    return counts_.failed == 0 ? kAllTranslated : kSomeNotTranslated;
  }

 private:
  static AddressSpaceSpec SpecOf(const Args& args, const Image& image, const RootChoice& root) {
    AddressSpaceSpec spec;
    spec.mode = root.mode;
    spec.dtb = root.value;
    spec.ttbr1 = root.ttbr1;
    spec.os = GuestOsOf(image, root);
    spec.strict = args.strict;
    spec.ignore_canonical = args.ignore_canonical;
    return spec;
  }

  static Error InterruptedError() {
    return Error{ErrorKind::kInterrupted, "not all addresses were translated", {}, std::nullopt};
  }

  void TranslateBatch() {
    addresses_.clear();
    for (const AddressInput& input : inputs_) addresses_.push_back(input.va);
    walks_.resize(inputs_.size());
    walker_.Translate(addresses_, walks_);
    following_.Follow(walks_, &followed_);
    context_.paging = following_.Context();
  }

  void AddRecords() {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const Record record(context_, inputs_[i], walks_[i], followed_[i].get());
      reporter_->Add(record, &out_);
      if (walks_[i].Mapped()) {
        ++counts_.translated;
        if (!record.PageInImage()) ++counts_.absent;
      } else {
        ++counts_.failed;
        hint_.Look(walks_[i], *context_.root);
      }
    }
  }

  // What the batch says is not to be trusted: it is left out.
  int DropBatch(const Error& error) {
    out_.resize(kept_);
    return Abort(error, kNoImage);
  }

  // Closes the report and says why the run ended.
  int Abort(const Error& error, int status) {
    reporter_->End(context_, &error, &out_);
    if (status != kInterruptedStatus) {
      LogError(ErrorLine(error));
    }
    WriteOut(out_);
    return status;
  }

  void Summarise() const {
    if (const auto damage = image_.memory->Damaged()) LogWarning(DamageLine(args_, *damage));
    if (hint_.Found() && !args_.quiet) LogWarning(hint_.Text(args_.dump));
    const bool several = counts_.translated + counts_.failed > 1;
    if (args_.format != OutputFormat::kText || !several || args_.quiet) return;
    if (isatty(STDERR_FILENO) == 0) return;
    fmt::print(stderr, "{} addresses: {} translated", counts_.translated + counts_.failed,
               counts_.translated);
    if (counts_.absent > 0)
      fmt::print(stderr, " ({} of them absent from the image)", counts_.absent);
    fmt::print(stderr, ", {} not\n", counts_.failed);
  }

  const Args& args_;
  const Image& image_;
  AddressList list_;
  Walker walker_;
  FollowRun following_;
  ReportContext context_;
  std::unique_ptr<Reporter> reporter_;
  std::vector<AddressInput> inputs_;
  std::vector<VirtAddr> addresses_;
  std::vector<Walk> walks_;
  std::vector<std::unique_ptr<const Following>> followed_;
  std::string out_;
  std::size_t kept_ = 0;  // bytes of out_ that were made before the current batch
  Counts counts_;
  ShadowHint hint_;
};

Result<RootChoice> RootFor(const Args& args, const Image& image) {
  const auto fail = [&](Error error) {
    if (error.file.empty()) error.file = args.dump;
    return tl::unexpected<Error>(std::move(error));
  };
  if (!image.memory) {
    return fail(Error{ErrorKind::kNoMemory, image.no_memory, {}, std::nullopt});
  }
  auto root = FindRoot(args, image);
  if (!root) return fail(root.error());
  return root;
}

// Where the report does not carry the notes itself, people get them beside it.
void LogNotes(const Args& args, const AddressList& list, const RootChoice& root) {
  const bool detailed = list.IsSingle() || args.verbosity > 0;
  if (args.format == OutputFormat::kJson) return;
  if (args.format == OutputFormat::kText && detailed) return;
  for (const std::string& note : root.notes) LogWarning(fmt::format("{}: {}", args.dump, note));
}

}  // namespace

int RunTranslate(const Args& args) {
  auto list = AddressList::Open(args.addresses, args.address_file);
  if (!list) {
    LogError(list.error().kind == ErrorKind::kUsage
                 ? list.error().message
                 : fmt::format("{}: {}", list.error().file, list.error().message));
    return kUsageError;
  }
  const auto image = LoadImage(args);
  if (!image) return FailWith(args, image.error());
  LogWarnings(args, *image);
  const auto root = RootFor(args, *image);
  if (!root) return FailWith(args, root.error());
  LogNotes(args, *list, *root);
  return TranslationRun(args, *image, *root, std::move(*list)).Run();
}

}  // namespace v2p::cli
