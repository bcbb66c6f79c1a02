// The CUDA plugin as the addon sees it: opened at the first use, one context for each environment, arrays on the device.
#ifndef LOWP_ADDON_CUDA_H_
#define LOWP_ADDON_CUDA_H_

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>

#include "addon/args.h"
#include "core/status.h"
#include "cuda/plugin_abi.h"

namespace lowp {

// Opened once for the process; null with the reason where that failed, and tried again at the next call.
const CudaApi* CudaPlugin(std::string* reason);
// LOWP_CUDA_DEVICE, or 0.
Status CudaOrdinal(int32_t* ordinal);

// The plugin's functions, with Status. Handles of what is on the device share it and may outlive the environment's data.
class CudaDevice {
 public:
  static Status Open(std::shared_ptr<CudaDevice>* device);
  ~CudaDevice();
  CudaDevice(const CudaDevice&) = delete;

  const CudaApi& api() const { return *api_; }
  CudaContext* context() const { return context_; }

  Status Allocate(size_t bytes, void** memory) const;
  void Free(void* memory) const { api_->runtime.free(context_, memory); }
  Status Upload(void* device, const void* host, size_t bytes) const;
  Status Download(void* host, const void* device, size_t bytes) const;
  Status Copy(void* to, const void* from, size_t bytes) const;
  Status Synchronize() const;
  CudaMemory memory() const;

  // Calls a function of the plugin whose last argument is the error.
  template <class Function, class... Arguments>
  static Status Call(Function function, Arguments... arguments) {
    CudaError error{};
    const int32_t code = function(arguments..., &error);
    return code == 0 ? Status() : Status(static_cast<Code>(code), error.message);
  }

  // Arrays that are in JavaScript's hands, by their first byte.
  bool Owns(const void* memory) const { return arrays_.count(memory) != 0; }

 private:
  friend class CudaArray;
  CudaDevice() = default;
  const CudaApi* api_ = nullptr;
  CudaContext* context_ = nullptr;
  std::unordered_set<const void*> arrays_;
};

// Memory that belongs to a call, or a handle.
class CudaBuffer {
 public:
  CudaBuffer() = default;
  CudaBuffer(std::shared_ptr<CudaDevice> device, void* memory, size_t bytes)
      : device_(std::move(device)), memory_(memory), bytes_(bytes) {}
  CudaBuffer(CudaBuffer&& other) noexcept
      : device_(std::move(other.device_)), memory_(std::exchange(other.memory_, nullptr)), bytes_(other.bytes_) {}
  CudaBuffer& operator=(CudaBuffer&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(memory_, other.memory_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  CudaBuffer(const CudaBuffer&) = delete;
  ~CudaBuffer() {
    if (memory_ != nullptr) device_->Free(memory_);
  }
  static CudaBuffer Take(const std::shared_ptr<CudaDevice>& device, size_t bytes);

  void* memory() const { return memory_; }
  size_t bytes() const { return bytes_; }
  const std::shared_ptr<CudaDevice>& device() const { return device_; }

 private:
  std::shared_ptr<CudaDevice> device_;
  void* memory_ = nullptr;
  size_t bytes_ = 0;
};

// Largest magnitude of int32 elements.
uint32_t MagnitudeOf(const int32_t* x, size_t count);

// A typed array on the device.
class CudaArray {
 public:
  CudaArray(CudaBuffer buffer, napi_typedarray_type type, size_t length);
  CudaArray(CudaArray&& other) = default;
  CudaArray& operator=(CudaArray&& other) = default;
  ~CudaArray();

  ArrayView view() const;
  size_t bytes() const { return buffer_.bytes(); }
  const std::shared_ptr<CudaDevice>& device() const { return buffer_.device(); }

  // At least the largest magnitude of int32 elements, as far as it is known: from what was uploaded, until a call writes here.
  // Sums that are added to such a bias are checked to fit int32 without asking the device.
  uint32_t magnitude() const { return magnitude_; }
  void SetMagnitude(uint32_t magnitude) const { magnitude_ = magnitude; }
  void Forget() const { magnitude_ = kUnknown; }

 private:
  static constexpr uint32_t kUnknown = uint32_t{1} << 31;
  CudaBuffer buffer_;
  napi_typedarray_type type_;
  size_t length_;
  mutable uint32_t magnitude_ = kUnknown;
};

// Weights as a family of the plugin packed them; the description goes back to it at each call.
template <class Weights>
struct CudaPacked {
  std::shared_ptr<CudaDevice> device;
  Weights weights;

  CudaPacked(std::shared_ptr<CudaDevice> on, const Weights& packed) : device(std::move(on)), weights(packed) {}
  CudaPacked(CudaPacked&& other) noexcept : device(std::move(other.device)), weights(other.weights) {}
  CudaPacked(const CudaPacked&) = delete;
  ~CudaPacked() {
    if (device != nullptr) device->Free(weights.storage);
  }
};

}  // namespace lowp

#endif  // LOWP_ADDON_CUDA_H_
