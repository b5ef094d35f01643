// Packs a source into the seekable zstd format, version 0.1.0.
// SPDX-License-Identifier: Apache-2.0
#include "codec/zstd_pack.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/file_source.h"
#include "codec/byte_stream.h"
#include "codec/frame_workers.h"
#include "codec/new_file.h"
#include "codec/zstd_layout.h"

namespace v2p {
namespace {

constexpr std::uint32_t kMinFrameBytes = 64U << 10U;
constexpr int kMaxLevel = 19;

Status CheckOptions(const PackOptions& options) {
  if (options.frame_bytes < kMinFrameBytes || options.frame_bytes > kMaxZstdFrameBytes) {
    return Fail(ErrorKind::kUsage, "a frame has 64 KiB to 64 MiB");
  }
  if (options.level < 1 || options.level > kMaxLevel) {
    return Fail(ErrorKind::kUsage, "the zstd level is 1 to 19");
  }
  return {};
}

// The frames written so far, as the seek table will list them.
class SeekTableWriter {
 public:
  Status Add(const FrameJob& job) {
    if (frames_ == kSeekMaxFrames) {
      return Fail(ErrorKind::kUsage,
                  "the image has too many frames for a seek table; use larger "
                  "frames");
    }
    ++frames_;
    Append(static_cast<std::uint32_t>(job.frame_bytes));
    Append(static_cast<std::uint32_t>(job.plain_bytes));
    Append(job.checksum);
    return {};
  }

  std::uint64_t Frames() const { return frames_; }

  Status WriteTo(NewFile& file) {
    std::vector<std::byte> entries = std::move(bytes_);
    bytes_.clear();
    Append(kSeekTableMagic);
    Append(static_cast<std::uint32_t>(entries.size()) + kSeekFooterBytes);
    if (auto written = file.Append(bytes_); !written) return written;
    if (auto written = file.Append(entries); !written) return written;
    bytes_.clear();
    Append(frames_);
    bytes_.push_back(std::byte{kSeekChecksumBit});
    Append(kSeekFooterMagic);
    return file.Append(bytes_);
  }

 private:
  void Append(std::uint32_t value) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
      bytes_.push_back(static_cast<std::byte>((value >> shift) & 0xFFU));
    }
  }

  std::vector<std::byte> bytes_;
  std::uint32_t frames_ = 0;
};

class Packer {
 public:
  Packer(ByteStream& stream, std::uint64_t file_bytes, NewFile& file, const PackOptions& options)
      : stream_(stream), file_bytes_(file_bytes), file_(file), options_(options) {}

  Result<PackResult> Run(FrameWorkers& workers) {
    for (bool more = true; more;) {
      if (options_.interrupted && options_.interrupted()) return Stop("interrupted");
      const auto read = ReadChunk(workers);
      if (!read) return tl::unexpected<Error>(read.error());
      more = *read;
      while (workers.InFlight() > 0 && (!more || workers.InFlight() == workers.Capacity())) {
        if (options_.interrupted && options_.interrupted()) return Stop("interrupted");
        if (auto put = WriteOldest(workers); !put) return tl::unexpected<Error>(put.error());
      }
    }
    result_.frames = table_.Frames();
    if (auto put = table_.WriteTo(file_); !put) return tl::unexpected<Error>(put.error());
    result_.bytes_out = file_.Size();
    return result_;
  }

 private:
  static tl::unexpected<Error> Stop(const char* why) { return Fail(ErrorKind::kIo, why); }

  // Reads a chunk and hands it to the workers; false at the end.
  Result<bool> ReadChunk(FrameWorkers& workers) {
    auto job = workers.TakeEmpty();
    const auto got = stream_.Read(job->plain);
    if (!got) return tl::unexpected<Error>(got.error());
    job->plain_bytes = *got;
    const bool more = *got == job->plain.size();
    result_.bytes_in += *got;
    if (*got != 0) workers.Submit(std::move(job));
    if (options_.progress) options_.progress(stream_.FileBytesRead(), file_bytes_);
    return more;
  }

  Status WriteOldest(FrameWorkers& workers) {
    auto job = workers.WaitForOldest();
    if (!job->status) return job->status;
    if (auto added = table_.Add(*job); !added) return added;
    auto put = file_.Append(std::span<const std::byte>(job->frame).first(job->frame_bytes));
    workers.Recycle(std::move(job));
    return put;
  }

  ByteStream& stream_;
  std::uint64_t file_bytes_;
  NewFile& file_;
  const PackOptions& options_;
  SeekTableWriter table_;
  PackResult result_;
};

// Reads back what a reader will rely on.
Status Verify(const std::string& name, const PackResult& result) {
  const auto file = OpenFile(name);
  if (!file) return tl::unexpected<Error>(file.error());
  const auto layout = ReadZstdLayout(**file);
  if (layout && layout->bytes == result.bytes_in && layout->frames.size() == result.frames)
    return {};
  return Fail(ErrorKind::kIo, "the seek table just written does not read back");
}

}  // namespace

Result<PackResult> PackZstd(const ByteSource& source, const std::string& path,
                            const PackOptions& options) {
  const auto stream = OpenStream(source);
  if (!stream) return tl::unexpected<Error>(stream.error());
  source.WillScan(0, source.Size());
  const auto whole = [&](const std::string&) -> Status {
    const std::uint64_t read = (*stream)->FileBytesRead();
    if (read == source.Size()) return {};
    return Fail(ErrorKind::kIo, "the file was not read to its end", FileOffset(read));
  };
  return PackStream(**stream, {source.Name(), source.Size()}, path, options, whole);
}

Result<PackResult> PackStream(ByteStream& stream, const PackInput& input, const std::string& path,
                              const PackOptions& options, const PackCheck& check) {
  if (auto valid = CheckOptions(options); !valid) return tl::unexpected<Error>(valid.error());
  const auto mode = ModeForCopy(input.name, path);
  if (!mode) return tl::unexpected<Error>(mode.error());
  auto file = NewFile::Create(path, options.force, *mode);
  if (!file) return tl::unexpected<Error>(file.error());

  const unsigned wanted =
      options.threads != 0 ? options.threads : std::thread::hardware_concurrency();
  FrameWorkers workers(std::max(1U, wanted), options.level, options.frame_bytes);
  if (!workers.Running()) return Fail(ErrorKind::kIo, "no thread could be started");
  auto result = Packer(stream, input.bytes, *file, options).Run(workers);
  if (!result) return result;
  for (const Status& sound :
       {Verify(file->TemporaryName(), *result), check ? check(file->TemporaryName()) : Status()}) {
    if (!sound) return tl::unexpected<Error>(sound.error());
  }
  if (auto done = file->Publish(); !done) return tl::unexpected<Error>(done.error());
  return result;
}

}  // namespace v2p
