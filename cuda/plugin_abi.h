// The C ABI between the addon and the CUDA plugin, a shared library of its own which the addon opens at run time. Both sides
// are built from this header; the version and the size of the table tell where they were not. Plain data only.
//
// Every function answers 0, or a value of lowp::Code and a sentence. Pointers to matrices are to device memory of the same
// context. Products and copies are queued on the context's stream and run in the order of the calls; an error of what was queued
// shows up in a later call. A context may be used from several threads, whose calls then interleave on the stream.
#ifndef LOWP_CUDA_PLUGIN_ABI_H_
#define LOWP_CUDA_PLUGIN_ABI_H_

#include <stddef.h>
#include <stdint.h>

#include "cuda/conv/conv_abi.h"
#include "cuda/nbits/nbits_abi.h"
#include "cuda/pool/pool_abi.h"
#include "cuda/qgemm/qgemm_abi.h"
#include "cuda/quantize/quantize_abi.h"
#include "cuda/sgemm/sgemm_abi.h"
#include "cuda/spmm/spmm_abi.h"
#include "cuda/svd/svd_abi.h"

namespace lowp {

inline constexpr uint32_t kCudaAbiVersion = 1;

struct CudaError {
  char message[512];
};

struct CudaDeviceInfo {
  char name[256];
  int32_t ordinal;
  int32_t major, minor;  // compute capability
  int32_t multiprocessors;
  int32_t driver, runtime;  // 1000 * major + 10 * minor, as CUDA counts
  uint64_t total_bytes, free_bytes;
  bool emulated;  // by the host's processor
};

struct CudaMemory {
  uint64_t used;    // given out
  uint64_t cached;  // kept for the next who asks
  uint64_t peak;    // the most that was used
  uint64_t limit;   // of used and cached together; 0: none
};

// One device with a stream, an allocator and staging memory.
struct CudaContext;

struct CudaRuntimeApi {
  // kUnsupported with the reason where there is none.
  int32_t (*count)(int32_t* devices, CudaError* error);
  int32_t (*info)(int32_t ordinal, CudaDeviceInfo* info, CudaError* error);
  int32_t (*open)(int32_t ordinal, CudaContext** context, CudaError* error);
  // Waits for what is queued.
  void (*close)(CudaContext* context);

  // On a boundary of 256 bytes, contents undefined. kNoMemory where the device or the limit has no room.
  int32_t (*allocate)(CudaContext* context, size_t bytes, void** memory, CudaError* error);
  // At once, though what is queued may use it: whoever is given it next is queued behind that.
  void (*free)(CudaContext* context, void* memory);
  void (*memory)(CudaContext* context, CudaMemory* memory);
  int32_t (*set_limit)(CudaContext* context, uint64_t bytes, CudaError* error);
  // Gives what is cached back to the device.
  int32_t (*trim)(CudaContext* context, CudaError* error);

  // Queued; `host` has been read when this returns.
  int32_t (*upload)(CudaContext* context, void* device, const void* host, size_t bytes, CudaError* error);
  // Waits for all that is queued.
  int32_t (*download)(CudaContext* context, void* host, const void* device, size_t bytes, CudaError* error);
  // Queued; `*host` is memory of the plugin, to be read after notify() has called back, until release_host.
  int32_t (*download_later)(CudaContext* context, void** host, const void* device, size_t bytes, CudaError* error);
  void (*release_host)(CudaContext* context, void* host);
  // Queued; the regions do not overlap.
  int32_t (*copy)(CudaContext* context, void* to, const void* from, size_t bytes, CudaError* error);
  int32_t (*synchronize)(CudaContext* context, CudaError* error);
  // Calls back, on some thread, when all that is queued has run; `code` is 0 or that of the error. No function of the plugin may
  // be called there.
  int32_t (*notify)(CudaContext* context, void (*done)(void* user, int32_t code, const char* message), void* user,
                    CudaError* error);
};

struct CudaApi {
  uint32_t version;
  uint32_t bytes;  // sizeof(CudaApi)
  CudaRuntimeApi runtime;
  CudaConvApi conv;
  CudaPoolApi pool;
  CudaSparseApi sparse;
  CudaSGemmApi sgemm;
  CudaNBitsApi nbits;
  CudaSvdApi svd;
  CudaQGemmApi qgemm;
  CudaQuantizeApi quantize;
};

}  // namespace lowp

// The one symbol that the plugin exports.
extern "C" __attribute__((visibility("default"))) const lowp::CudaApi* lowp_cuda_api();

#endif  // LOWP_CUDA_PLUGIN_ABI_H_
