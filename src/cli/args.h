// The command line as data.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/image_facts.h"
#include "codec/zstd_pack.h"
#include "dumpfmt/convert.h"
#include "dumpfmt/format.h"

namespace v2p::cli {

/// Exit statuses. They are API.
enum ExitStatus : int {
  kAllTranslated = 0,
  kSomeNotTranslated = 1,
  kUsageError = 2,
  kNoImage = 3,
  kInterruptedStatus = 130,
};

enum class Command : std::uint8_t {
  kTranslate,
  kInfo,
  kFormats,
  kSchema,
  kPack,
  kConvert,
  kDtb,
  kPs,
  kRead,
  kPte,
  kMaps,
  kOwner,
  kAtlas,
};
enum class OutputFormat : std::uint8_t { kText, kJson, kNdjson, kCsv, kWindbg };
enum class ColorChoice : std::uint8_t { kAuto, kAlways, kNever };

/// What `maps` leaves out, and whether it joins pages.
struct MapsOptions {
  bool leaves = false;
  bool write_exec = false, kernel = false, user = false;
};

struct Args {
  std::string dump;
  OpenOptions open;

  std::vector<std::string> addresses;
  std::string address_file;  ///< empty: none; "-": standard input
  std::optional<std::uint64_t> dtb, ttbr1, pid;
  std::string process;
  std::vector<std::pair<unsigned, std::string>> page_files;  ///< number and file
  std::optional<unsigned> cpu, os;                           ///< `os` counts from 1
  std::optional<std::uint32_t> offsets_size;
  std::optional<ModeName> mode;
  bool strict = false;
  bool ignore_canonical = false;

  Command command = Command::kTranslate;
  OutputFormat format = OutputFormat::kText;
  ColorChoice color = ColorChoice::kAuto;
  bool quiet = false;
  int verbosity = 0;

  // Of single commands.
  std::string pack_in, out;  ///< the file that `pack` reads; the one that a command writes
  PackOptions pack;
  ConvertOptions convert;
  std::string cache_dir;  ///< `owner`, `atlas`; empty: nothing is kept
  std::string schema;
  std::string read_at, read_length;  ///< of `read`, as given
  std::vector<std::string> pte_at;
  MapsOptions maps;
  bool raw = false;           ///< `read`: into the file `out`
  bool explain = false;       ///< `dtb`: every test of every root
  bool all = false;           ///< `dtb`: look everywhere, show all; `maps`: all processes
  bool file_offsets = false;  ///< `owner`: the words are offsets in the image file
};

/// Either `args`, or text to print (`out`, `err`) and the status to exit with.
struct ParsedArgs {
  std::optional<Args> args;
  int status = kAllTranslated;
  std::string out, err;
};

ParsedArgs ParseArgs(int argc, const char* const* argv);

}  // namespace v2p::cli
