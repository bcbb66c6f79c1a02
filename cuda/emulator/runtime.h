// What the functions of the runtime API share.
#ifndef LOWP_CUDA_EMULATOR_RUNTIME_H_
#define LOWP_CUDA_EMULATOR_RUNTIME_H_

#include <cstdint>

#include "cuda/emulator/cuda_runtime.h"

namespace lowp {
namespace emulator {
namespace limits {

constexpr int kMaxThreads = 1024, kMaxThreadsZ = 64, kMaxGridYZ = 65535;
constexpr uint32_t kMaxGridX = 0x7fffffff;

}  // namespace limits

// The error that a function answers becomes the thread's last one.
cudaError_t Keep(cudaError_t error);
// What each function that touches the device begins with: is it lost, is this a callback?
cudaError_t Enter();

}  // namespace emulator
}  // namespace lowp

#endif  // LOWP_CUDA_EMULATOR_RUNTIME_H_
