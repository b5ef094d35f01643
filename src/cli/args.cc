// The command line, by CLI11. The only file that includes its slow header.
// SPDX-License-Identifier: Apache-2.0
#include "cli/args.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>

#include "cli/address_list.h"
#include "cli/page_file_argument.h"
#include "cli/safe_text.h"
#include "cli/user_ranges.h"
#include "translate/paging_mode.h"

namespace v2p::cli {
namespace {

constexpr const char* kAbout =
    "v2p: where in this memory image does this virtual address live?\n"
    "Translates as the debugger engine does (VirtualToPhysical and\n"
    "GetVirtualTranslationPhysicalOffsets), over crash dumps, ELF cores, LiME and raw images.";

constexpr const char* kFooter =
    "Addresses are hexadecimal: 0x1a2b, 1a2b, fffff800`12345678, 1a2bh. A-B (B included) and "
    "A+LEN\n"
    "give one result for every 4 KiB page they touch. Lists hold words and # comments.\n"
    "\n"
    "Exit status: 0 every address translated, 1 some were not, 2 usage, 3 the image or its root\n"
    "could not be had, 130 interrupted.";

constexpr const char* kImageGroup = "Image";
constexpr const char* kRootGroup = "Translation";
constexpr const char* kOutputGroup = "Output";

// Options whose text needs more than CLI11's own conversions; turned into Args after parsing.
struct RawText {
  std::string dtb, ttbr1, mode, ranges;
  std::vector<std::string> page_files;
  bool json = false;
};

const std::map<std::string, OutputFormat> kFormats = {{"text", OutputFormat::kText},
                                                      {"json", OutputFormat::kJson},
                                                      {"ndjson", OutputFormat::kNdjson},
                                                      {"csv", OutputFormat::kCsv},
                                                      {"windbg", OutputFormat::kWindbg}};
const std::map<std::string, ConvertTarget> kTargets = {{"raw", ConvertTarget::kRaw},
                                                       {"lime", ConvertTarget::kLime},
                                                       {"dmp", ConvertTarget::kCrashDump},
                                                       {"zst", ConvertTarget::kZstd}};
const std::map<std::string, ColorChoice> kColors = {
    {"auto", ColorChoice::kAuto}, {"always", ColorChoice::kAlways}, {"never", ColorChoice::kNever}};

// CLI11's layout with our usage line and without its remarks on each option.
class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(26); }

  std::string make_usage(const CLI::App* app, std::string /*name*/) const override {
    if (app->get_parent() == nullptr) {
      return "\nUsage: v2p --dump FILE [options] VA...\n       v2p COMMAND [options]\n";
    }
    std::string usage = "\nUsage: v2p " + app->get_name() + " [options]";
    for (const CLI::Option* option : app->get_options()) {
      if (option->get_positional()) usage += " " + make_option_usage(option);
    }
    return usage + "\n";
  }
  std::string make_positionals(const CLI::App* app) const override {
    return app->get_parent() == nullptr ? std::string() : CLI::Formatter::make_positionals(app);
  }
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    const std::string help = CLI::Formatter::make_help(app, std::move(name), mode);
    return CLI::detail::find_and_replace(help, "\n\n\n", "\n\n");
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_positional() || option->get_type_size() == 0) return {};
    return " " + option->get_type_name();
  }
};

void AddImageOptions(CLI::App& app, Args& args, RawText& raw) {
  app.add_option("-f,--dump", args.dump, "The memory image; it is only ever read")
      ->type_name("FILE")
      ->group(kImageGroup);
  app.add_option("--as", args.open.as, "Read it as this format, whatever it looks like")
      ->type_name("FORMAT")
      ->group(kImageGroup);
  app.add_option("--platform", args.open.platform, "Memory layout of a raw image: q35, i440fx, ...")
      ->type_name("NAME")
      ->group(kImageGroup);
  app.add_option("--ranges", raw.ranges,
                 "Memory layout of a raw image: START-END[@OFFSET],... with END\n"
                 "the last byte, or START+LEN[@OFFSET],...")
      ->type_name("LIST")
      ->group(kImageGroup);
  app.add_flag("--allow-temp", args.open.allow_temp,
               "Let a zstd image of one frame be unpacked to a private temporary file")
      ->group(kImageGroup);
}

void AddRootOptions(CLI::App& app, Args& args, RawText& raw) {
  app.add_option("--addresses", args.address_file,
                 "Also translate the addresses in FILE, - is stdin")
      ->type_name("FILE")
      ->group(kRootGroup);
  app.add_option("--dtb", raw.dtb, "Page table root: CR3, TTBR0 or DirectoryTableBase")
      ->type_name("HEX")
      ->group(kRootGroup);
  app.add_option("--ttbr1", raw.ttbr1, "ARM64: separate root of the upper half, as Linux has it")
      ->type_name("HEX")
      ->group(kRootGroup);
  app.add_option("--mode", raw.mode, "Paging mode: x86, pae, x64, x64-la57 or arm64")
      ->type_name("MODE")
      ->group(kRootGroup);
  app.add_option("--cpu", args.cpu, "Use the root that virtual CPU N had")
      ->type_name("N")
      ->group(kRootGroup);
  app.add_option("--pid", args.pid, "Use the root of the process with this PID")
      ->type_name("N")
      ->group(kRootGroup);
  app.add_option("--process", args.process, "Use the root of the process with this name")
      ->type_name("NAME")
      ->group(kRootGroup);
  app.add_option("--os", args.os, "Of several systems in the image, the Nth of v2p dtb --all")
      ->type_name("N")
      ->group(kRootGroup);
  app.add_option("--pagefile", raw.page_files,
                 "Windows page file to read pages from, [N=]FILE; may be given again")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->group(kRootGroup);
  app.add_flag("--strict", args.strict, "Only present entries map; nothing else is followed")
      ->group(kRootGroup);
  app.add_flag("--ignore-canonical", args.ignore_canonical,
               "Walk non-canonical addresses on their low bits")
      ->group(kRootGroup);
}

void AddOutputOptions(CLI::App& app, Args& args, RawText& raw) {
  auto* format = app.add_option("--format", args.format, "text, json, ndjson, csv or windbg")
                     ->type_name("FORM")
                     ->transform(CLI::CheckedTransformer(kFormats).description(""))
                     ->group(kOutputGroup);
  app.add_flag("--json", raw.json, "Short for --format json")
      ->excludes(format)
      ->group(kOutputGroup);
  app.add_option("--offsets-size", args.offsets_size,
                 "Size of the Offsets array to fill, as a caller of the engine gives it")
      ->type_name("N")
      ->group(kOutputGroup);
  app.add_option("--color", args.color, "auto, always or never")
      ->type_name("WHEN")
      ->transform(CLI::CheckedTransformer(kColors).description(""))
      ->group(kOutputGroup);
  app.add_flag("-q,--quiet", args.quiet, "Errors only on stderr; no warnings, no progress")
      ->group(kOutputGroup);
  app.add_flag("-v,--verbose", args.verbosity, "Show every walk; -vv says more on stderr")
      ->group(kOutputGroup);
}

void AddCommands(CLI::App& app, Args& args) {
  const auto add = [&](const char* name, const char* text, Command command) {
    CLI::App* sub = app.add_subcommand(name, text);
    sub->fallthrough();
    sub->callback([&args, command] { args.command = command; });
    return sub;
  };
  add("info", "What the image says about itself, and which memory it holds", Command::kInfo);
  CLI::App* dtb =
      add("dtb", "Page table roots of the image, and why they are believed", Command::kDtb);
  dtb->add_flag("--explain", args.explain, "Show every test of every root");
  dtb->add_flag("--all", args.all, "Look everywhere; show rejected roots too");
  add("ps", "Processes with their roots, linked, hidden and exited ones", Command::kPs);
  CLI::App* read =
      add("read", "The bytes at a virtual address, wherever they are kept", Command::kRead);
  read->add_option("VA", args.read_at, "Address, hexadecimal")->required();
  read->add_option("LEN", args.read_length, "Number of bytes, hexadecimal")->required();
  read->add_flag("--raw", args.raw, "Bytes as they are, into the file of -o");
  read->add_option("-o", args.out, "The file to write; absent bytes are left as holes")
      ->type_name("FILE");
  read->add_flag("--force", args.convert.force, "Replace the file if it exists");
  CLI::App* pte = add("pte", "Page table entries of addresses, as !pte shows them", Command::kPte);
  pte->add_option("VA", args.pte_at, "Addresses, hexadecimal")->required();
  CLI::App* maps =
      add("maps", "Every page that a root maps, by ranges: rights, sizes, frames", Command::kMaps);
  maps->add_flag("--all", args.all, "The kernel and every process");
  maps->add_flag("--leaves", args.maps.leaves, "One row a page");
  maps->add_flag("--wx", args.maps.write_exec, "Only what is writable and executable");
  auto* kernel = maps->add_flag("--kernel", args.maps.kernel, "Only what user mode cannot reach");
  maps->add_flag("--user", args.maps.user, "Only what user mode can reach")->excludes(kernel);
  CLI::App* owner = add("owner", "Who maps these physical addresses, and where", Command::kOwner);
  owner->add_option("PA", args.addresses, "Physical addresses, in the words of virtual ones");
  owner->add_flag("--file-offset", args.file_offsets, "They are offsets in the image file");
  CLI::App* atlas =
      add("atlas", "A picture of physical memory, coloured by who maps it", Command::kAtlas);
  atlas->add_option("-o", args.out, "The file to write: FILE.svg or FILE.html")
      ->type_name("FILE")
      ->required();
  atlas->add_flag("--force", args.convert.force, "Replace the file if it exists");
  for (CLI::App* command : {owner, atlas}) {
    command->add_option("--cache-dir", args.cache_dir,
                        "Keep what was found of all owners in this folder, for the next run");
  }
  add("formats", "List the formats that are recognised", Command::kFormats);
  CLI::App* schema = add("schema", "Print the JSON Schema of the output", Command::kSchema);
  schema->add_option("NAME", args.schema, "One of them, e.g. v2p.translation/1; default: all");
  CLI::App* pack =
      add("pack", "Write an image as seekable zstd, readable by zstd -d", Command::kPack);
  pack->add_option("IN", args.pack_in, "The file to pack")->required();
  pack->add_option("OUT", args.out, "The file to write, usually IN.zst")->required();
  pack->add_option("--level", args.pack.level, "zstd level, 1 to 19 (default 3)")
      ->type_name("N")
      ->check(CLI::Range(1, 19).description(""));
  pack->add_option("--threads", args.pack.threads, "Threads (default: one a processor)")
      ->type_name("N")
      ->check(CLI::Range(0, 1024).description(""));
  pack->add_flag("--force", args.pack.force, "Replace OUT if it exists");
  CLI::App* convert =
      add("convert", "Write the memory that an image holds in another format", Command::kConvert);
  convert->add_option("IN", args.dump, "The image to read")->required();
  convert->add_option("OUT", args.out, "The file to write")->required();
  convert->add_option("--to", args.convert.target, "raw, lime, dmp or zst (raw, compressed)")
      ->type_name("FORM")
      ->transform(CLI::CheckedTransformer(kTargets).description(""))
      ->required();
  convert->add_flag("--force", args.convert.force, "Replace OUT if it exists");
}

// An empty value is a shell variable that was not set, never a wish for the default.
void RefuseEmptyValues(CLI::App& app) {
  const CLI::Validator not_empty(
      [](std::string& text) { return std::string(text.empty() ? "the value is empty" : ""); }, "");
  for (CLI::Option* option : app.get_options()) {
    if (option->get_type_size() != 0) option->check(not_empty);
  }
}

Result<std::optional<std::uint64_t>> ParseRoot(std::string_view option, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto value = ParseHex(text);
  if (value) return value;
  return Fail(ErrorKind::kUsage,
              fmt::format("{}: '{}' is not a hexadecimal number", option, SafeText(text)));
}

// What one option cannot check alone.
Status Finish(const RawText& raw, Args& args) {
  const auto usage = [](std::string message) {
    return Fail(ErrorKind::kUsage, std::move(message));
  };
  if (raw.json) args.format = OutputFormat::kJson;
  const auto dtb = ParseRoot("--dtb", raw.dtb);
  if (!dtb) return tl::unexpected<Error>(dtb.error());
  const auto ttbr1 = ParseRoot("--ttbr1", raw.ttbr1);
  if (!ttbr1) return tl::unexpected<Error>(ttbr1.error());
  args.dtb = *dtb;
  args.ttbr1 = *ttbr1;
  if (!raw.mode.empty()) {
    args.mode = ModeByName(raw.mode);
    if (!args.mode) return usage("--mode is x86, pae, x64, x64-la57 or arm64");
  }
  if (!raw.ranges.empty()) {
    auto ranges = ParseUserRanges(raw.ranges);
    if (!ranges) return tl::unexpected<Error>(ranges.error());
    args.open.ranges = std::move(*ranges);
  }
  args.page_files = PageFileArguments(raw.page_files);
  const bool translates = args.command == Command::kTranslate;
  const bool shows = args.command == Command::kInfo || args.command == Command::kDtb ||
                     args.command == Command::kPs || args.command == Command::kRead ||
                     args.command == Command::kPte || args.command == Command::kMaps ||
                     args.command == Command::kOwner || args.command == Command::kAtlas;
  if ((translates || shows) && args.dump.empty()) {
    return usage("no image: give --dump FILE");
  }
  const bool takes_addresses = translates || args.command == Command::kOwner;
  if (!takes_addresses && !(args.addresses.empty() && args.address_file.empty())) {
    return usage("addresses are translated without a subcommand: v2p --dump FILE VA...");
  }
  if (takes_addresses && args.addresses.empty() && args.address_file.empty()) {
    return usage("no address: give some, or --addresses FILE");
  }
  if (args.command == Command::kAtlas && !args.out.ends_with(".svg") &&
      !args.out.ends_with(".html")) {
    return usage("atlas: -o names a FILE.svg or a FILE.html");
  }
  const int roots =
      (args.cpu ? 1 : 0) + (args.dtb ? 1 : 0) + (args.pid ? 1 : 0) + (args.process.empty() ? 0 : 1);
  if (roots > 1) return usage("--cpu, --dtb, --pid and --process each name a root: give one");
  return {};
}

ParsedArgs UsageError(const std::string& message) {
  return {std::nullopt,
          kUsageError,
          {},
          fmt::format("v2p: {} (v2p --help shows how)\n", SafeText(message))};
}

}  // namespace

ParsedArgs ParseArgs(int argc, const char* const* argv) {
  Args args;
  RawText raw;
  CLI::App app(kAbout, "v2p");
  app.set_help_flag("-h,--help", "Show this and exit");
  app.set_version_flag("--version", "v2p " V2P_VERSION, "Show the version and exit");
  app.formatter(std::make_shared<HelpFormatter>());
  app.add_option("VA", args.addresses, "Virtual addresses to translate");
  AddImageOptions(app, args, raw);
  AddRootOptions(app, args, raw);
  AddOutputOptions(app, args, raw);
  RefuseEmptyValues(app);
  AddCommands(app, args);
  app.footer(kFooter);  // after the commands, which would take it over
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    for (const CLI::App* sub : app.get_subcommands()) return {std::nullopt, 0, sub->help(), {}};
    return {std::nullopt, kAllTranslated, app.help(), {}};
  } catch (const CLI::CallForVersion& version) {
    return {std::nullopt, kAllTranslated, fmt::format("{}\n", version.what()), {}};
  } catch (const CLI::ParseError& error) {
    return UsageError(error.what());
  }
  const Status finished = Finish(raw, args);
  if (!finished) return UsageError(finished.error().message);
  return {std::move(args), kAllTranslated, {}, {}};
}

}  // namespace v2p::cli
