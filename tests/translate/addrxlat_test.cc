// A million walks a mode against libaddrxlat (libkdumpfile), entry by entry through its step API.
// It checks no reserved bits, so walks that end there are compared up to the vetoed entry, counted,
// and left out of the histogram. It takes 32-bit addresses zero-extended only. For ARM64 it looks
// at no bit above 47; addresses that are not canonical are compared with `ignore_canonical` there.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#ifdef V2P_HAVE_ADDRXLAT

#include <libkdumpfile/addrxlat.h>

#include <cstdio>

#include "support/random_tables.h"
#include "translate/address_space.h"
#include "translate/walker.h"

namespace v2p::test {
namespace {

struct Case {
  const char* name;
  const char* mode;
  bool split_roots;
  addrxlat_pte_format_t format;
  std::vector<unsigned short> fields;  // lowest first
  std::vector<std::string> endings;
};

const Case kCases[] = {
    {"x86", "x86", false, ADDRXLAT_PTE_IA32, {12, 10, 10}, {"mapped 4096", "mapped 4194304"}},
    {"pae", "pae", false, ADDRXLAT_PTE_IA32_PAE, {12, 9, 9, 2}, {"mapped 4096", "mapped 2097152"}},
    {"x64",
     "x64",
     false,
     ADDRXLAT_PTE_X86_64,
     {12, 9, 9, 9, 9},
     {"mapped 4096", "mapped 2097152", "mapped 1073741824"}},
    {"la57",
     "x64-la57",
     false,
     ADDRXLAT_PTE_X86_64,
     {12, 9, 9, 9, 9, 9},
     {"mapped 4096", "mapped 2097152", "mapped 1073741824"}},
    {"arm64joint",
     "arm64",
     false,
     ADDRXLAT_PTE_AARCH64,
     {12, 9, 9, 9, 9},
     {"mapped 4096", "mapped 2097152", "mapped 1073741824"}},
    {"arm64split",
     "arm64",
     true,
     ADDRXLAT_PTE_AARCH64,
     {12, 9, 9, 9, 9},
     {"mapped 4096", "mapped 2097152", "mapped 1073741824"}},
};

// libaddrxlat over the pages of a SparseMemory.
class Oracle {
 public:
  Oracle(const Case& test, const SparseMemory& memory, std::uint64_t root)
      : memory_(memory), context_(addrxlat_ctx_new()) {
    addrxlat_cb_t* const callbacks = addrxlat_ctx_add_cb(context_);
    callbacks->priv = this;
    callbacks->get_page = GetPage;
    callbacks->read_caps = [](const addrxlat_cb_t*) {
      return static_cast<unsigned long>(ADDRXLAT_CAPS(ADDRXLAT_MACHPHYSADDR));
    };
    method_.kind = ADDRXLAT_PGT;
    method_.target_as = ADDRXLAT_MACHPHYSADDR;
    method_.param.pgt.root = {root, ADDRXLAT_MACHPHYSADDR};
    method_.param.pgt.pf.pte_format = test.format;
    method_.param.pgt.pf.nfields = static_cast<unsigned short>(test.fields.size());
    for (std::size_t i = 0; i < test.fields.size(); ++i) {
      method_.param.pgt.pf.fieldsz[i] = test.fields[i];
    }
  }
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;
  ~Oracle() { addrxlat_ctx_decref(context_); }

  struct Step {
    std::uint64_t at;
    std::uint64_t entry;
  };
  struct Outcome {
    addrxlat_status launched = ADDRXLAT_OK;
    addrxlat_status status = ADDRXLAT_OK;
    std::vector<Step> steps;
    std::uint64_t pa = 0;
  };

  Outcome Translate(std::uint64_t va) {
    Outcome outcome;
    addrxlat_step_t step{};
    step.ctx = context_;
    step.meth = &method_;
    outcome.launched = addrxlat_launch(&step, va);
    if (outcome.launched != ADDRXLAT_OK) return outcome;
    while (step.remain > 1) {
      const std::uint64_t at = step.base.addr + step.idx[step.remain - 1] * step.elemsz;
      outcome.status = addrxlat_step(&step);
      outcome.steps.push_back({at, outcome.status == ADDRXLAT_ERR_NODATA ? 0 : step.raw.pte});
      if (outcome.status != ADDRXLAT_OK) return outcome;
    }
    outcome.status = addrxlat_step(&step);  // adds the page offset
    outcome.pa = step.base.addr;
    return outcome;
  }

 private:
  static addrxlat_status GetPage(const addrxlat_cb_t* callbacks, addrxlat_buffer_t* buffer) {
    const auto* self = static_cast<const Oracle*>(callbacks->priv);
    const std::byte* const page = self->memory_.PageAt(buffer->addr.addr);
    if (page == nullptr) return ADDRXLAT_ERR_NODATA;
    buffer->addr.addr &= ~std::uint64_t{0xfff};
    buffer->ptr = page;
    buffer->size = 0x1000;
    buffer->byte_order = ADDRXLAT_LITTLE_ENDIAN;
    buffer->put_page = [](const addrxlat_buffer_t*) {};
    return ADDRXLAT_OK;
  }

  const SparseMemory& memory_;
  addrxlat_ctx_t* context_;
  addrxlat_meth_t method_{};
};

std::string EndingOf(const Walk& walk) {
  std::string name(Name(walk.status));
  return walk.Mapped() ? name + " " + std::to_string(walk.page_bytes) : name;
}

bool NotCanonical(const Walk& walk) { return walk.status == WalkStatus::kNonCanonical; }

// One line when the two differ, else nothing.
std::string Difference(const Walk& walk, const Oracle::Outcome& oracle) {
  if (NotCanonical(walk)) {
    return oracle.launched == ADDRXLAT_OK ? "the oracle finds it canonical" : "";
  }
  if (oracle.launched != ADDRXLAT_OK) return "the oracle finds it not canonical";
  if (oracle.steps.size() < walk.step_count) return "too few steps";
  for (std::size_t i = 0; i < walk.step_count; ++i) {
    if (walk.steps[i].entry_at.value != oracle.steps[i].at) return "entry address";
    if (walk.steps[i].entry != oracle.steps[i].entry) return "entry";
  }
  if (walk.status == WalkStatus::kReservedBits) return "";
  if (oracle.steps.size() != walk.step_count) return "too many steps";
  switch (walk.status) {
    case WalkStatus::kMapped:
      if (oracle.status != ADDRXLAT_OK) return "the oracle does not map it";
      return oracle.pa == walk.pa.value ? "" : "physical address";
    case WalkStatus::kNotPresent:
      return oracle.status == ADDRXLAT_ERR_NOTPRESENT ? "" : "the oracle has it present";
    default:
      return oracle.status == ADDRXLAT_ERR_NODATA ? "" : "the oracle has the table";
  }
}

class Addrxlat : public testing::TestWithParam<Case> {};

TEST_P(Addrxlat, AgreesEntryByEntry) {
  constexpr std::size_t kWalks = 1'000'000;  // beside those that end at reserved bits
  constexpr int kWalksAnImage = 10'000;
  const Case& test = GetParam();
  const bool narrow = Mode(*ModeByName(test.mode)).va_bits == 32;
  std::mt19937_64 random(1812);
  Histogram histogram;
  std::size_t vetoed = 0;
  while (histogram.Total() < kWalks) {
    const RandomTables tables = MakeRandomTables(test.mode, test.split_roots, random);
    const auto memory = tables.memory.Build();
    const AddressSpace space(
        *memory, {.mode = *ModeByName(test.mode), .dtb = tables.dtb, .ttbr1 = tables.ttbr1});
    Oracle lower(test, tables.memory, space.Root(VirtAddr(0)).value);
    Oracle upper(test, tables.memory, space.Root(VirtAddr(~std::uint64_t{0})).value);
    AddressSpaceSpec loose_spec = space.Spec();
    loose_spec.ignore_canonical = true;
    Walker walker(space);
    Walker loose(AddressSpace(*memory, loose_spec));
    for (int i = 0; i < kWalksAnImage; ++i) {
      const std::uint64_t va = RandomAddress(test.mode, test.split_roots, random);
      const Walk walk = walker.Translate(VirtAddr(va));
      Oracle& oracle = ((va >> 55) & 1) != 0 ? upper : lower;
      const bool sign_extended = narrow && walk.va.value != va;
      const bool unchecked = test.format == ADDRXLAT_PTE_AARCH64 && NotCanonical(walk);
      const Walk& compared = unchecked ? loose.Translate(VirtAddr(va)) : walk;
      ASSERT_EQ(Difference(compared, oracle.Translate(sign_extended ? walk.va.value : va)), "")
          << std::hex << va;
      if (walk.status == WalkStatus::kReservedBits) {
        ++vetoed;
      } else {
        histogram.Add(EndingOf(walk));
      }
    }
  }
  std::printf("%s: %s; and reserved-bits %zu\n", test.name, histogram.Text().c_str(), vetoed);
  std::vector<std::string> endings = {"not-present", "table-not-in-image", "non-canonical"};
  endings.insert(endings.end(), test.endings.begin(), test.endings.end());
  for (const std::string& ending : endings) {
    EXPECT_GE(histogram.Of(ending) * 10, histogram.Total()) << ending;
  }
  EXPECT_GT(vetoed, 0U);
}

INSTANTIATE_TEST_SUITE_P(Modes, Addrxlat, testing::ValuesIn(kCases),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace v2p::test

#else

TEST(Addrxlat, AgreesEntryByEntry) {
  GTEST_SKIP()
      << "NOT RUN: built without libaddrxlat (Debian: libkdumpfile-dev); a million walks a "
         "mode stay uncompared";
}

#endif
