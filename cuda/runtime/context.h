// A context as the kernels' launchers see it: device, stream, memory. See plugin_abi.h for what its functions promise.
#ifndef LOWP_CUDA_RUNTIME_CONTEXT_H_
#define LOWP_CUDA_RUNTIME_CONTEXT_H_

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <unordered_map>

#include "core/status.h"
#include "cuda/plugin_abi.h"

namespace lowp {

struct CudaDevice {
  int ordinal = 0;
  int capability = 0;  // 10 * major + minor
  int multiprocessors = 0;
  size_t shared_bytes = 0;  // that a block may have, if the kernel asks for it
  size_t l2_bytes = 0;
};

// kOk, kNoMemory, or kDevice with CUDA's own words.
Status FromCuda(cudaError_t error, const char* doing);
Status NoSuchDevice(int ordinal, int count);

struct CudaContext {
 public:
  static Status Open(int ordinal, std::unique_ptr<CudaContext>* context);
  ~CudaContext();
  CudaContext(const CudaContext&) = delete;

  const CudaDevice& device() const { return device_; }
  cudaStream_t stream() const { return stream_; }

  Status Allocate(size_t bytes, void** memory);
  void Free(void* memory);
  CudaMemory memory() const;
  Status SetLimit(uint64_t bytes);
  Status Trim();

  Status Upload(void* device, const void* host, size_t bytes);
  Status Download(void* host, const void* device, size_t bytes);
  Status DownloadLater(void** host, const void* device, size_t bytes);
  void ReleaseHost(void* host);
  Status Copy(void* to, const void* from, size_t bytes);
  Status Synchronize();
  Status Notify(void (*done)(void*, int32_t, const char*), void* user);

 private:
  // Pinned memory through which copies go, a ring of two: the host fills one while the device reads the other.
  struct Staging {
    void* data = nullptr;
    cudaEvent_t free = nullptr;
  };
  static constexpr size_t kStagingBytes = size_t{4} << 20;

  CudaContext() = default;
  Status Init(int ordinal);
  Status Use() const;
  Status Wait(Staging& staging);
  Status TrimLocked();

  CudaDevice device_;
  cudaStream_t stream_ = nullptr;
  Staging staging_[2];
  size_t next_ = 0;
  std::mutex staging_mutex_;  // guards staging_ and next_
  mutable std::mutex mutex_;  // guards what follows
  CudaMemory memory_{};
  std::unordered_map<void*, size_t> used_;    // sizes of what is given out
  std::multimap<size_t, void*> cached_;       // by size
  std::multimap<size_t, void*> host_cached_;  // pinned results, by size
  std::unordered_map<void*, size_t> host_used_;
};

// Device memory for the length of one call: given back as the call returns, which queues the next owner behind it.
class CudaScratch {
 public:
  CudaScratch() = default;
  ~CudaScratch() {
    if (memory_ != nullptr) context_->Free(memory_);
  }
  CudaScratch(const CudaScratch&) = delete;
  // Once.
  Status Take(CudaContext& context, size_t bytes) {
    context_ = &context;
    return context.Allocate(bytes, &memory_);
  }
  template <class T>
  T* As() const {
    return static_cast<T*>(memory_);
  }

 private:
  CudaContext* context_ = nullptr;
  void* memory_ = nullptr;
};

// What every function of the ABI does with the Status of its body.
int32_t Answer(const Status& status, CudaError* error);
template <class Body>
int32_t Guarded(CudaError* error, Body&& body) {
  try {
    return Answer(body(), error);
  } catch (const std::bad_alloc&) {
    return Answer({Code::kNoMemory, "Expected memory for a call of the CUDA plugin but the system gave none"}, error);
  } catch (const std::exception& thrown) {
    return Answer({Code::kInternal, thrown.what()}, error);
  }
}

}  // namespace lowp

#endif  // LOWP_CUDA_RUNTIME_CONTEXT_H_
