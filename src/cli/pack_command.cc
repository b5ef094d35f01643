// `v2p pack`: makes an image that can be read at random while compressed.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/file_source.h"
#include "cli/commands.h"
#include "cli/load_image.h"
#include "cli/log.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/text_format.h"
#include "codec/zstd_pack.h"

namespace v2p::cli {
namespace {

Result<PackResult> Pack(const Args& args) {
  const auto source = OpenFile(args.pack_in);
  if (!source) return tl::unexpected<Error>(source.error());
  Progress progress("pack", args.quiet);
  PackOptions options = args.pack;
  options.progress = [&](std::uint64_t done, std::uint64_t total) { progress.Update(done, total); };
  options.interrupted = Interrupted;
  auto packed = PackZstd(**source, args.out, options);
  if (!packed && packed.error().at) packed.error().file = args.pack_in;  // offsets are the input's
  return packed;
}

}  // namespace

int RunPack(const Args& args) {
  const InterruptGuard guard;
  const auto packed = Pack(args);
  if (!packed && Interrupted()) return kInterruptedStatus;
  if (!packed) return FailWith(args, packed.error());
  LogInfo(fmt::format("{}: {} in {} frames from {}", args.out, LongSize(packed->bytes_out),
                      packed->frames, LongSize(packed->bytes_in)));
  return kAllTranslated;
}

}  // namespace v2p::cli
