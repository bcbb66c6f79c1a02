// The table that the addon gets.
#include <cuda_runtime.h>

#include <cstring>
#include <memory>
#include <utility>

#include "cuda/plugin_abi.h"
#include "cuda/runtime/context.h"

namespace lowp {
namespace {

int32_t Count(int32_t* devices, CudaError* error) {
  return Guarded(error, [&]() -> Status {
    int count = 0;  // left alone where there is no driver
    const cudaError_t answer = cudaGetDeviceCount(&count);
    *devices = count;
    if (answer == cudaSuccess && count > 0) return {};
    cudaGetLastError();
    const std::string why = answer == cudaSuccess ? "it found none" : cudaGetErrorString(answer);
    return {Code::kUnsupported, "Expected an NVIDIA GPU with its driver but CUDA says: " + why};
  });
}

int32_t Info(int32_t ordinal, CudaDeviceInfo* info, CudaError* error) {
  return Guarded(error, [&]() -> Status {
    *info = {};
    int count = 0;
    Status counted = FromCuda(cudaGetDeviceCount(&count), "counting devices");
    if (!counted.ok()) return counted;
    if (ordinal < 0 || ordinal >= count) return NoSuchDevice(ordinal, count);
    cudaDeviceProp properties;
    Status status = FromCuda(cudaGetDeviceProperties(&properties, ordinal), "describing itself");
    if (!status.ok()) return status;
    std::memcpy(info->name, properties.name, strnlen(properties.name, sizeof(info->name) - 1));
    info->ordinal = ordinal;
    info->major = properties.major;
    info->minor = properties.minor;
    info->multiprocessors = properties.multiProcessorCount;
    if (status.ok()) status = FromCuda(cudaDriverGetVersion(&info->driver), "telling the driver's version");
    if (status.ok()) status = FromCuda(cudaRuntimeGetVersion(&info->runtime), "telling the runtime's version");
    size_t free = 0, total = 0;
    if (status.ok()) status = FromCuda(cudaSetDevice(ordinal), "choosing the device");
    if (status.ok()) status = FromCuda(cudaMemGetInfo(&free, &total), "telling its memory");
    info->free_bytes = free;
    info->total_bytes = total;
#ifdef LOWP_CUDA_EMULATOR
    info->emulated = true;
#endif
    return status;
  });
}

int32_t Open(int32_t ordinal, CudaContext** context, CudaError* error) {
  return Guarded(error, [&] {
    std::unique_ptr<CudaContext> opened;
    Status status = CudaContext::Open(ordinal, &opened);
    *context = opened.release();
    return status;
  });
}

void Close(CudaContext* context) { delete context; }

int32_t Allocate(CudaContext* context, size_t bytes, void** memory, CudaError* error) {
  return Guarded(error, [&] { return context->Allocate(bytes, memory); });
}

void Free(CudaContext* context, void* memory) { context->Free(memory); }

void Memory(CudaContext* context, CudaMemory* memory) { *memory = context->memory(); }

int32_t SetLimit(CudaContext* context, uint64_t bytes, CudaError* error) {
  return Guarded(error, [&] { return context->SetLimit(bytes); });
}

int32_t Trim(CudaContext* context, CudaError* error) {
  return Guarded(error, [&] { return context->Trim(); });
}

int32_t Upload(CudaContext* context, void* device, const void* host, size_t bytes, CudaError* error) {
  return Guarded(error, [&] { return context->Upload(device, host, bytes); });
}

int32_t Download(CudaContext* context, void* host, const void* device, size_t bytes, CudaError* error) {
  return Guarded(error, [&] { return context->Download(host, device, bytes); });
}

int32_t DownloadLater(CudaContext* context, void** host, const void* device, size_t bytes, CudaError* error) {
  return Guarded(error, [&] { return context->DownloadLater(host, device, bytes); });
}

void ReleaseHost(CudaContext* context, void* host) { context->ReleaseHost(host); }

int32_t Copy(CudaContext* context, void* to, const void* from, size_t bytes, CudaError* error) {
  return Guarded(error, [&] { return context->Copy(to, from, bytes); });
}

int32_t Synchronize(CudaContext* context, CudaError* error) {
  return Guarded(error, [&] { return context->Synchronize(); });
}

int32_t Notify(CudaContext* context, void (*done)(void*, int32_t, const char*), void* user, CudaError* error) {
  return Guarded(error, [&] { return context->Notify(done, user); });
}

}  // namespace
}  // namespace lowp

const lowp::CudaApi* lowp_cuda_api() {
  using namespace lowp;
  static const CudaApi api{
      kCudaAbiVersion,
      sizeof(CudaApi),
      {Count, Info, Open, Close, Allocate, Free, Memory, SetLimit, Trim, Upload, Download, DownloadLater, ReleaseHost, Copy,
       Synchronize, Notify},
      CudaConvFunctions(),
      CudaPoolFunctions(),
      CudaSparseFunctions(),
      CudaSGemmFunctions(),
      CudaNBitsFunctions(),
      CudaSvdFunctions(),
      CudaQGemmFunctions(),
      CudaQuantizeFunctions(),
  };
  return &api;
}
