// Following ActiveProcessLinks. The list's head is an element as well, one in the kernel's data and
// in no process object.
// SPDX-License-Identifier: Apache-2.0
#include "locate/process_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>

namespace v2p {
namespace {

constexpr std::byte kProcessType{3};  // wdm.h, KOBJECTS

class OneWay {
 public:
  OneWay(const EprocessContext& context, VirtAddr system, std::size_t links, bool forward)
      : context_(context), links_(links), forward_(forward), start_(system + links) {}

  void Run() {
    passed_.insert(start_.value);
    objects_.push_back(start_ - links_);
    VirtAddr at = start_;
    while (end_.empty() && !closed_) at = Step(at);
  }

  bool Closed() const { return closed_; }
  const std::vector<VirtAddr>& Objects() const { return objects_; }
  std::string Note() const {
    return fmt::format("the list of processes, {}: {}", forward_ ? "forward" : "backward", end_);
  }

 private:
  VirtAddr Step(VirtAddr at) {
    const unsigned pointer = context_.Space().pointer_bytes;
    const auto next = context_.reader->LoadPointer(at + (forward_ ? 0 : pointer));
    if (!next) return End("cannot be read behind", at.value);
    if (*next == start_.value) {
      closed_ = true;
      return start_;
    }
    if (!context_.IsKernelPointer(*next)) return End("broken at", at.value);
    if (!passed_.insert(*next).second) return End("runs in a circle at", *next);
    if (passed_.size() > kMostListed) return End("too long, left at", *next);
    return Take(VirtAddr(*next));
  }

  VirtAddr Take(VirtAddr element) {
    const VirtAddr object = element - links_;
    if (!context_.InKernelImage(element)) {
      const auto type = context_.reader->Load<std::byte>(object);
      if (!type || *type == kProcessType) {  // its first page may be absent, its links are not
        objects_.push_back(object);
        return element;
      }
    }
    if (head_passed_) return End("in no process object:", element.value);
    head_passed_ = true;
    return element;
  }

  VirtAddr End(std::string_view why, std::uint64_t at) {
    end_ = fmt::format("{} {:#x}", why, at);
    return {};
  }

  const EprocessContext& context_;
  std::size_t links_;
  bool forward_;
  VirtAddr start_;
  std::vector<VirtAddr> objects_;
  std::unordered_set<std::uint64_t> passed_;
  std::string end_;
  bool closed_ = false;
  bool head_passed_ = false;
};

}  // namespace

ProcessList FollowProcessList(const EprocessContext& context, VirtAddr system, std::size_t links) {
  OneWay forward(context, system, links, true), backward(context, system, links, false);
  ProcessList list;
  for (OneWay* way : {&forward, &backward}) {
    way->Run();
    if (!way->Closed()) list.notes.push_back(way->Note());
  }
  list.complete = forward.Closed() && backward.Closed();
  list.objects = forward.Objects();
  std::unordered_set<std::uint64_t> known;
  for (const VirtAddr object : list.objects) known.insert(object.value);
  std::size_t only_back = 0;
  for (const VirtAddr object : backward.Objects()) {
    if (!known.insert(object.value).second) continue;
    list.objects.push_back(object);
    ++only_back;
  }
  const std::size_t only_forward = list.objects.size() - backward.Objects().size();
  if (list.complete && only_back + only_forward != 0) {
    list.notes.push_back(
        fmt::format("{} processes are linked in one direction only", only_back + only_forward));
  }
  return list;
}

}  // namespace v2p
