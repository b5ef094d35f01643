// Conversion: fetch, write, read back, publish.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "codec/zstd_pack.h"
#include "dumpfmt/flat_stream.h"
#include "dumpfmt/format.h"
#include "dumpfmt/image_writer.h"
#include "dumpfmt/memory_chunks.h"
#include "dumpfmt/memory_digest.h"

namespace v2p {
namespace {

tl::unexpected<Error> Interrupted() { return Fail(ErrorKind::kInterrupted, "interrupted"); }

// Of what several threads do.
class FirstFailure {
 public:
  void Note(Status status) {
    if (status) return;
    const std::scoped_lock lock(mutex_);
    if (status_) status_ = std::move(status);
  }
  Status Get() const {
    const std::scoped_lock lock(mutex_);
    return status_;
  }

 private:
  mutable std::mutex mutex_;
  Status status_;
};

class Conversion {
 public:
  Conversion(const Image& image, const std::string& source, const std::string& path,
             const ConvertOptions& options)
      : image_(image),
        source_(source),
        path_(path),
        options_(options),
        total_(2 * image.memory->PresentBytes()),
        written_(options.progress, total_, 0) {}

  Result<ConvertResult> Run() {
    const Status done = options_.target == ConvertTarget::kZstd ? WriteZstd() : WriteFile();
    if (!done) return tl::unexpected<Error>(done.error());
    result_.bytes_written = written_.Bytes();
    result_.stretches = written_.Stretches();
    return result_;
  }

 private:
  bool Flat() const {
    return options_.target == ConvertTarget::kRaw || options_.target == ConvertTarget::kZstd;
  }

  MemoryChunks::Options ChunkOptions() const {
    return {options_.threads, options_.target == ConvertTarget::kCrashDump, {}};
  }

  Result<std::unique_ptr<ImageWriter>> MakeWriter(NewFile& file) {
    if (options_.target == ConvertTarget::kRaw) return MakeRawWriter(file, image_.memory->End());
    if (options_.target == ConvertTarget::kLime) return MakeLimeWriter(file);
    return MakeCrashDumpWriter(file, image_, options_);
  }

  Status WriteFile() {
    const auto mode = ModeForCopy(source_, path_);
    if (!mode) return tl::unexpected<Error>(mode.error());
    auto file = NewFile::Create(path_, options_.force, *mode);
    if (!file) return tl::unexpected<Error>(file.error());
    auto writer = MakeWriter(*file);
    if (!writer) return tl::unexpected<Error>(writer.error());
    FirstFailure failure;
    auto options = ChunkOptions();
    const auto put = [&](const MemoryChunk& chunk) {
      failure.Note((*writer)->Put(chunk.at, chunk.bytes));
    };
    if ((*writer)->AnyOrder()) options.fetched = put;
    MemoryChunks chunks(*image_.memory, options);
    for (auto batch = chunks.Next(); !batch.empty(); batch = chunks.Next()) {
      for (const MemoryChunk& chunk : batch) {
        if (!(*writer)->AnyOrder()) put(chunk);
        written_.Add(chunk);
      }
      if (auto put_all = failure.Get(); !put_all) return put_all;
      if (options_.interrupted && options_.interrupted()) return Interrupted();
    }
    if (auto finished = (*writer)->Finish(); !finished) return finished;
    result_.file_bytes = file->Size();
    if (auto sound = Complete(chunks, file->TemporaryName()); !sound) return sound;
    return PublishWithRanges([&] { return file->Publish(); }, *mode);
  }

  Status WriteZstd() {
    FlatStream stream(*image_.memory, ChunkOptions(), written_);
    PackOptions pack;
    pack.threads = options_.threads;
    pack.force = options_.force;
    pack.interrupted = options_.interrupted;
    const PackInput input{source_, image_.memory->End().value};
    const auto check = [&](const std::string& temporary) -> Status {
      if (auto sound = Complete(stream.Chunks(), temporary); !sound) return sound;
      const auto mode = ModeForCopy(source_, path_);
      if (!mode) return tl::unexpected<Error>(mode.error());
      return PublishWithRanges([] { return Status(); }, *mode);
    };
    const auto packed = PackStream(stream, input, path_, pack, check);
    if (!packed && options_.interrupted && options_.interrupted()) return Interrupted();
    if (!packed) return tl::unexpected<Error>(packed.error());
    result_.file_bytes = packed->bytes_out;
    return {};
  }

  // All was fetched; is what stands on disk the same?
  Status Complete(const MemoryChunks& chunks, const std::string& temporary) {
    result_.unreadable_bytes = chunks.UnreadableBytes();
    result_.partial_bytes = chunks.PartialBytes();
    OpenOptions open;
    if (Flat()) {
      open.as = "raw";
      for (const auto& range : written_.Ranges()) {
        open.ranges.push_back({range.begin, range.bytes, FileOffset(range.begin.value)});
      }
    }
    const auto back = OpenImage(temporary, open);
    if (!back) return tl::unexpected<Error>(back.error());
    if (!back->memory) return Fail(ErrorKind::kIo, "the output does not read back as an image");
    MemoryDigest read(options_.progress, total_, written_.Bytes());
    MemoryChunks again(*back->memory, {options_.threads, false, {}});
    for (auto batch = again.Next(); !batch.empty(); batch = again.Next()) {
      for (const MemoryChunk& chunk : batch) read.Add(chunk);
      if (options_.interrupted && options_.interrupted()) return Interrupted();
    }
    if (read == written_) return {};
    return Fail(ErrorKind::kIo, "the output does not read back as it was written");
  }

  // The map stands before the memory does: no raw image without it.
  template <class Publish>
  Status PublishWithRanges(Publish publish, mode_t mode) {
    if (!Flat()) return publish();
    auto list = NewFile::Create(path_ + ".ranges", options_.force, mode);
    if (!list) return tl::unexpected<Error>(list.error());
    std::string text;
    for (const auto& range : written_.Ranges()) {
      text += fmt::format("{}{:#x}-{:#x}@{:#x}", text.empty() ? "" : ",", range.begin.value,
                          range.begin.value + (range.bytes - 1), range.begin.value);
    }
    text += "\n";
    if (auto put = list->Append(std::as_bytes(std::span(text))); !put) return put;
    if (auto put = list->Publish(); !put) return put;
    return publish();
  }

  const Image& image_;
  const std::string& source_;
  const std::string& path_;
  const ConvertOptions& options_;
  std::uint64_t total_;
  MemoryDigest written_;
  ConvertResult result_;
};

}  // namespace

Result<ConvertResult> ConvertImage(const Image& image, const std::string& source_name,
                                   const std::string& path, const ConvertOptions& options) {
  if (!image.memory) return Fail(ErrorKind::kNoMemory, image.no_memory);
  if (image.memory->PresentBytes() == 0) return Fail(ErrorKind::kNoMemory, "no memory to convert");
  return Conversion(image, source_name, path, options).Run();
}

}  // namespace v2p
