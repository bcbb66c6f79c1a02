#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "cuda/runtime/context.h"

namespace lowp {
namespace {

// LOWP_CUDA_ALLOCATOR=exact: each block is the device's own and of the size asked for, so that tools which watch the bounds of
// allocations (compute-sanitizer, AddressSanitizer with the emulator) see every overrun.
bool IsExact() {
  static const bool exact = [] {
    const char* mode = std::getenv("LOWP_CUDA_ALLOCATOR");
    return mode != nullptr && std::strcmp(mode, "exact") == 0;
  }();
  return exact;
}

// Eight sizes to the octave, so that blocks are used again by calls of nearly the same size, at a loss of an eighth at most.
size_t BlockSize(size_t bytes) {
  if (IsExact()) return std::max<size_t>(bytes, 1);
  constexpr size_t kLeast = 512;
  if (bytes <= kLeast) return kLeast;
  size_t step = kLeast / 8;
  while (step * 16 < bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

}  // namespace

Status FromCuda(cudaError_t error, const char* doing) {
  if (error == cudaSuccess) return {};
  const std::string why = std::string(cudaGetErrorName(error)) + ": " + cudaGetErrorString(error);
  cudaGetLastError();  // forgotten, unless the device is lost
  if (error == cudaErrorMemoryAllocation)
    return {Code::kNoMemory, std::string("Expected memory of the CUDA device for ") + doing + " but it has none left"};
  return {Code::kDevice, std::string("Expected the CUDA device to do its work (") + doing + ") but it answered " + why};
}

Status NoSuchDevice(int ordinal, int count) {
  return {Code::kDevice,
          "Expected a CUDA device from 0 to " + std::to_string(count - 1) + " but received " + std::to_string(ordinal)};
}

int32_t Answer(const Status& status, CudaError* error) {
  if (status.ok()) return 0;
  const size_t length = std::min(status.message().size(), sizeof(error->message) - 1);
  std::memcpy(error->message, status.message().data(), length);
  error->message[length] = 0;
  return static_cast<int32_t>(status.code());
}

Status CudaContext::Open(int ordinal, std::unique_ptr<CudaContext>* context) {
  std::unique_ptr<CudaContext> made(new CudaContext);
  Status status = made->Init(ordinal);
  if (status.ok()) *context = std::move(made);
  return status;
}

Status CudaContext::Init(int ordinal) {
  int count = 0;
  Status status = FromCuda(cudaGetDeviceCount(&count), "counting devices");
  if (!status.ok()) return {Code::kUnsupported, status.message()};
  if (ordinal < 0 || ordinal >= count) return NoSuchDevice(ordinal, count);
  device_.ordinal = ordinal;
  const auto attribute = [&](cudaDeviceAttr which, auto* value) {
    int read = 0;
    if (status.ok()) status = FromCuda(cudaDeviceGetAttribute(&read, which, ordinal), "reading an attribute");
    *value = static_cast<std::remove_pointer_t<decltype(value)>>(read);
  };
  int major = 0, minor = 0;
  attribute(cudaDevAttrComputeCapabilityMajor, &major);
  attribute(cudaDevAttrComputeCapabilityMinor, &minor);
  attribute(cudaDevAttrMultiProcessorCount, &device_.multiprocessors);
  attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, &device_.shared_bytes);
  attribute(cudaDevAttrL2CacheSize, &device_.l2_bytes);
  device_.capability = 10 * major + minor;
  if (status.ok() && device_.capability < 75) {
    return {Code::kUnsupported, "Expected a CUDA device of compute capability 7.5 or more but received " + std::to_string(major) +
                                    "." + std::to_string(minor)};
  }
  if (status.ok()) status = Use();
  if (status.ok()) status = FromCuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
  for (Staging& staging : staging_) {
    if (status.ok()) status = FromCuda(cudaMallocHost(&staging.data, kStagingBytes), "making staging memory");
    if (status.ok()) status = FromCuda(cudaEventCreateWithFlags(&staging.free, cudaEventDisableTiming), "making an event");
  }
  return status;
}

// Nothing is left to tell if one of these fails.
CudaContext::~CudaContext() {
  if (!Use().ok()) return;
  if (stream_ != nullptr) cudaStreamSynchronize(stream_);
  for (Staging& staging : staging_) {
    if (staging.free != nullptr) cudaEventDestroy(staging.free);
    if (staging.data != nullptr) cudaFreeHost(staging.data);
  }
  for (const auto& [memory, bytes] : used_) cudaFree(memory);
  for (const auto& [bytes, memory] : cached_) cudaFree(memory);
  for (const auto& [memory, bytes] : host_used_) cudaFreeHost(memory);
  for (const auto& [bytes, memory] : host_cached_) cudaFreeHost(memory);
  if (stream_ != nullptr) cudaStreamDestroy(stream_);
}

// The current device belongs to the thread, which may also use CUDA without us.
Status CudaContext::Use() const { return FromCuda(cudaSetDevice(device_.ordinal), "choosing the device"); }

Status CudaContext::Allocate(size_t bytes, void** memory) {
  std::lock_guard<std::mutex> lock(mutex_);
  *memory = nullptr;
  const size_t size = BlockSize(bytes);
  auto found = cached_.lower_bound(size);
  if (found != cached_.end() && found->first - size <= size / 8) {
    *memory = found->second;
    memory_.cached -= found->first;
    memory_.used += found->first;
    used_.emplace(found->second, found->first);
    cached_.erase(found);
  } else {
    Status status = Use();
    const auto fits = [&] { return memory_.limit == 0 || memory_.used + memory_.cached + size <= memory_.limit; };
    if (status.ok() && !fits()) status = TrimLocked();
    if (!status.ok()) return status;
    if (!fits()) {
      return {Code::kNoMemory, "Expected " + std::to_string(size) + " bytes of the CUDA device within the limit of " +
                                   std::to_string(memory_.limit) + " but " + std::to_string(memory_.used) + " are in use"};
    }
    cudaError_t error = cudaMalloc(memory, size);
    if (error == cudaErrorMemoryAllocation && !cached_.empty()) {
      cudaGetLastError();
      if (status = TrimLocked(); !status.ok()) return status;
      error = cudaMalloc(memory, size);
    }
    if (error != cudaSuccess) return FromCuda(error, (std::to_string(size) + " bytes").c_str());
    used_.emplace(*memory, size);
    memory_.used += size;
  }
  memory_.peak = std::max(memory_.peak, memory_.used);
  return {};
}

void CudaContext::Free(void* memory) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = used_.find(memory);
  if (found == used_.end()) return;
  const size_t size = found->second;
  used_.erase(found);
  memory_.used -= size;
  if (IsExact()) {
    if (Use().ok()) cudaFree(memory);
    return;
  }
  cached_.emplace(size, memory);
  memory_.cached += size;
}

CudaMemory CudaContext::memory() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return memory_;
}

Status CudaContext::SetLimit(uint64_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  memory_.limit = bytes;
  return bytes != 0 && memory_.used + memory_.cached > bytes ? TrimLocked() : Status();
}

Status CudaContext::Trim() {
  std::lock_guard<std::mutex> lock(mutex_);
  return TrimLocked();
}

Status CudaContext::TrimLocked() {
  Status status = Synchronize();
  for (const auto& [bytes, memory] : cached_) {
    if (status.ok()) status = FromCuda(cudaFree(memory), "freeing memory");
  }
  if (!status.ok()) return status;
  cached_.clear();
  memory_.cached = 0;
  for (const auto& [bytes, memory] : host_cached_) {
    if (status.ok()) status = FromCuda(cudaFreeHost(memory), "freeing memory");
  }
  host_cached_.clear();
  return status;
}

Status CudaContext::Wait(Staging& staging) { return FromCuda(cudaEventSynchronize(staging.free), "copying"); }

Status CudaContext::Upload(void* device, const void* host, size_t bytes) {
  std::lock_guard<std::mutex> lock(staging_mutex_);
  Status status = Use();
  for (size_t done = 0; done < bytes && status.ok(); done += kStagingBytes, next_ ^= 1) {
    const size_t part = std::min(bytes - done, kStagingBytes);
    Staging& staging = staging_[next_];
    if (status = Wait(staging); !status.ok()) break;
    std::memcpy(staging.data, static_cast<const uint8_t*>(host) + done, part);
    status = FromCuda(cudaMemcpyAsync(static_cast<uint8_t*>(device) + done, staging.data, part, cudaMemcpyHostToDevice, stream_),
                      "copying to it");
    if (status.ok()) status = FromCuda(cudaEventRecord(staging.free, stream_), "copying to it");
  }
  return status;
}

Status CudaContext::Download(void* host, const void* device, size_t bytes) {
  std::lock_guard<std::mutex> lock(staging_mutex_);
  Status status = Use();
  // The device fills the next part while the host reads the last one.
  const auto begin = [&](size_t at, Staging& staging) {
    const size_t part = std::min(bytes - at, kStagingBytes);
    if (status = Wait(staging); !status.ok()) return;
    status =
        FromCuda(cudaMemcpyAsync(staging.data, static_cast<const uint8_t*>(device) + at, part, cudaMemcpyDeviceToHost, stream_),
                 "copying from it");
    if (status.ok()) status = FromCuda(cudaEventRecord(staging.free, stream_), "copying from it");
  };
  if (bytes > 0 && status.ok()) begin(0, staging_[next_]);
  for (size_t at = 0; at < bytes && status.ok(); at += kStagingBytes, next_ ^= 1) {
    if (at + kStagingBytes < bytes) begin(at + kStagingBytes, staging_[next_ ^ 1]);
    if (status.ok()) status = Wait(staging_[next_]);
    if (status.ok()) std::memcpy(static_cast<uint8_t*>(host) + at, staging_[next_].data, std::min(bytes - at, kStagingBytes));
  }
  return status.ok() ? Synchronize() : status;
}

Status CudaContext::DownloadLater(void** host, const void* device, size_t bytes) {
  *host = nullptr;
  Status status = Use();
  if (!status.ok()) return status;
  std::lock_guard<std::mutex> lock(mutex_);
  const size_t size = BlockSize(bytes);
  auto found = host_cached_.lower_bound(size);
  if (found != host_cached_.end() && found->first - size <= size / 8) {
    *host = found->second;
    host_used_.emplace(found->second, found->first);
    host_cached_.erase(found);
  } else {
    status = FromCuda(cudaMallocHost(host, size), "pinned memory of the host");
    if (!status.ok()) return status;
    host_used_.emplace(*host, size);
  }
  return FromCuda(cudaMemcpyAsync(*host, device, bytes, cudaMemcpyDeviceToHost, stream_), "copying from it");
}

void CudaContext::ReleaseHost(void* host) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = host_used_.find(host);
  if (found == host_used_.end()) return;
  host_cached_.emplace(found->second, host);
  host_used_.erase(found);
}

Status CudaContext::Copy(void* to, const void* from, size_t bytes) {
  const Status status = Use();
  if (!status.ok() || bytes == 0) return status;
  return FromCuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "copying within it");
}

Status CudaContext::Synchronize() {
  const Status status = Use();
  return status.ok() ? FromCuda(cudaStreamSynchronize(stream_), "finishing what was queued") : status;
}

Status CudaContext::Notify(void (*done)(void*, int32_t, const char*), void* user) {
  struct Call {
    void (*done)(void*, int32_t, const char*);
    void* user;
  };
  Status status = Use();
  if (!status.ok()) return status;
  auto call = std::make_unique<Call>(Call{done, user});
  // Not cudaLaunchHostFunc, which stays silent after an error.
  const auto body = [](cudaStream_t, cudaError_t error, void* given) {
    const std::unique_ptr<Call> owned(static_cast<Call*>(given));
    if (error == cudaSuccess) {
      owned->done(owned->user, 0, "");
      return;
    }
    const std::string message = std::string("Expected the CUDA device to finish what was queued but it answered ") +
                                cudaGetErrorName(error) + ": " + cudaGetErrorString(error);
    owned->done(owned->user, static_cast<int32_t>(Code::kDevice), message.c_str());
  };
  status = FromCuda(cudaStreamAddCallback(stream_, body, call.get(), 0), "waiting for what was queued");
  if (status.ok()) call.release();
  return status;
}

}  // namespace lowp
