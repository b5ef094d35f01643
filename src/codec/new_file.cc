// Temporary name, fsync, final name.
// SPDX-License-Identifier: Apache-2.0
#include "codec/new_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace v2p {
namespace {

tl::unexpected<Error> Exists(const std::string& path) {
  return Fail(ErrorKind::kUsage, path + " exists; --force replaces it");
}

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool Rename(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  errno = error.value();
  return !error;
}

// A second name and then one less: unlike rename, link refuses a name that is taken. File systems
// without links get the check without its atomicity.
bool RenameToFree(const std::string& from, const std::string& to) {
  if (link(from.c_str(), to.c_str()) == 0) {
    unlink(from.c_str());
    return true;
  }
  if (errno == EEXIST) return false;
  if (access(to.c_str(), F_OK) == 0) {
    errno = EEXIST;
    return false;
  }
  return Rename(from, to);
}

}  // namespace

NewFile::NewFile(Fd fd, std::string path, std::string temporary, bool replace)
    : fd_(std::move(fd)),
      path_(std::move(path)),
      temporary_(std::move(temporary)),
      replace_(replace) {}

NewFile::NewFile(NewFile&& other) noexcept
    : fd_(std::move(other.fd_)),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      size_(other.size_.load()),
      replace_(other.replace_) {}

NewFile::~NewFile() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Result<NewFile> NewFile::Create(const std::string& path, bool replace, mode_t mode) {
  struct stat info {};
  if (stat(path.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) {
      return Fail(ErrorKind::kUsage, path + " exists and is not a regular file");
    }
    if (!replace) return Exists(path);
  }
  for (unsigned attempt = 0; attempt < 100; ++attempt) {
    const std::string temporary = fmt::format("{}.{}.{}.tmp", path, getpid(), attempt);
    Fd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (fd.Get() >= 0) return NewFile(std::move(fd), path, temporary, replace);
    if (errno != EEXIST) return IoError("cannot write " + path, errno);
  }
  return IoError("cannot write " + path, EEXIST);
}

Status NewFile::Append(std::span<const std::byte> bytes) { return WriteAt(size_, bytes); }

Status NewFile::WriteAt(std::uint64_t at, std::span<const std::byte> bytes) {
  if (!PwriteAll(fd_.Get(), at, bytes)) return IoError("cannot write " + path_, errno);
  const std::uint64_t end = at + bytes.size();
  std::uint64_t size = size_;
  while (size < end && !size_.compare_exchange_weak(size, end)) {
  }
  return {};
}

Status NewFile::Resize(std::uint64_t bytes) {
  if (ftruncate(fd_.Get(), static_cast<off_t>(bytes)) != 0) {
    return IoError("cannot write " + path_, errno);
  }
  size_ = bytes;
  return {};
}

Status NewFile::Publish() {
  if (fsync(fd_.Get()) != 0) return IoError("cannot write " + path_, errno);
  const bool renamed = replace_ ? Rename(temporary_, path_) : RenameToFree(temporary_, path_);
  if (!renamed) return errno == EEXIST ? Exists(path_) : IoError("cannot write " + path_, errno);
  temporary_.clear();
  // The name itself reaches the disk with the directory; some file systems cannot say so.
  const Fd directory(open(DirectoryOf(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.Get() >= 0) fsync(directory.Get());
  return {};
}

Result<mode_t> ModeForCopy(const std::string& in, const std::string& out) {
  constexpr mode_t kPermissions = 0666;
  struct stat from {};
  if (stat(in.c_str(), &from) != 0) return kPermissions | S_IRUSR | S_IWUSR;
  struct stat to {};
  if (stat(out.c_str(), &to) == 0 && from.st_dev == to.st_dev && from.st_ino == to.st_ino) {
    return Fail(ErrorKind::kUsage, "input and output are the same file");
  }
  return (from.st_mode & kPermissions) | S_IRUSR | S_IWUSR;
}

}  // namespace v2p
