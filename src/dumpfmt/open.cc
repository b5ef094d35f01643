// Recognises what a file is and opens it: decompression, probing, the user's override.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/file_source.h"
#include "codec/zstd_source.h"
#include "dumpfmt/formats.h"

namespace v2p {
namespace {

constexpr std::size_t kHeadBytes = std::size_t{64} << 10U;
constexpr std::size_t kTailBytes = 16;

// The bytes that probes see; `view` points into the vectors.
struct Probe {
  std::vector<std::byte> head;
  std::vector<std::byte> tail;
  ProbeView view;
};

Result<Probe> ReadProbe(const ByteSource& source) {
  Probe probe;
  const std::uint64_t size = source.Size();
  if (size == 0) return Fail(ErrorKind::kTruncated, "the file is empty");
  probe.head.resize(static_cast<std::size_t>(std::min<std::uint64_t>(size, kHeadBytes)));
  probe.tail.resize(static_cast<std::size_t>(std::min<std::uint64_t>(size, kTailBytes)));
  if (auto read = ReadExactly(source, 0, probe.head, "file head"); !read) {
    return tl::unexpected<Error>(read.error());
  }
  if (auto read = ReadExactly(source, size - probe.tail.size(), probe.tail, "file tail"); !read) {
    return tl::unexpected<Error>(read.error());
  }
  probe.view = {probe.head, probe.tail, size, source.Name()};
  return probe;
}

const Format& Recognise(const ProbeView& view) {
  for (const Format* format : Formats()) {
    if (format->recognise(view)) return *format;
  }
  return kRawFormat;
}

Result<const Format*> FormatByName(std::string_view name) {
  std::string known;
  for (const Format* format : Formats()) {
    if (format->name == name) return format;
    if (format->open != nullptr) known += fmt::format(" {}", format->name);
  }
  return Fail(ErrorKind::kUsage, fmt::format("there is no format '{}'; known are:{}", name, known));
}

Result<Image> OpenAs(const Format& format, std::shared_ptr<const ByteSource> source,
                     const OpenOptions& options) {
  if (format.open == nullptr) {
    return Fail(ErrorKind::kUnsupported, fmt::format("{}: not read by this version; {}",
                                                     format.description, format.next_step));
  }
  const bool mapped_by_user = !options.ranges.empty() || !options.platform.empty();
  if (mapped_by_user && &format != &kRawFormat) {
    return Fail(ErrorKind::kUsage,
                fmt::format("--ranges and --platform are for raw images; this is {}, which has "
                            "its own memory map",
                            format.description));
  }
  return format.open(std::move(source), options);
}

Result<Image> OpenOverridden(const Format& seen, std::shared_ptr<const ByteSource> source,
                             const OpenOptions& options) {
  const auto wanted = FormatByName(options.as);
  if (!wanted) return tl::unexpected<Error>(wanted.error());
  auto image = OpenAs(**wanted, std::move(source), options);
  if (image) {
    image->warnings.insert(image->warnings.begin(),
                           fmt::format("opened as {} because --as says so; by its magic the file "
                                       "is {}",
                                       (*wanted)->name, seen.name));
  }
  return image;
}

Result<Image> OpenPlain(std::shared_ptr<const ByteSource> source, const Probe& probe,
                        const OpenOptions& options) {
  const Format& seen = Recognise(probe.view);
  if (!options.as.empty()) return OpenOverridden(seen, std::move(source), options);
  return OpenAs(seen, std::move(source), options);
}

Result<Image> OpenCompressed(std::shared_ptr<const ByteSource> source, const OpenOptions& options) {
  auto inner = OpenZstd(std::move(source), {options.allow_temp, options.progress});
  if (!inner) return tl::unexpected<Error>(inner.error());
  const auto probe = ReadProbe(**inner);
  if (!probe) return tl::unexpected<Error>(probe.error());
  if (LooksLikeZstd(probe->view.head)) {
    return Fail(ErrorKind::kUnsupported,
                "zstd inside zstd is not read; take off one layer first: zstd -d IN");
  }
  auto image = OpenPlain(std::move(*inner), *probe, options);
  if (!image && image.error().file.empty()) image.error().decompressed = true;
  if (image) {
    auto& details = image->facts.details;
    details.insert(details.begin(), {"compression", std::string("zstd")});
  }
  return image;
}

Result<Image> OpenSource(std::shared_ptr<const ByteSource> source, const OpenOptions& options) {
  const auto probe = ReadProbe(*source);
  if (!probe) return tl::unexpected<Error>(probe.error());
  if (LooksLikeZstd(probe->view.head)) return OpenCompressed(std::move(source), options);
  return OpenPlain(std::move(source), *probe, options);
}

}  // namespace

Result<Image> OpenImage(std::shared_ptr<const ByteSource> source, const OpenOptions& options) {
  const std::string name = source->Name();
  auto image = OpenSource(std::move(source), options);
  if (!image && image.error().file.empty()) image.error().file = name;
  return image;
}

Result<Image> OpenImage(const std::string& path, const OpenOptions& options) {
  auto source = OpenFile(path);
  if (!source) return tl::unexpected<Error>(source.error());
  return OpenImage(std::move(*source), options);
}

}  // namespace v2p
