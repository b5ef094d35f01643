// Format: how an image format is recognised and opened. One file and one line in formats.cc each.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_source.h"
#include "dumpfmt/image.h"

namespace v2p {

/// What a probe may look at. Magic numbers only: once a format says yes, every defect of the file
/// is an error of that format and never a reason to try the next one.
struct ProbeView {
  std::span<const std::byte> head;  ///< first bytes, up to 64 KiB
  std::span<const std::byte> tail;  ///< last bytes, up to 16
  std::uint64_t size = 0;
  std::string_view name;
};

/// A user-given extent of an image without a map of its own: `--ranges START-END[@OFFSET],...`.
struct UserRange {
  PhysAddr begin;
  std::uint64_t bytes = 0;
  std::optional<FileOffset> at;  ///< default: directly after the previous range's bytes
};

/// What the user said about how to open the file.
struct OpenOptions {
  std::string as;                 ///< format name that overrides recognition, or empty
  std::vector<UserRange> ranges;  ///< for raw images
  std::string platform;           ///< named hole layout for raw images, or empty
  bool allow_temp = false;        ///< a single-frame zstd may be unpacked to a private file
  /// Called now and then during long work with (done, total) bytes; may be empty.
  std::function<void(std::uint64_t, std::uint64_t)> progress;
};

struct Format {
  std::string_view name;         ///< kebab-case, as in `v2p formats` and `--as`
  std::string_view description;  ///< one line for people
  bool (*recognise)(const ProbeView& probe);
  /// Opens a recognised file. Null for formats that are named but not read.
  Result<Image> (*open)(std::shared_ptr<const ByteSource> source, const OpenOptions& options);
  std::string_view next_step;  ///< for formats that are not read: what the user can do
};

/// Every format, in the order in which they are tried. Raw is last and recognises everything.
std::span<const Format* const> Formats();

/// Recognises and opens `source`. Errors carry the file's name.
Result<Image> OpenImage(std::shared_ptr<const ByteSource> source, const OpenOptions& options);

/// Opens the file at `path`: OpenFile, then OpenImage.
Result<Image> OpenImage(const std::string& path, const OpenOptions& options);

}  // namespace v2p
