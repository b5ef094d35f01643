// Temporary files: unnamed, private, sparse, and never the last bytes of a disk.
// SPDX-License-Identifier: Apache-2.0
#include "codec/unpack_temp.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/file_source.h"
#include "codec/byte_stream.h"
#include "codec/fd.h"
#include "codec/zstd_layout.h"

namespace v2p {
namespace {

// Left free on the file system when the unpacked size is not known beforehand.
constexpr std::uint64_t kReserveBytes = 64U << 20U;
constexpr std::size_t kChunkBytes = 1U << 20U;
constexpr std::size_t kPieceBytes = 4096;

// The unpacked file under the name the user knows.
class TempSource final : public ByteSource {
 public:
  TempSource(std::string name, std::shared_ptr<const ByteSource> file)
      : name_(std::move(name)), file_(std::move(file)) {}

  const std::string& Name() const override { return name_; }
  std::uint64_t Size() const override { return file_->Size(); }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    return file_->ReadAt(offset, out);
  }
  Result<BlockView> BlockAt(std::uint64_t offset) const override { return file_->BlockAt(offset); }
  std::span<const std::byte> Mapped() const override { return file_->Mapped(); }
  void WillScan(std::uint64_t offset, std::uint64_t bytes) const override {
    file_->WillScan(offset, bytes);
  }
  bool Verbatim() const override { return false; }

 private:
  std::string name_;
  std::shared_ptr<const ByteSource> file_;
};

Result<Fd> OpenUnnamed(const std::string& directory) {
  Fd fd(open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd.Get() >= 0) return fd;
  std::string name = directory + "/v2p-XXXXXX";  // file systems without O_TMPFILE
  fd = Fd(mkostemp(name.data(), O_CLOEXEC));
  if (fd.Get() < 0) return IoError("cannot make a temporary file in " + directory, errno);
  unlink(name.c_str());
  return fd;
}

class TempWriter {
 public:
  TempWriter(int fd, std::string directory) : fd_(fd), directory_(std::move(directory)) {}

  Status NeedRoom(std::uint64_t bytes) const {
    struct statvfs info {};
    if (fstatvfs(fd_, &info) != 0) return IoError("cannot ask for room in " + directory_, errno);
    const std::uint64_t free = std::uint64_t{info.f_bavail} * info.f_frsize;
    if (bytes <= free) return {};
    return Fail(ErrorKind::kIo,
                fmt::format("unpacking takes {} of temporary room but {} has {}; set TMPDIR",
                            HumanBytes(bytes), directory_, HumanBytes(free)));
  }

  // Writes the pieces that are not all zero, neighbours together.
  Status Append(std::span<const std::byte> bytes) {
    std::size_t begin = 0;
    while (begin < bytes.size()) {
      std::size_t end = begin;
      while (end < bytes.size() && !AllZero(Piece(bytes, end))) end += Piece(bytes, end).size();
      if (auto written = WriteAt(size_ + begin, bytes.subspan(begin, end - begin)); !written) {
        return written;
      }
      while (end < bytes.size() && AllZero(Piece(bytes, end))) end += Piece(bytes, end).size();
      begin = end;
    }
    size_ += bytes.size();
    return {};
  }

  Status Finish() const {
    if (ftruncate(fd_, static_cast<off_t>(size_)) == 0) return {};
    return IoError("cannot write to a temporary file in " + directory_, errno);
  }

 private:
  static std::span<const std::byte> Piece(std::span<const std::byte> bytes, std::size_t at) {
    return bytes.subspan(at, std::min(kPieceBytes, bytes.size() - at));
  }

  Status WriteAt(std::uint64_t at, std::span<const std::byte> bytes) {
    unchecked_ += bytes.size();
    if (unchecked_ >= kReserveBytes / 2) {
      unchecked_ = 0;
      if (auto room = NeedRoom(kReserveBytes); !room) return room;
    }
    if (PwriteAll(fd_, at, bytes)) return {};
    return IoError("cannot write to a temporary file in " + directory_, errno);
  }

  int fd_;
  std::string directory_;
  std::uint64_t size_ = 0;
  std::uint64_t unchecked_ = 0;  // written since the room was last asked for
};

Status CopyAll(ByteStream& stream, TempWriter& writer, std::uint64_t file_bytes,
               const ZstdOptions& options) {
  std::vector<std::byte> chunk(kChunkBytes);
  for (std::size_t got = kChunkBytes; got == kChunkBytes;) {
    const auto read = stream.Read(chunk);
    if (!read) return tl::unexpected<Error>(read.error());
    got = *read;
    if (auto written = writer.Append(std::span(chunk).first(got)); !written) return written;
    if (options.progress) options.progress(stream.FileBytesRead(), file_bytes);
  }
  return writer.Finish();
}

}  // namespace

Result<std::shared_ptr<const ByteSource>> UnpackToTemp(const ByteSource& source,
                                                       std::uint64_t known_bytes,
                                                       const ZstdOptions& options) {
  const char* wanted = std::getenv("TMPDIR");
  const std::string directory = wanted != nullptr && *wanted != '\0' ? wanted : "/tmp";
  const auto fd = OpenUnnamed(directory);
  if (!fd) return tl::unexpected<Error>(fd.error());
  TempWriter writer(fd->Get(), directory);
  if (auto room = writer.NeedRoom(known_bytes); !room) return tl::unexpected<Error>(room.error());

  const auto stream = OpenStream(source);
  if (!stream) return tl::unexpected<Error>(stream.error());
  if (auto copied = CopyAll(**stream, writer, source.Size(), options); !copied) {
    return tl::unexpected<Error>(copied.error());
  }
  // The only way to a file without a name; the result gets a descriptor that cannot write.
  auto file = OpenFile(fmt::format("/proc/self/fd/{}", fd->Get()));
  if (!file) return tl::unexpected<Error>(file.error());
  return std::make_shared<const TempSource>(source.Name(), std::move(*file));
}

}  // namespace v2p
