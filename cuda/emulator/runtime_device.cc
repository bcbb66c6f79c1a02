// The runtime API: the device and its errors.
#include <cstring>

#include "cuda/emulator/device.h"
#include "cuda/emulator/runtime.h"
#include "cuda/emulator/stream.h"

namespace {

using lowp::emulator::Device;
using lowp::emulator::Enter;
using lowp::emulator::Keep;
using namespace lowp::emulator::limits;

constexpr int kMultiprocessors = 4, kL2Bytes = 4 << 20;

thread_local cudaError_t last_error = cudaSuccess;

cudaError_t CheckOrdinal(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; }

}  // namespace

namespace lowp {
namespace emulator {

cudaError_t Keep(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

cudaError_t Enter() { return InCallback() ? cudaErrorNotPermitted : Device::Get().lost(); }

}  // namespace emulator
}  // namespace lowp

cudaError_t cudaGetDeviceCount(int* count) {
  if (Device::Get().lost() == cudaErrorInitializationError) return Keep(cudaErrorInitializationError);
  *count = 1;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return Keep(Enter());
}

cudaError_t cudaSetDevice(int device) {
  const cudaError_t error = Enter();
  return Keep(error == cudaSuccess ? CheckOrdinal(device) : error);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  *properties = {};
  if (const cudaError_t error = CheckOrdinal(device); error != cudaSuccess) return Keep(error);
  const lowp::emulator::Options options = Device::Get().options();
  std::strcpy(properties->name, "lowp emulator");
  properties->totalGlobalMem = options.memory;
  properties->sharedMemPerBlock = 48 << 10;
  properties->sharedMemPerBlockOptin = properties->sharedMemPerMultiprocessor = Device::Get().SharedLimit();
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = kMaxThreads;
  properties->maxThreadsPerMultiProcessor = 2 * kMaxThreads;
  properties->maxThreadsDim[0] = properties->maxThreadsDim[1] = kMaxThreads;
  properties->maxThreadsDim[2] = kMaxThreadsZ;
  properties->maxGridSize[0] = static_cast<int>(kMaxGridX);
  properties->maxGridSize[1] = properties->maxGridSize[2] = kMaxGridYZ;
  properties->major = options.capability / 10;
  properties->minor = options.capability % 10;
  properties->multiProcessorCount = kMultiprocessors;
  properties->l2CacheSize = kL2Bytes;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  *value = 0;
  cudaDeviceProp properties;
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, device); error != cudaSuccess) return error;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock: *value = properties.maxThreadsPerBlock; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *value = static_cast<int>(properties.sharedMemPerBlock); break;
    case cudaDevAttrWarpSize: *value = properties.warpSize; break;
    case cudaDevAttrClockRate: *value = 1000000; break;        // kHz
    case cudaDevAttrMemoryClockRate: *value = 1000000; break;  // kHz
    case cudaDevAttrGlobalMemoryBusWidth: *value = 64; break;
    case cudaDevAttrMultiProcessorCount: *value = properties.multiProcessorCount; break;
    case cudaDevAttrL2CacheSize: *value = properties.l2CacheSize; break;
    case cudaDevAttrMaxThreadsPerMultiProcessor: *value = properties.maxThreadsPerMultiProcessor; break;
    case cudaDevAttrComputeCapabilityMajor: *value = properties.major; break;
    case cudaDevAttrComputeCapabilityMinor: *value = properties.minor; break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *value = static_cast<int>(properties.sharedMemPerMultiprocessor); break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = static_cast<int>(properties.sharedMemPerBlockOptin); break;
  }
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) { return cudaDriverGetVersion(version); }

cudaError_t cudaDeviceSynchronize() {
  if (const cudaError_t error = Enter(); error != cudaSuccess) return Keep(error);
  Device::Get().Drain();
  return Keep(Device::Get().lost());
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = cudaPeekAtLastError();
  last_error = cudaSuccess;
  return error;
}

cudaError_t cudaPeekAtLastError() {
  const cudaError_t lost = Device::Get().lost();
  return lost != cudaSuccess ? lost : last_error;
}

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define LOWP_NAME(name) \
  case name: return #name
    LOWP_NAME(cudaSuccess);
    LOWP_NAME(cudaErrorInvalidValue);
    LOWP_NAME(cudaErrorMemoryAllocation);
    LOWP_NAME(cudaErrorInitializationError);
    LOWP_NAME(cudaErrorInvalidConfiguration);
    LOWP_NAME(cudaErrorInvalidDeviceFunction);
    LOWP_NAME(cudaErrorNoDevice);
    LOWP_NAME(cudaErrorInvalidDevice);
    LOWP_NAME(cudaErrorInvalidResourceHandle);
    LOWP_NAME(cudaErrorNotReady);
    LOWP_NAME(cudaErrorIllegalAddress);
    LOWP_NAME(cudaErrorLaunchOutOfResources);
    LOWP_NAME(cudaErrorIllegalInstruction);
    LOWP_NAME(cudaErrorMisalignedAddress);
    LOWP_NAME(cudaErrorLaunchFailure);
    LOWP_NAME(cudaErrorNotPermitted);
    LOWP_NAME(cudaErrorUnknown);
#undef LOWP_NAME
  }
  return "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  const char* text = "unknown error";
  switch (error) {
    case cudaSuccess: text = "no error"; break;
    case cudaErrorInvalidValue: text = "invalid argument"; break;
    case cudaErrorMemoryAllocation: text = "out of memory"; break;
    case cudaErrorInitializationError: text = "initialization error"; break;
    case cudaErrorInvalidConfiguration: text = "invalid configuration argument"; break;
    case cudaErrorInvalidDeviceFunction: text = "invalid device function"; break;
    case cudaErrorNoDevice: text = "no CUDA-capable device is detected"; break;
    case cudaErrorInvalidDevice: text = "invalid device ordinal"; break;
    case cudaErrorInvalidResourceHandle: text = "invalid resource handle"; break;
    case cudaErrorNotReady: text = "device not ready"; break;
    case cudaErrorIllegalAddress: text = "an illegal memory access was encountered"; break;
    case cudaErrorLaunchOutOfResources: text = "too many resources requested for launch"; break;
    case cudaErrorIllegalInstruction: text = "an illegal instruction was encountered"; break;
    case cudaErrorMisalignedAddress: text = "misaligned address"; break;
    case cudaErrorLaunchFailure: text = "unspecified launch failure"; break;
    case cudaErrorNotPermitted: text = "operation not permitted"; break;
    case cudaErrorUnknown: break;
  }
  return Device::Get().Describe(error, text);
}
