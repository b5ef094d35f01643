// Facts of DUMP_HEADER32 and DUMP_HEADER64.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/windows_facts.h"

#include <fmt/format.h>

#include "dumpfmt/windows_pages.h"
#include "dumpfmt/windows_text.h"

namespace v2p::windows {
namespace {

// mindumpdef.h, DUMP_FILE_ATTRIBUTES, from bit 0; higher bits are reserved and do occur.
constexpr std::string_view kAttributeNames[] = {"hiber-crash",
                                                "dump-device-power-off",
                                                "insufficient-dumpfile-size",
                                                "kernel-generated-triage-dump",
                                                "live-dump-generated-dump",
                                                "dump-is-generated-offline",
                                                "filter-dump-file",
                                                "early-boot-crash",
                                                "encrypted-dump-data",
                                                "decrypted-dump"};

// wdm.h, MajorVersion of a free and of a checked build.
constexpr std::uint32_t kFreeBuild = 0xF;
constexpr std::uint32_t kCheckedBuild = 0xC;

std::string Hex32(std::uint32_t value) { return fmt::format("{:#010x}", value); }

class FactList {
 public:
  template <class T>
  void Number(std::string key, const std::optional<T>& value) {
    if (value) facts_.push_back({std::move(key), static_cast<std::uint64_t>(*value)});
  }
  void Hex(std::string key, std::optional<std::uint64_t> value) {
    if (value) facts_.push_back({std::move(key), Hex64{*value}});
  }
  void Code(std::string key, std::optional<std::uint32_t> value) {
    if (value) facts_.push_back({std::move(key), Hex32(*value)});
  }
  void Text(std::string key, std::string text) {
    if (!text.empty()) facts_.push_back({std::move(key), std::move(text)});
  }
  void Flag(std::string key, bool value) { facts_.push_back({std::move(key), value}); }

  std::vector<Fact> Take() { return std::move(facts_); }

 private:
  std::vector<Fact> facts_;
};

std::string ProductTypeText(std::uint32_t type) {
  switch (type) {  // winnt.h, VER_NT_*
    case 1:
      return "workstation";
    case 2:
      return "domain-controller";
    case 3:
      return "server";
    default:
      return Hex32(type);
  }
}

std::string AttributesText(std::uint32_t attributes) {
  std::string text = Hex32(attributes);
  std::uint32_t bit = 1;
  for (const std::string_view name : kAttributeNames) {
    if ((attributes & bit) != 0) text += fmt::format(" {}", name);
    bit <<= 1U;
  }
  return text;
}

void AddKind(const WindowsHeader& header, FactList& facts) {
  facts.Text("signature", header.Is64() ? "PAGEDU64" : "PAGEDUMP");
  facts.Number("dump-type", header.dump_type);
  facts.Text("dump-type-name", std::string(TypeWords(header.dump_type.value_or(0))));
  facts.Number("major-version", header.major_version);
  if (header.major_version == kFreeBuild) facts.Text("build-kind", "free");
  if (header.major_version == kCheckedBuild) facts.Text("build-kind", "checked");
  facts.Number("build", header.minor_version);
  facts.Text("machine-type", fmt::format("{:#06x}", header.machine_code));
  facts.Number("processors", header.processors);
  if (header.product_type) facts.Text("product-type", ProductTypeText(*header.product_type));
  facts.Code("suite-mask", header.suite_mask);
  if (header.system_time) facts.Text("system-time", FileTimeText(*header.system_time));
  if (header.system_up_time) facts.Text("system-uptime", DurationText(*header.system_up_time));
  facts.Text("version-user", header.version_user);
  facts.Text("comment", header.comment);
}

void AddCrash(const WindowsHeader& header, FactList& facts) {
  facts.Code("bugcheck-code", header.bugcheck_code);
  int number = 0;
  for (const auto& parameter : header.bugcheck_parameters) {
    facts.Hex(fmt::format("bugcheck-parameter-{}", ++number), parameter);
  }
  facts.Code("exception-code", header.exception_code);
  facts.Hex("exception-address", header.exception_address);
  facts.Hex("context-ip", header.context_ip);
  facts.Hex("context-sp", header.context_sp);
}

void AddKernel(const WindowsHeader& header, FactList& facts) {
  facts.Hex("directory-table-base", header.directory_table_base);
  if (header.pae_enabled) {
    if (*header.pae_enabled <= 1) {
      facts.Flag("pae-enabled", *header.pae_enabled == 1);
    } else {
      facts.Text("pae-enabled", fmt::format("unknown ({:#04x})", *header.pae_enabled));
    }
  }
  facts.Hex("pfn-database", header.pfn_database);
  facts.Hex("ps-loaded-module-list", header.loaded_modules);
  facts.Hex("ps-active-process-head", header.active_processes);
  facts.Hex("kd-debugger-data-block", header.debugger_data);
  facts.Number("kd-secondary-version", header.kd_secondary_version);
}

void AddWriter(const WindowsHeader& header, FactList& facts) {
  if (header.attributes) facts.Text("attributes", AttributesText(*header.attributes));
  facts.Number("boot-id", header.boot_id);
  facts.Code("writer-status", header.writer_status);
  facts.Code("secondary-data-state", header.secondary_data_state);
  facts.Code("mini-dump-fields", header.mini_dump_fields);
  facts.Number("required-dump-space", header.required_space);
  facts.Number("header-run-count", header.run_count);
  facts.Number("header-pages", header.page_count);
}

std::optional<ModeName> ClaimedMode(const WindowsHeader& header) {
  switch (header.machine) {
    case Machine::kX64:
      return ModeName::kX64;
    case Machine::kArm64:
      return ModeName::kArm64;
    default:
      break;
  }
  if (header.pae_enabled == std::uint8_t{0}) return ModeName::kX86;
  if (header.pae_enabled == std::uint8_t{1}) return ModeName::kPae;
  return std::nullopt;
}

}  // namespace

std::vector<Fact> HeaderFacts(const WindowsHeader& header) {
  FactList facts;
  AddKind(header, facts);
  AddCrash(header, facts);
  AddKernel(header, facts);
  AddWriter(header, facts);
  return facts.Take();
}

std::optional<DtbClaim> HeaderClaim(const WindowsHeader& header) {
  if (header.directory_table_base.value_or(0) == 0) return std::nullopt;
  DtbClaim claim;
  claim.value = *header.directory_table_base;
  claim.source = "header";
  claim.mode = ClaimedMode(header);
  if (claim.mode) claim.mode_source = "header";
  // Five levels are a bit of CR4, which the header does not hold.
  claim.mode_assumed = claim.mode == ModeName::kX64;
  return claim;
}

}  // namespace v2p::windows
