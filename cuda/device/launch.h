// Starting a kernel. Written as a call, not with <<<>>>, so that the emulator's C++ compiler reads it too.
#ifndef LOWP_CUDA_DEVICE_LAUNCH_H_
#define LOWP_CUDA_DEVICE_LAUNCH_H_

#include <cstddef>

#include "cuda/runtime/context.h"

#ifdef LOWP_CUDA_EMULATOR
#include "cuda/emulator/emulator.h"
#endif

namespace lowp {

// `shared`: bytes of dynamic shared memory, which the kernel reads at DynamicShared().
template <class... Parameters, class... Arguments>
Status Launch(CudaContext& context, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared, Arguments... arguments) {
#ifdef LOWP_CUDA_EMULATOR
  return FromCuda(emulator::Launch(context.stream(), grid, block, shared, kernel, static_cast<Parameters>(arguments)...),
                  "starting a kernel");
#else
  const void* function = reinterpret_cast<const void*>(kernel);
  constexpr size_t kWithoutAsking = 48 << 10;
  if (shared > kWithoutAsking) {
    const cudaError_t error =
        cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared));
    if (error != cudaSuccess) return FromCuda(error, "asking for shared memory");
  }
  return [&](Parameters... given) {
    void* pointers[] = {static_cast<void*>(&given)..., nullptr};
    return FromCuda(cudaLaunchKernel(function, grid, block, pointers, shared, context.stream()), "starting a kernel");
  }(arguments...);
#endif
}

}  // namespace lowp

#endif  // LOWP_CUDA_DEVICE_LAUNCH_H_
