// `v2p pte`: the entries of an address as the debugger's `!pte` shows them, and in words.
// Shape: published output of `!pte` on x64, PAE and x86 (columns of 27, flag letters) and ARM64.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <iterator>

#include "base/bytes.h"
#include "cli/address_list.h"
#include "cli/commands.h"
#include "cli/load_image.h"
#include "cli/log.h"
#include "cli/output.h"
#include "cli/pte_text.h"
#include "cli/record.h"
#include "cli/virtual_bytes.h"

namespace v2p::cli {
namespace {

class PteRun {
 public:
  PteRun(const Args& args, const Target& target)
      : args_(args),
        target_(target),
        walker_(AddressSpace(*target.image.memory, WalkSpec(args, target))),
        following_(args, target.image, target.root) {
    context_.image_name = args.dump;
    context_.image = &target.image;
    context_.root = &target.root;
  }

  int Run(const std::vector<AddressInput>& inputs) {
    if (const Status opened = following_.OpenPageFiles(); !opened) {
      return FailWith(args_, opened.error());
    }
    const auto self = FindSelfMap(*target_.image.memory, Mode(target_.root.mode),
                                  PhysAddr(target_.root.Masked()));
    std::string out;
    bool all = true;
    for (const AddressInput& input : inputs) {
      std::array<Walk, 1> walks = {walker_.Translate(input.va)};
      std::vector<std::unique_ptr<const Following>> found;
      following_.Follow(walks, &found);
      context_.paging = following_.Context();
      const Record record(context_, input, walks[0], found[0].get());
      if (!out.empty()) out.push_back('\n');
      AppendPteText(record, self, &out);
      all = all && walks[0].Mapped();
    }
    if (const auto fault = ImageFault(args_, target_.image)) return FailWith(args_, *fault);
    return PrintAndExit(out, all ? kAllTranslated : kSomeNotTranslated);
  }

 private:
  const Args& args_;
  const Target& target_;
  Walker walker_;
  FollowRun following_;
  ReportContext context_;
};

}  // namespace

int RunPte(const Args& args) {
  std::vector<AddressInput> inputs;
  for (const std::string& word : args.pte_at) {
    const auto va = ParseHex(word);
    if (!va) {
      LogError("pte: give hexadecimal addresses");
      return kUsageError;
    }
    inputs.push_back({word, VirtAddr(*va)});
  }
  int status = kAllTranslated;
  const auto target = OpenTarget(args, &status);
  if (!target) return status;
  return PteRun(args, *target).Run(inputs);
}

}  // namespace v2p::cli
