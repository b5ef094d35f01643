// Three sources of offsets and their comparison.
// SPDX-License-Identifier: Apache-2.0
#include "locate/eprocess_offsets.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "locate/eprocess_derivation.h"

namespace v2p {
namespace {

constexpr std::uint64_t kSystemPid = 4;
constexpr std::uint64_t kPidLimit = 1U << 26U;
constexpr std::size_t kFirstField = 0x40;

struct FieldName {
  std::uint16_t EprocessOffsets::*field;
  std::string_view name;
};
constexpr FieldName kFields[] = {
    {&EprocessOffsets::pid, "UniqueProcessId"},
    {&EprocessOffsets::links, "ActiveProcessLinks"},
    {&EprocessOffsets::create_time, "CreateTime"},
    {&EprocessOffsets::exit_time, "ExitTime"},
    {&EprocessOffsets::parent_pid, "InheritedFromUniqueProcessId"},
    {&EprocessOffsets::peb, "Peb"},
    {&EprocessOffsets::name, "ImageFileName"},
    {&EprocessOffsets::user_root, "UserDirectoryTableBase"},
};

bool IsOfBuild(const EprocessContext& context, const EprocessRow& row) {
  return row.machine == MachineOf(context.Mode()) && context.build &&
         *context.build >= row.first_build && *context.build <= row.last_build;
}

bool HasRows(const EprocessContext& context) {
  const auto table = EprocessTable();
  return std::any_of(table.begin(), table.end(),
                     [&](const EprocessRow& row) { return IsOfBuild(context, row); });
}

bool HasLinks(const EprocessContext& context, const Eprocess& object, std::size_t at) {
  const auto next = object.Pointer(at), last = object.Pointer(at + object.PointerBytes());
  return next && last && context.IsKernelPointer(*next) && context.IsKernelPointer(*last);
}

bool FitsSystem(const EprocessContext& context, const EprocessOffsets& row,
                const Eprocess& system) {
  if (system.Pointer(row.pid) != kSystemPid || system.Name(row.name) != "System") return false;
  const auto time = system.Load<std::uint64_t>(row.create_time);
  return HasLinks(context, system, row.links) && system.Pointer(row.parent_pid) == 0U && time &&
         context.IsProcessTime(*time);
}

// Whether it may be the place of a process that is not System.
bool FitsOther(const EprocessContext& context, const EprocessOffsets& row, const Eprocess& object) {
  const auto pid = object.Pointer(row.pid), parent = object.Pointer(row.parent_pid);
  const auto time = object.Load<std::uint64_t>(row.create_time);
  const auto name = object.Name(row.name);
  return pid && *pid % 4 == 0 && *pid < kPidLimit && parent && *parent % 4 == 0 &&
         *parent < kPidLimit && time && context.IsProcessTime(*time) && name && !name->empty() &&
         HasLinks(context, object, row.links);
}

bool Fits(const EprocessContext& context, const EprocessOffsets& row,
          std::span<const Eprocess> objects, const Eprocess* system) {
  if (system != nullptr) return FitsSystem(context, row, *system);
  const auto good = std::count_if(objects.begin(), objects.end(),
                                  [&](const Eprocess& o) { return FitsOther(context, row, o); });
  return !objects.empty() && static_cast<std::size_t>(good) * 4 >= objects.size() * 3;
}

// Whether objects that run have zero there and those that have ended a time: nine in ten.
bool FitsExitTime(const EprocessContext& context, std::uint16_t at,
                  std::span<const Eprocess> objects) {
  const auto good = std::count_if(objects.begin(), objects.end(), [&](const Eprocess& o) {
    const auto time = o.Load<std::uint64_t>(at);
    return time && (o.HasEnded() ? context.IsProcessTime(*time) : *time == 0);
  });
  return at != 0 && static_cast<std::size_t>(good) * 10 >= objects.size() * 9;
}

class Choice {
 public:
  Choice(const EprocessContext& context, std::span<const Eprocess> objects, const Eprocess* system)
      : context_(context), objects_(objects), system_(system) {}

  void Derive(std::span<const Eprocess> listed) {
    offsets_ = DeriveEprocessOffsets(context_, objects_, system_);
    if (offsets_.pid == 0) offsets_ = DeriveEprocessOffsets(context_, listed, system_);
    if (offsets_.pid != 0) sources_ = "derived";
  }

  void Compare(const EprocessRow* row) {
    if (row == nullptr || !IsOfBuild(context_, *row)) NoteMisfit();
    if (row == nullptr) return;
    EprocessOffsets table = row->offsets;
    if (offsets_.exit_time != 0 && offsets_.exit_time == row->other_exit_time) {
      table.exit_time = row->other_exit_time;
    } else if (!FitsExitTime(context_, table.exit_time, objects_)) {
      const bool other = FitsExitTime(context_, row->other_exit_time, objects_);
      table.exit_time = other ? row->other_exit_time : std::uint16_t{0};
    }
    const std::string name =
        IsOfBuild(context_, *row) ? "table" : fmt::format("table of build {}", row->first_build);
    if (offsets_.pid == 0) {
      offsets_ = table;
      sources_ = name;
      return;
    }
    bool equal = true;
    for (const FieldName& f : kFields) equal &= Merge(f, table.*f.field, "the table");
    if (equal) sources_ += " = " + name;
  }

  void Compare(const DebuggerBlock& debugger) {
    if (debugger.process_root == 0) return;
    bool equal = Merge(kFields[5], debugger.peb, "KDBG");
    equal &= Merge(kFields[4], debugger.parent_pid, "KDBG");
    if (debugger.process_root != context_.Space().process_root) {
      Note("DirectoryTableBase", context_.Space().process_root, debugger.process_root, "KDBG");
      equal = false;
    }
    if (equal) sources_ += sources_.empty() ? "debugger-data" : " = debugger-data";
  }

  ChosenOffsets Take() { return {offsets_, std::move(sources_), std::move(notes_)}; }

 private:
  // What is derived stays; what is open is filled. Whether both say the same.
  bool Merge(const FieldName& f, std::uint16_t theirs, std::string_view who) {
    std::uint16_t& ours = offsets_.*f.field;
    if (theirs == 0 || ours == theirs) return true;
    if (ours == 0) {
      ours = theirs;
      return true;
    }
    Note(f.name, ours, theirs, who);
    return false;
  }

  void NoteMisfit() {
    if (!HasRows(context_)) return;
    notes_.push_back(fmt::format("the offsets published for build {} do not fit", *context_.build));
  }

  void Note(std::string_view field, std::size_t ours, std::size_t theirs, std::string_view who) {
    notes_.push_back(fmt::format("EPROCESS.{} is at {:#x} by {}, at {:#x} by {}", field, ours,
                                 sources_.substr(0, sources_.find(' ')), theirs, who));
  }

  const EprocessContext& context_;
  std::span<const Eprocess> objects_;
  const Eprocess* system_;
  EprocessOffsets offsets_;
  std::string sources_;
  std::vector<std::string> notes_;
};

}  // namespace

std::uint16_t GuessLinks(const EprocessContext& context, const Eprocess& system) {
  const std::size_t pointer = system.PointerBytes();
  for (std::size_t at = kFirstField; at + 3 * pointer <= system.Size(); at += pointer) {
    const std::size_t links = at + pointer;
    if (system.Pointer(at) != kSystemPid || !HasLinks(context, system, links)) continue;
    const VirtAddr own = system.At() + links;
    const VirtAddr next(*system.Pointer(links)), last(*system.Pointer(links + pointer));
    if (next == own || context.reader->LoadPointer(next + pointer) != own.value) continue;
    if (context.reader->LoadPointer(last) == own.value) return static_cast<std::uint16_t>(links);
  }
  return 0;
}

const EprocessRow* FittingRow(const EprocessContext& context, std::span<const Eprocess> objects,
                              const Eprocess* system) {
  const EprocessRow* any = nullptr;
  for (const EprocessRow& row : EprocessTable()) {
    if (row.machine != MachineOf(context.Mode())) continue;
    if (any != nullptr && !IsOfBuild(context, row)) continue;
    if (!Fits(context, row.offsets, objects, system)) continue;
    if (IsOfBuild(context, row)) return &row;
    any = &row;
  }
  return any;
}

ChosenOffsets ChooseEprocessOffsets(const EprocessContext& context,
                                    std::span<const Eprocess> objects,
                                    std::span<const Eprocess> listed, const Eprocess* system,
                                    const std::optional<DebuggerBlock>& debugger) {
  Choice choice(context, objects, system);
  choice.Derive(listed);
  choice.Compare(FittingRow(context, objects, system));
  if (debugger) choice.Compare(*debugger);
  return choice.Take();
}

}  // namespace v2p
