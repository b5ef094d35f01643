// Opens the image of a command line, and says whether its bytes can still be trusted.
// SPDX-License-Identifier: Apache-2.0
#include "cli/load_image.h"

#include <fmt/format.h>

#include <array>

#include "cli/log.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/reporter.h"
#include "cli/signals.h"

namespace v2p::cli {
namespace {

Error Shrunk(const std::string& name, std::uint64_t offset) {
  return Error{ErrorKind::kIo, "the file became shorter, or failed, while it was read", name,
               v2p::FileOffset(offset)};
}

}  // namespace

Result<Image> LoadImage(const Args& args) {
  Progress progress("open", args.quiet);
  OpenOptions options = args.open;
  options.progress = [&](std::uint64_t done, std::uint64_t total) { progress.Update(done, total); };
  auto image = OpenImage(args.dump, options);
  // An error found in the zeros of a vanished page is not the file's: the fault comes first.
  if (const auto fault = MappingFault()) return tl::unexpected<Error>(Shrunk(args.dump, *fault));
  return image;
}

void LogWarnings(const Args& args, const Image& image) {
  for (const std::string& warning : image.warnings) {
    LogWarning(fmt::format("{}: {}", args.dump, warning));
  }
}

std::optional<Error> ImageFault(const Args& args, const Image& image) {
  if (const auto fault = MappingFault()) return Shrunk(args.dump, *fault);
  if (!image.memory) return std::nullopt;
  if (auto fault = image.memory->Fault()) {
    if (fault->file.empty()) fault->file = args.dump;
    return fault;
  }
  // The tail of the last page of a shortened file reads as zeros without any signal.
  const ByteSource& source = image.memory->Source();
  if (!source.Verbatim() || source.Size() == 0) return std::nullopt;
  std::array<std::byte, 1> last{};
  const auto got = source.ReadAt(source.Size() - 1, last);
  if (got && *got == last.size()) return std::nullopt;
  return Shrunk(args.dump, source.Size() - 1);
}

std::string DamageLine(const Args& args, const Damage& damage) {
  Error first = damage.first;
  first.file = args.dump;
  std::string line = first.OneLine();
  if (damage.places > 1) line += fmt::format("; {} such places were met", damage.places);
  return line;
}

std::string ErrorLine(const Error& error) {
  if (error.kind != ErrorKind::kUsage) return error.OneLine();
  return error.file.empty() ? error.message : fmt::format("{}: {}", error.file, error.message);
}

int FailWith(const Args& args, Error error) {
  if (error.file.empty()) error.file = args.dump;
  LogError(ErrorLine(error));
  if (error.kind == ErrorKind::kUsage) return kUsageError;
  std::string out;
  AppendErrorRecord(args.format, args.dump.empty() ? error.file : args.dump, error, &out);
  return PrintAndExit(out, error.kind == ErrorKind::kInterrupted ? kInterruptedStatus : kNoImage);
}

}  // namespace v2p::cli
