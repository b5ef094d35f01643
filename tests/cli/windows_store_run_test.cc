// The compressed store through the tool: a synthetic image of Windows (windows_image.*) whose
// kernel is found, with a store of its own (store_fixture.*, offsets transcribed apart from the
// parser). What is expected is what the builders put there; nothing here is real.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "support/store_fixture.h"
#include "support/tool_run.h"
#include "support/windows_image.h"
#include "support/zstd_files.h"

namespace v2p::test {
namespace {

constexpr std::uint64_t kStoreRam = 0x4000000;  // the store lies behind the rest
constexpr std::uint64_t kOwnerPid = 1800, kUserPid = 0x1388;

const StoreColumn& Column(const std::string& structure) {
  return *std::find_if(kStoreColumns.begin(), kStoreColumns.end(),
                       [&](const StoreColumn& c) { return c.structure == structure; });
}

const BuiltProcess& WithPid(const WindowsImage& image, std::uint64_t pid) {
  return *std::find_if(image.processes.begin(), image.processes.end(),
                       [&](const BuiltProcess& p) { return p.recipe.pid == pid; });
}

/// A machine with a store: what its pages are, and the image as a file.
class StoreRun : public testing::Test {
 protected:
  void Build(const std::string& structure, const std::function<void(StoreFixture&)>& damage = {}) {
    const StoreColumn& column = Column(structure);
    WindowsRecipe recipe;
    recipe.mode = column.era.mode;
    recipe.layout = std::to_string(column.build);
    recipe.ram_end = kStoreRam;
    if (recipe.mode == ModeName::kPae) recipe.root = 0x185000;
    recipe.processes = UsualProcesses();
    recipe.processes.push_back({"MemCompression", kOwnerPid, 4});
    WindowsImage image = BuildWindows(recipe);
    const BuiltProcess& owner = WithPid(image, kOwnerPid);
    fixture_ = std::make_unique<StoreFixture>(
        column, StoreOptions{.ram_begin = kStoreRam, .owner_object = owner.object});
    if (damage) damage(*fixture_);
    image.memory.Merge(fixture_->memory);
    const auto graft = [&](std::uint64_t from, std::uint64_t root) {
      StoreFixture::Graft(image.memory, recipe.mode, from, root);
    };
    graft(fixture_->kernel_root, image.root);
    for (const BuiltProcess& process : image.processes) {
      if (process.root != image.root) graft(fixture_->kernel_root, process.root);
    }
    graft(fixture_->owner_root, owner.root);
    graft(fixture_->user_root, WithPid(image, kUserPid).root);
    WriteRaw(image.memory, path_);
  }

  nlohmann::json Records(const std::string& addresses, int status) {
    const Outcome run =
        RunTool(fmt::format("-q --json --dump {} --pid {} {}", path_, kUserPid, addresses));
    EXPECT_EQ(run.status, status) << run.out;
    const auto document = nlohmann::json::parse(run.out, nullptr, false);
    return document.is_discarded() ? nlohmann::json() : document.at("translations");
  }

  /// `v2p read --raw` of a whole page; the bytes are in Got().
  Outcome Read(std::uint64_t va) {
    return RunTool(fmt::format("read -q --dump {} --pid {} --raw -o {} --force {:x} 1000", path_,
                               kUserPid, folder_.Path("page"), va));
  }
  Bytes Got() const { return ReadFile(folder_.Path("page")); }

  void ExpectEveryPage();
  void ExpectGot();

  TempDir folder_;
  std::string path_ = folder_.Path("image.raw");
  std::unique_ptr<StoreFixture> fixture_;
};

Bytes BytesOf(const StorePage& page) { return {page.bytes.begin(), page.bytes.end()}; }

void StoreRun::ExpectEveryPage() {
  const std::string list = folder_.Path("list");
  std::ofstream(list) << [&] {
    std::ostringstream text;
    for (const StorePage& page : fixture_->pages) text << std::hex << page.va << "\n";
    return text.str();
  }();
  const auto records = Records("--addresses " + list, 1);
  ASSERT_EQ(records.size(), fixture_->pages.size());
  std::size_t found = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const StorePage& page = fixture_->pages[i];
    SCOPED_TRACE(page.what);
    const auto& record = records[i];
    EXPECT_EQ(record.at("status"), "not-present");
    EXPECT_EQ(record.at("state"), "compressed-store");
    EXPECT_TRUE(record.at("pa").is_null()) << "a compressed page has no address";
    EXPECT_EQ(record.at("hresult"), "0xd0000147");
    const auto& stored = record.at("nonresident").at("stored");
    EXPECT_EQ(stored.at("page_file"), 2);
    EXPECT_EQ(stored.at("found"), page.failure.empty());
    if (!page.failure.empty()) {
      EXPECT_EQ(stored.at("failure"), page.failure);
      continue;
    }
    ++found;
    EXPECT_TRUE(stored.at("failure").is_null());
    const auto& facts = stored.at("facts");
    EXPECT_EQ(facts.at("key"), fmt::format("{:#x}", page.key));
    EXPECT_EQ(facts.at("store"), fmt::format("{:#x}", fixture_->store_va));
    for (const char* fact : {"chunk-key", "record", "region-key", "data", "data-at", "codec"}) {
      EXPECT_TRUE(facts.contains(fact)) << fact;
    }
  }
  EXPECT_GE(found, 300U);
}

void StoreRun::ExpectGot() {
  std::size_t read = 0;
  for (std::size_t i = 0; i < fixture_->pages.size(); i += i < 290 ? 97 : 1) {
    const StorePage& page = fixture_->pages[i];
    SCOPED_TRACE(page.what);
    const Outcome run = Read(page.va);
    EXPECT_EQ(run.status, page.failure.empty() ? 0 : 1) << run.out;
    if (page.failure.empty()) {
      EXPECT_EQ(Got(), BytesOf(page));
      ++read;
    } else {
      EXPECT_EQ(Got(), Bytes(0x1000)) << "absent bytes are never invented";
    }
  }
  EXPECT_GE(read, 8U);
}

TEST_F(StoreRun, EveryPageIsLocatedAndRead) {
  for (const char* structure : {"store64_17763", "store64_26100", "store32_17763"}) {
    SCOPED_TRACE(structure);
    Build(structure);
    ExpectEveryPage();
    ExpectGot();
  }
}

TEST_F(StoreRun, TablesAndSharedPagesInTheStore) {
  Build("store64_17763");
  const auto mapped = Records(fmt::format("{:x}", fixture_->table_va + 0x123), 0);
  ASSERT_EQ(mapped.size(), 1U);
  EXPECT_EQ(mapped[0].at("status"), "mapped");
  EXPECT_EQ(mapped[0].at("pa"), fmt::format("0x{:016x}", fixture_->table_pa + 0x123));
  EXPECT_EQ(mapped[0].at("nonresident").at("tables").at(0).at("form"), "compressed-store");
  const auto shared = Records(fmt::format("{:x}", fixture_->prototype_va), 1);
  EXPECT_EQ(shared[0].at("state"), "compressed-store");
  EXPECT_EQ(Read(fixture_->prototype_va).status, 0);
  EXPECT_EQ(Got(), BytesOf(fixture_->pages[0]));
}

// One broken link at a time: its name is in the record and in a warning, and there are no bytes.
TEST_F(StoreRun, ABrokenLinkIsNamed) {
  using Damage = std::function<void(StoreFixture&)>;
  const std::vector<std::pair<std::string, Damage>> breaks = {
      {"store-not-found",
       [](auto& f) { f.PutPointer(f.FieldAt("SmkmStore"), f.store_va + 0x1000); }},
      {"store-owner", [](auto& f) { f.PutPointer(f.FieldAt("OwnerProcess"), 0); }},
      {"store-regions",
       [](auto& f) { f.PutPointer(f.FieldAt("CompressedRegionPtrArray"), 0x12345000); }},
      {"store-tree-root",
       [](auto& f) { f.PutPointer(f.FieldAt("PagesTree"), 0xffff9b0000000000); }},
      {"store-tree", [](auto& f) { f.memory.RemovePage(f.At(f.FirstLeaf())); }},
  };
  for (const auto& [failure, damage] : breaks) {
    SCOPED_TRACE(failure);
    Build("store64_17763", damage);
    const StorePage& page = fixture_->pages[0];
    const auto records = Records(fmt::format("{:x}", page.va), 1);
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].at("status"), "not-present");
    EXPECT_TRUE(records[0].at("pa").is_null());
    const auto& stored = records[0].at("nonresident").at("stored");
    EXPECT_EQ(stored.at("found"), false);
    EXPECT_EQ(stored.at("failure"), "store-or-page-file-undecided");
    EXPECT_EQ(stored.at("facts").at("store"), failure);
    const Outcome read =
        RunTool(fmt::format("read --dump {} --pid {} --raw -o {} --force {:x} 1000", path_,
                            kUserPid, folder_.Path("page"), page.va));
    EXPECT_EQ(read.status, 1);
    EXPECT_EQ(Got(), Bytes(0x1000));
    EXPECT_NE(read.out.find("pages of the compressed store cannot be read: " + failure + "\n"),
              std::string::npos)
        << read.out;
  }
}

// A link of one page only: the others are not touched.
TEST_F(StoreRun, ABrokenRecordConcernsItsPageOnly) {
  Build("store64_17763", [](auto& f) { f.memory.Put32(f.RecordAt(f.pages[0]), 0x123 << 13); });
  const auto records =
      Records(fmt::format("{:x} {:x}", fixture_->pages[0].va, fixture_->pages[1].va), 1);
  ASSERT_EQ(records.size(), 2U);
  const auto& broken = records[0].at("nonresident").at("stored");
  EXPECT_EQ(broken.at("found"), false);
  EXPECT_EQ(broken.at("failure"), "region-pointer");
  EXPECT_EQ(records[1].at("nonresident").at("stored").at("found"), true);
  EXPECT_EQ(Read(fixture_->pages[0].va).status, 1);
}

}  // namespace
}  // namespace v2p::test
