// Counting, 64 frames at a time: one word for each class, a bit a frame.
// SPDX-License-Identifier: Apache-2.0
#include "locate/frame_census.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <mutex>
#include <tuple>

#include "base/threads.h"

namespace v2p {
namespace {

constexpr std::uint64_t kBlockFrames = ReverseIndex::kBlockFrames;
// Cells that a thread takes at a time, a multiple of a block: no block is in two tasks.
constexpr std::size_t kTaskCells = 1024;
static_assert(kTaskCells % kBlockFrames == 0);

// `count` bits from bit `first`; 0 < count.
std::uint64_t Bits(std::uint64_t first, std::uint64_t count) {
  return (~std::uint64_t{0} >> (kBlockFrames - count)) << first;
}

std::uint64_t Ones(std::uint64_t word) { return static_cast<unsigned>(std::popcount(word)); }

// The frames of a block that the image holds at least a byte of.
std::uint64_t PresentIn(const PhysicalMemory& memory, std::uint64_t block) {
  std::uint64_t present = 0;
  const PhysAddr begin = Pfn(block * kBlockFrames).Base();
  const PhysAddr end = begin + kBlockFrames * kPageBytes;
  for (PhysAddr at = begin; at < end;) {
    const auto found = memory.FirstPresent(at, end);
    if (!found) break;
    at = *found + std::min(memory.Find(*found)->bytes, end - *found);
    const std::uint64_t first = (*found - begin) >> kPageShift;
    present |= Bits(first, PagesIn(at - begin) - first);
  }
  return present;
}

// One block, a bit a frame.
struct BlockUse {
  std::uint64_t present = 0, tables = 0, kernel = 0;
  std::uint64_t one = 0, several = 0;                           // mapped by so many processes
  std::vector<std::pair<std::uint32_t, std::uint64_t>> owners;  // processes, ascending

  // Calls use(class, bits) for each class that has any of the bits of `among`.
  template <class Use>
  void ForEachClass(std::uint64_t among, Use use) const {
    const auto give = [&](FrameClass cls, std::uint64_t bits) {
      if (bits != 0) use(cls, bits);
    };
    const std::uint64_t pages = among & present & ~tables;
    give(kTableFrame, among & present & tables);
    give(kSharedFrame, pages & several);
    for (const auto& [owner, bits] : owners) {
      give(kFirstOwnerFrame + owner, pages & bits & ~several);
    }
    give(kKernelFrame, pages & kernel & ~one);
    give(kUnmappedFrame, pages & ~kernel & ~one);
  }
};

class BlockReader {
 public:
  BlockReader(const PhysicalMemory& memory, const OwnerIndex& owners)
      : memory_(memory), owners_(owners) {}

  const BlockUse& Read(std::uint64_t block) {
    use_.present = PresentIn(memory_, block);
    use_.tables = 0;
    const auto first = std::lower_bound(
        owners_.tables.begin(), owners_.tables.end(), block * kBlockFrames,
        [](const TableUse& use, std::uint64_t frame) { return use.frame < frame; });
    for (auto at = first; at != owners_.tables.end(); ++at) {
      if (at->frame / kBlockFrames != block) break;
      use_.tables |= Bits(at->frame % kBlockFrames, 1);
    }
    ReadPieces(block);
    return use_;
  }

 private:
  // Frames that are mapped in a row: the same distance from page to frame.
  struct Piece {
    std::size_t system = 0;
    std::uint64_t distance = 0;
    std::uint32_t owner = 0;
    std::uint64_t bits = 0;

    auto Place() const { return std::tuple(system, distance); }
  };

  void ReadPieces(std::uint64_t block) {
    kernels_.clear();
    processes_.clear();
    use_.kernel = 0;
    owners_.index.ForEachInBlock(block, [&](std::uint32_t owner, std::uint64_t at,
                                            std::uint64_t frames, std::uint64_t page) {
      const Owner& who = owners_.owners[owner];
      const Piece piece{who.system, page - at, owner, Bits(at, frames)};
      if (who.process || who.orphan) {
        processes_.push_back(piece);
      } else {
        kernels_.push_back(piece);
        use_.kernel |= piece.bits;
      }
    });
    JoinKernels();
    std::sort(processes_.begin(), processes_.end(),
              [](const Piece& a, const Piece& b) { return a.owner < b.owner; });
    use_.owners.clear();
    for (const Piece& piece : processes_) {
      const std::uint64_t bits = piece.bits & ~KernelsAt(piece);
      if (bits == 0) continue;
      if (use_.owners.empty() || use_.owners.back().first != piece.owner) {
        use_.owners.emplace_back(piece.owner, 0);
      }
      use_.owners.back().second |= bits;
    }
    use_.one = use_.several = 0;
    for (const auto& [owner, bits] : use_.owners) {
      use_.several |= use_.one & bits;
      use_.one |= bits;
    }
  }

  // One piece for each place, so that a look-up is one.
  void JoinKernels() {
    std::sort(kernels_.begin(), kernels_.end(),
              [](const Piece& a, const Piece& b) { return a.Place() < b.Place(); });
    std::size_t kept = 0;
    for (const Piece& piece : kernels_) {
      if (kept != 0 && kernels_[kept - 1].Place() == piece.Place()) {
        kernels_[kept - 1].bits |= piece.bits;
      } else {
        kernels_[kept++] = piece;
      }
    }
    kernels_.resize(kept);
  }

  // What the kernel maps at the addresses of `piece`, too.
  std::uint64_t KernelsAt(const Piece& piece) const {
    const auto at =
        std::lower_bound(kernels_.begin(), kernels_.end(), piece,
                         [](const Piece& a, const Piece& b) { return a.Place() < b.Place(); });
    return at != kernels_.end() && at->Place() == piece.Place() ? at->bits : 0;
  }

  const PhysicalMemory& memory_;
  const OwnerIndex& owners_;
  std::vector<Piece> kernels_, processes_;
  BlockUse use_;
};

// Cells [begin, end) of one stretch, and what came of them.
struct Task {
  std::size_t begin = 0, end = 0;
  std::vector<FrameCount> parts;
  std::vector<std::uint32_t> ends;  // of each cell's parts
};

std::vector<Task> TasksOf(const FrameCells& cells) {
  std::vector<Task> tasks;
  for (const FrameCells::Stretch& stretch : cells.stretches) {
    const bool last = &stretch == &cells.stretches.back();
    const std::size_t end = last ? cells.Count() : (&stretch + 1)->cell;
    for (std::size_t cell = stretch.cell; cell < end; cell += kTaskCells) {
      tasks.push_back({cell, std::min(end, cell + kTaskCells), {}, {}});
    }
  }
  return tasks;
}

// One thread's counts.
class Counter {
 public:
  Counter(const PhysicalMemory& memory, const OwnerIndex& owners, const FrameCensus& plan)
      : memory_(memory),
        plan_(plan),
        reader_(memory, owners),
        counts_(plan.counts.size()),
        shares_(plan.shares.size()),
        of_cell_(plan.counts.size()) {}

  void Count(Task& task) {
    const FrameCells& cells = plan_.cells;
    // Frames and cells of a stretch are as far apart everywhere.
    const std::uint64_t base = cells.FirstFrame(task.begin);
    const std::uint64_t last = cells.FirstFrame(task.end - 1) + cells.FramesOf(task.end - 1);
    std::size_t cell = task.begin;
    const auto finish_to = [&](std::size_t next) {
      for (; cell < next; ++cell) {
        FinishCell(cell, task.parts);
        task.ends.push_back(static_cast<std::uint32_t>(task.parts.size()));
      }
    };
    for (std::uint64_t from = base; from < last;) {
      const auto found = memory_.FirstPresent(Pfn(from).Base(), Pfn(last).Base());
      if (!found) break;
      const std::uint64_t block = Pfn(*found).value / kBlockFrames;
      const std::uint64_t first = block * kBlockFrames, end = first + kBlockFrames;
      const BlockUse& use = reader_.Read(block);
      for (std::uint64_t frame = first; frame < std::min(end, last);) {
        finish_to(task.begin + static_cast<std::size_t>((frame - base) >> cells.shift));
        const std::uint64_t next =
            std::min(end, base + ((std::uint64_t{cell - task.begin} + 1) << cells.shift));
        Add(use, Bits(frame - first, next - frame));
        frame = next;
      }
      from = end;
    }
    finish_to(task.end);
  }

  void AddTo(std::vector<std::uint64_t>& counts, std::vector<std::uint64_t>& shares) const {
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += counts_[i];
    for (std::size_t i = 0; i < shares.size(); ++i) shares[i] += shares_[i];
  }

 private:
  void Add(const BlockUse& use, std::uint64_t among) {
    use.ForEachClass(among, [&](FrameClass cls, std::uint64_t bits) {
      counts_[cls] += Ones(bits);
      if (of_cell_[cls] == 0) met_.push_back(cls);
      of_cell_[cls] += Ones(bits);
    });
    const std::uint64_t shared = among & use.present & ~use.tables & use.several;
    if (shared == 0) return;
    for (const auto& [owner, bits] : use.owners) shares_[owner] += Ones(bits & shared);
  }

  // The classes met since the last call become the parts of `cell`.
  void FinishCell(std::size_t cell, std::vector<FrameCount>& parts) {
    if (met_.empty()) return;
    found_.clear();
    std::uint64_t absent = plan_.cells.FramesOf(cell);
    for (const FrameClass cls : met_) {
      found_.push_back({cls, of_cell_[cls]});
      absent -= of_cell_[cls];
      of_cell_[cls] = 0;
    }
    met_.clear();
    const std::size_t kept = std::min(found_.size(), FrameCensus::kMostOfACell);
    std::partial_sort(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(kept),
                      found_.end(), [](const FrameCount& a, const FrameCount& b) {
                        return std::tuple(b.frames, a.cls) < std::tuple(a.frames, b.cls);
                      });
    parts.insert(parts.end(), found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(kept));
    if (absent != 0) parts.push_back({kAbsentFrame, absent});
  }

  const PhysicalMemory& memory_;
  const FrameCensus& plan_;
  BlockReader reader_;
  std::vector<std::uint64_t> counts_, shares_;
  std::vector<std::uint64_t> of_cell_;  // by class
  std::vector<FrameClass> met_;         // classes with a count in of_cell_
  std::vector<FrameCount> found_;
};

// Nothing counted yet.
FrameCensus Plan(const PhysicalMemory& memory, const OwnerIndex& owners) {
  FrameCensus plan;
  plan.cells = PlanCells(memory);
  plan.first.resize(plan.cells.Count() + 1);
  plan.counts.resize(kFirstOwnerFrame + owners.owners.size());
  plan.shares.resize(owners.owners.size());
  return plan;
}

}  // namespace

Result<FrameCensus> CountFrames(const PhysicalMemory& memory, const OwnerIndex& owners,
                                const CensusOptions& options) {
  FrameCensus census = Plan(memory, owners);
  std::vector<Task> tasks = TasksOf(census.cells);
  std::vector<std::uint64_t> counts(census.counts.size()), shares(census.shares.size());
  std::mutex mutex;
  std::uint64_t done = 0;
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> interrupted = false;
  RunThreads(UsefulThreads(options.threads, tasks.size()), [&] {
    Counter counter(memory, owners, census);
    for (std::size_t i = next++; i < tasks.size() && !interrupted; i = next++) {
      counter.Count(tasks[i]);
      const std::lock_guard lock(mutex);
      done += tasks[i].ends.size();
      if (options.progress && !options.progress(done, census.cells.Count())) interrupted = true;
    }
    const std::lock_guard lock(mutex);
    counter.AddTo(counts, shares);
  });
  if (interrupted) return Fail(ErrorKind::kInterrupted, "not all frames were counted");
  std::size_t cell = 0;
  for (const Task& task : tasks) {
    const std::size_t base = census.parts.size();
    for (const std::uint32_t end : task.ends) {
      census.first[++cell] = static_cast<std::uint32_t>(base + end);
    }
    census.parts.insert(census.parts.end(), task.parts.begin(), task.parts.end());
  }
  std::uint64_t present = 0;
  for (const std::uint64_t count : counts) present += count;
  counts[kAbsentFrame] = census.cells.frames - present;
  census.counts = std::move(counts);
  census.shares = std::move(shares);
  return census;
}

}  // namespace v2p
