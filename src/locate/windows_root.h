// WindowsRoot: one root under test as Windows', with what the tests found out on the way.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "locate/judge.h"
#include "locate/kernel_image.h"
#include "locate/shared_data.h"
#include "locate/windows_space.h"

namespace v2p {

/// The System process as a root shows it.
struct SystemProcess {
  VirtAddr object;
  PhysAddr object_at;
  PhysAddr root;  ///< its DirectoryTableBase, masked
  bool by_export = false;
};

struct WindowsRoot {
  Root root;
  std::string source;  ///< who named it first
  bool claimed = false;
  WindowsRootPage page;
  std::optional<SharedData> shared_data;
  std::optional<PhysAddr> shared_data_at;
  Reach shared_data_reach = Reach::kNotMapped;
};

/// What holds for all roots with one kernel half.
struct WindowsKernel {
  KernelSearch image;
  std::optional<SystemProcess> system;
  bool system_unreachable = false;  ///< its export or object is absent from the image
  std::uint32_t build = 0;
};

/// Reads the root's own page and KUSER_SHARED_DATA through it: cheap.
void Inspect(const Scene& scene, WindowsRoot& root);

/// Finds the kernel image and the System process through `root`.
WindowsKernel ExploreKernel(const Scene& scene, const WindowsRoot& root);

/// Finds what of it is still unknown through another root of the same kernel.
void ExploreFurther(const Scene& scene, const WindowsRoot& root, WindowsKernel& kernel);

/// All tests of one root of a cluster with `roots` others. `kernel` is null when no root of the
/// cluster was worth exploring.
Candidate Judge(const Scene& scene, const WindowsRoot& root, const WindowsKernel* kernel,
                std::size_t others);

}  // namespace v2p
