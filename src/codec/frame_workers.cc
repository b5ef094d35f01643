// Parallel compression of independent frames.
// SPDX-License-Identifier: Apache-2.0
#include "codec/frame_workers.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

#include "codec/byte_stream.h"
#include "codec/xxh64.h"

namespace v2p {
namespace {

struct FreeEncoder {
  void operator()(ZSTD_CCtx* encoder) const { ZSTD_freeCCtx(encoder); }
};

// One worker's encoder. Memory images are full of zeros: a whole chunk of them is compressed once.
class Encoder {
 public:
  Encoder(int level, std::size_t chunk_bytes) : encoder_(ZSTD_createCCtx()), zeros_(chunk_bytes) {
    if (!encoder_) return;
    ZSTD_CCtx_setParameter(encoder_.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(encoder_.get(), ZSTD_c_checksumFlag, 1);
  }

  void Encode(FrameJob& job) {
    const auto plain = std::span<const std::byte>(job.plain).first(job.plain_bytes);
    const bool zero_chunk = plain.size() == zeros_ && AllZero(plain);
    if (zero_chunk && !zero_frame_.empty()) {
      std::copy(zero_frame_.begin(), zero_frame_.end(), job.frame.begin());
      job.frame_bytes = zero_frame_.size();
      job.checksum = zero_checksum_;
      return;
    }
    Compress(job, plain);
    if (zero_chunk && job.status) {
      const auto end = job.frame.begin() + static_cast<std::ptrdiff_t>(job.frame_bytes);
      zero_frame_.assign(job.frame.begin(), end);
      zero_checksum_ = job.checksum;
    }
  }

 private:
  void Compress(FrameJob& job, std::span<const std::byte> plain) {
    if (!encoder_) {
      job.status = Fail(ErrorKind::kIo, "no memory for a zstd encoder");
      return;
    }
    const std::size_t rc = ZSTD_compress2(encoder_.get(), job.frame.data(), job.frame.size(),
                                          plain.data(), plain.size());
    if (ZSTD_isError(rc) != 0) {
      job.status =
          Fail(ErrorKind::kIo, fmt::format("zstd cannot compress: {}", ZSTD_getErrorName(rc)));
      return;
    }
    job.frame_bytes = rc;
    job.checksum = static_cast<std::uint32_t>(Xxh64(plain));
  }

  std::unique_ptr<ZSTD_CCtx, FreeEncoder> encoder_;
  std::size_t zeros_;
  std::vector<std::byte> zero_frame_;
  std::uint32_t zero_checksum_ = 0;
};

}  // namespace

FrameWorkers::FrameWorkers(unsigned threads, int level, std::size_t chunk_bytes)
    : level_(level), chunk_bytes_(chunk_bytes) {
  try {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
  } catch (const std::system_error&) {  // the system has no more threads: those there are will do
  }
}

FrameWorkers::~FrameWorkers() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  work_to_do_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::unique_ptr<FrameJob> FrameWorkers::TakeEmpty() {
  if (idle_.empty()) {
    auto job = std::make_unique<FrameJob>();
    job->plain.resize(chunk_bytes_);
    job->frame.resize(ZSTD_compressBound(chunk_bytes_));
    return job;
  }
  auto job = std::move(idle_.back());
  idle_.pop_back();
  job->status = {};
  job->done = false;
  return job;
}

void FrameWorkers::Submit(std::unique_ptr<FrameJob> job) {
  {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(job.get());
  }
  in_order_.push_back(std::move(job));
  work_to_do_.notify_one();
}

std::unique_ptr<FrameJob> FrameWorkers::WaitForOldest() {
  auto job = std::move(in_order_.front());
  in_order_.pop_front();
  std::unique_lock lock(mutex_);
  job_done_.wait(lock, [&] { return job->done; });
  return job;
}

void FrameWorkers::Work() {
  Encoder encoder(level_, chunk_bytes_);
  std::unique_lock lock(mutex_);
  while (true) {
    work_to_do_.wait(lock, [&] { return stop_ || !queue_.empty(); });
    if (stop_) return;
    FrameJob* job = queue_.front();
    queue_.pop_front();
    lock.unlock();
    try {
      encoder.Encode(*job);
    } catch (const std::bad_alloc&) {
      job->status = Fail(ErrorKind::kIo, "out of memory");
    }
    lock.lock();
    job->done = true;
    job_done_.notify_one();
  }
}

}  // namespace v2p
