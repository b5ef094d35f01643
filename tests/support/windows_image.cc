// Putting a synthetic image of Windows together.
// SPDX-License-Identifier: Apache-2.0
#include "support/windows_image.h"

#include <algorithm>
#include <map>
#include <memory>
#include <span>

#include "support/windows_objects.h"

namespace v2p::test {
namespace {

constexpr std::uint64_t kLarge = 0x400000;  // holds the kernel in one large page of any mode
constexpr unsigned kFirstRandomSlot = 14393;
constexpr std::uint64_t kObjectStride = 0x11C0;          // some lie across two pages
constexpr std::uint64_t kSystemBits = 2, kUserBits = 1;  // PCIDs of the kernel and of user mode

class Builder {
 public:
  explicit Builder(const WindowsRecipe& recipe)
      : recipe_(recipe),
        build_(static_cast<unsigned>(std::stoul(recipe.layout))),
        slot_(recipe.slot.value_or(build_ < kFirstRandomSlot ? 0x1ED : 0x108)),
        layout_(recipe.mode, recipe.layout),
        random_(recipe.seed),
        frames_(recipe.seed, recipe.ram_begin, recipe.ram_end) {}

  WindowsImage Run() {
    Begin();
    MapKernel();
    PlanProcesses();
    WriteObjects();
    LinkObjects();
    MapProcessor();
    MapStub();
    MapDebuggerData();
    MapSharedData();
    AddRoots();
    AddNoise();
    Finish();
    return std::move(image_);
  }

 private:
  bool Pae() const { return recipe_.mode == ModeName::kPae; }

  void Begin() {
    image_.slot = slot_;
    image_.build = build_;
    image_.root = recipe_.root;
    image_.places = PlacesOf(recipe_.mode, build_, slot_, recipe_.large_kernel, recipe_.seed);
    const bool is_64 = PointerBytes(recipe_.mode) == 8;  // PAE reserves those bits
    style_ = {recipe_.mode, is_64 ? recipe_.software : 0, recipe_.non_secure};
    frames_.Reserve(recipe_.root & ~(kGuestPage - 1), 5);
    frames_.Reserve(recipe_.stub_at);
    system_ = std::make_unique<GuestTables>(image_.memory, frames_, style_, recipe_.root);
    if (Pae()) {
      AddDirectories(image_.memory, frames_, recipe_.root, recipe_.pae == PaeForm::kBehindTheRoot);
      pointers_ = frames_.Take();
    }
  }

  // Writes bytes to kernel memory, mapping what is not mapped; returns where the first lies.
  std::uint64_t Place(std::uint64_t va, std::span<const std::byte> bytes,
                      PageUse use = PageUse::kKernelData) {
    const std::uint64_t first = Backing(va, use);
    while (!bytes.empty()) {
      const std::uint64_t left = kGuestPage - va % kGuestPage;
      const auto part = bytes.first(std::min<std::size_t>(bytes.size(), left));
      image_.memory.PutBytes(Backing(va, use), part);
      bytes = bytes.subspan(part.size());
      va += part.size();
    }
    return first;
  }

  std::uint64_t Backing(std::uint64_t va, PageUse use = PageUse::kKernelData) {
    auto& frame = backing_[va & ~(kGuestPage - 1)];
    if (frame == 0) {
      frame = frames_.Take();
      system_->Map(va & ~(kGuestPage - 1), frame, use);
      image_.memory.AddPage(frame);
    }
    return frame + va % kGuestPage;
  }

  void MapKernel() {
    KernelFileOptions options = recipe_.kernel;
    options.mode = recipe_.mode;
    options.build = build_;
    file_ = MakeKernelFile(options);
    const std::uint64_t base = image_.places.kernel_base;
    if (recipe_.large_kernel) {
      const std::uint64_t pages = kLarge / kGuestPage;
      const std::uint64_t at = frames_.TakeRun(pages, pages);
      system_->Map(base, at, PageUse::kKernelCode, true);
      for (std::uint64_t offset = 0; offset < KernelFile::kBytes; offset += kGuestPage) {
        backing_[base + offset] = at + offset;
      }
    }
    image_.kernel_at = Place(base, file_.bytes, PageUse::kKernelCode);
    image_.process_head = base + KernelFile::kHeadAt;
  }

  std::uint64_t NewRoot() {
    if (!Pae()) return frames_.Take();
    const std::uint64_t root = pointers_ + (++pointers_used_) * 0x20;
    AddDirectories(image_.memory, frames_, root, false);
    return root;
  }

  void PlanProcesses() {
    std::vector<ProcessRecipe> all = {{"System", 4, 0}};
    all.insert(all.end(), recipe_.processes.begin(), recipe_.processes.end());
    std::uint64_t object = image_.places.pool + 0x80;
    for (std::size_t i = 0; i < all.size(); ++i) {
      BuiltProcess process;
      process.recipe = all[i];
      process.object = object;
      process.create_time = kBootTime + i * 20'000'000;
      if (all[i].exited) process.exit_time = process.create_time + 90'000'000;
      process.root = i == 0 || !all[i].own_root ? recipe_.root : NewRoot();
      if (recipe_.shadows && i != 0 && all[i].own_root) process.user_root = frames_.Take();
      image_.processes.push_back(process);
      object += kObjectStride;
    }
    image_.idle.recipe = {"Idle", 0, 0};
    image_.idle.object = image_.places.kernel_base + KernelFile::kIdleAt;
    image_.idle.root = recipe_.root;
  }

  std::uint64_t PebOf(std::size_t index) const {
    const ProcessRecipe& recipe = image_.processes[index].recipe;
    return index == 0 || !recipe.own_root ? 0 : image_.places.peb + index * 0x100000;
  }

  void WriteObjects() {
    for (std::size_t i = 0; i < image_.processes.size(); ++i) {
      BuiltProcess& process = image_.processes[i];
      const std::uint64_t dtb =
          process.recipe.dtb.value_or(process.root | (recipe_.pcid && !Pae() ? kSystemBits : 0));
      const std::uint64_t user = process.user_root != 0 ? process.user_root | kUserBits
                                 : recipe_.shadows      ? 1
                                                        : 0;
      const Blob bytes = layout_.Make(process, dtb, user, PebOf(i), recipe_.seed, random_);
      process.object_at = Place(process.object, bytes);
    }
    const Blob idle = layout_.Make(image_.idle, recipe_.root, 0, 0, recipe_.seed, random_);
    image_.idle.object_at = Place(image_.idle.object, idle);
    PutPointer(image_.places.kernel_base + 0x4020, image_.System().object);
  }

  void PutPointer(std::uint64_t va, std::uint64_t value) {
    Blob bytes;
    PutLe(bytes, 0, PointerBytes(recipe_.mode), value);
    Place(va, bytes);
  }

  // The list of those that are linked; the others keep links to neighbours they once had.
  void LinkObjects() {
    const std::uint64_t at = layout_.At("ActiveProcessLinks");
    const unsigned width = PointerBytes(recipe_.mode);
    std::uint64_t last = image_.process_head;
    for (const BuiltProcess& process : image_.processes) {
      const std::uint64_t links = process.object + at;
      PutPointer(links + width, last);
      PutPointer(links, image_.process_head);
      if (!process.recipe.linked) continue;
      PutPointer(last, links);
      last = links;
    }
    PutPointer(last, image_.process_head);
    PutPointer(image_.process_head + width, last);
    if (image_.processes.empty()) PutPointer(image_.process_head, image_.process_head);
  }

  void MapProcessor() {
    if (recipe_.mode == ModeName::kArm64) return;
    const std::uint64_t va = image_.places.processor;
    image_.processor_at = Place(va, ProcessorRegion(recipe_.mode, build_, va, recipe_.root));
    if (!recipe_.shadows) return;
    if (const std::uint64_t at = KernelRootFromProcessor(build_)) {
      PutPointer(va + at, recipe_.root | (recipe_.pcid ? kSystemBits : 0));
    }
  }

  void MapStub() {
    if (recipe_.stub == StubKind::kNone) return;
    const std::uint64_t va = image_.places.start_block;
    const StartBlock block = {recipe_.stub_at, va, recipe_.root, image_.places.kernel_base + 0x3400,
                              recipe_.mode == ModeName::kX64La57};
    image_.memory.PutBytes(recipe_.stub_at, StartBlockPage(block));
    const bool right = recipe_.stub == StubKind::kRight;
    system_->Map(va, right ? recipe_.stub_at : frames_.Take(), PageUse::kKernelData);
  }

  void MapDebuggerData() {
    if (!recipe_.debugger_data) return;
    const std::uint64_t va = image_.places.kernel_base + KernelFile::kDebuggerDataAt;
    const DebuggerData data = {
        image_.places.kernel_base, va,
        image_.process_head,       layout_.Bytes(),
        layout_.At("Peb"),         layout_.At("InheritedFromUniqueProcessId")};
    Place(va, DebuggerBlock(recipe_.mode, data));
  }

  // Its page is written when the number of pages is known.
  void MapSharedData() {
    image_.shared_data_at = frames_.Take();
    if (recipe_.shared_data) {
      system_->Map(image_.places.shared_data, image_.shared_data_at, PageUse::kKernelData);
    } else {
      system_->Map(image_.places.shared_data + 0x10000, frames_.Take(), PageUse::kKernelData);
    }
  }

  void AddRoots() {
    AddSelfMap(*system_, slot_);
    for (std::size_t i = 1; i < image_.processes.size(); ++i) {
      const BuiltProcess& process = image_.processes[i];
      if (!process.recipe.own_root) continue;
      AddProcessRoot(process.root, PebOf(i), process.user_root);
    }
    for (unsigned i = 0; i < recipe_.orphans; ++i) {
      image_.orphans.push_back(NewRoot());
      AddProcessRoot(image_.orphans.back(), image_.places.peb + 0x50000, 0);
    }
  }

  void AddProcessRoot(std::uint64_t root, std::uint64_t peb, std::uint64_t user_root) {
    GuestTables tables(image_.memory, frames_, style_, root);
    const std::uint64_t frame = frames_.Take();
    tables.Map(peb, frame, PageUse::kUserData);
    image_.memory.PutBytes(frame, EnvironmentBlock(recipe_.mode, build_));
    tables.Map(image_.places.user_shared_data, image_.shared_data_at, PageUse::kUserData);
    ShareKernelHalf(*system_, tables, slot_);
    if (user_root != 0) AddShadow(tables, user_root);
  }

  // In user mode little of the kernel is mapped: here the pages of the processor region.
  void AddShadow(GuestTables& process, std::uint64_t root) {
    GuestTables shadow(image_.memory, frames_, style_, root);
    ShareUserHalf(process, shadow);
    const std::uint64_t va = image_.places.processor;
    for (const std::uint64_t page : {va, va + KernelRootFromProcessor(build_)}) {
      shadow.Map(page, Backing(page), PageUse::kKernelData);
    }
    AddSelfMap(shadow, slot_);
  }

  void AddNoise() {
    for (unsigned i = 0; i < recipe_.noise_pages; ++i) {
      const std::uint64_t page = frames_.Take();
      for (std::uint64_t at = 0; at < kGuestPage; at += 8)
        image_.memory.Put64(page + at, random_());
    }
  }

  void Finish() {
    const auto pages = static_cast<std::uint32_t>(image_.memory.Pages().size() + 1);
    image_.memory.PutBytes(
        image_.shared_data_at,
        SharedDataPage(recipe_.mode, build_, recipe_.physical_pages.value_or(pages)));
  }

  const WindowsRecipe& recipe_;
  unsigned build_, slot_;
  ProcessLayout layout_;
  std::mt19937_64 random_;
  FrameSource frames_;
  EntryStyle style_;
  std::unique_ptr<GuestTables> system_;
  KernelFile file_;
  std::map<std::uint64_t, std::uint64_t> backing_;  // pages of the kernel's half
  std::uint64_t pointers_ = 0;                      // PAE: the page of the processes' pointers
  std::uint64_t pointers_used_ = 0;
  WindowsImage image_;
};

}  // namespace

std::vector<ProcessRecipe> UsualProcesses() {
  return {{"smss.exe", 0x1A4, 4},         {"csrss.exe", 0x24C, 0x244},
          {"wininit.exe", 0x2A0, 0x244},  {"csrss.exe", 0x2A8, 0x298},
          {"services.exe", 0x2F4, 0x2A0}, {"lsass.exe", 0x30C, 0x2A0},
          {"svchost.exe", 0x388, 0x2F4},  {"svchost.exe", 0x3B4, 0x2F4},
          {"explorer.exe", 0xF10, 0xEE8}, {"notepad.exe", 0x1388, 0xF10},
          {"cmd.exe", 0x1518, 0xF10}};
}

WindowsImage BuildWindows(const WindowsRecipe& recipe) { return Builder(recipe).Run(); }

}  // namespace v2p::test
