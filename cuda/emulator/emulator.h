// A CUDA device on the host's processor: what CUDA's own API does not say. See cuda_runtime.h for that.
//
// Environment, read once:
//   LOWP_CUDA_EMULATED_CAPABILITY  7.5, 8.0, 8.6, 8.7, 8.9 or 9.0 (8.0): an instruction that it lacks is an error
//   LOWP_CUDA_EMULATED_MEMORY      bytes of the device (1 GiB)
//   LOWP_CUDA_EMULATED_ORDER       ascending, descending or a seed: the order in which a block's threads run (ascending)
//   LOWP_CUDA_EMULATED_FAULT       n: the n-th launch loses the device, as an illegal address does
//
// Each stream is a thread of the host. It runs blocks one after another and a block's threads as fibers, which change places only
// at barriers, warp-level calls and waits. Copies that a thread has started but not waited for have left garbage where they
// go to, and results of wgmma that are under way are garbage: whoever does not wait sees it. What no real device allows ends the
// launch and loses the device: calls that not all threads concerned reach, waits that nothing ends, addresses out of bounds and
// misaligned ones given to the wrappers of cuda/device/intrinsics.cuh, and writing beyond shared memory.
//
// Not modelled: time; registers and occupancy; bank conflicts; memory that is not coherent (a missing __threadfence or volatile;
// a warp-level call that is no __syncwarp orders its lanes' memory here); of a missing FenceProxyAsync what plain stores wrote,
// unless the block has none at all; blocks that run at the same time (one that waits for another waits for ever). Plain loads and
// stores are the host's: build with AddressSanitizer to see those out of bounds.
#ifndef LOWP_CUDA_EMULATOR_EMULATOR_H_
#define LOWP_CUDA_EMULATOR_EMULATOR_H_

#include <functional>
#include <tuple>
#include <utility>

#include "cuda/emulator/cuda_runtime.h"

namespace lowp {
namespace emulator {

enum class Order { kAscending, kDescending, kRandom };

struct Options {
  int capability = 80;  // 10 * major + minor
  size_t memory = size_t{1} << 30;
  Order order = Order::kAscending;
  uint64_t seed = 0;   // of kRandom
  uint64_t fault = 0;  // the number of the launch that fails, from 1; 0: none
};

// As if the process had begun with these: waits for all streams, finds a lost device again and counts launches anew. Streams,
// events and memory stay.
void Reset(const Options& options);

cudaError_t LaunchBody(cudaStream_t stream, dim3 grid, dim3 block, size_t shared, std::function<void()> body);

// Queues it. Errors of the shape come at once and do not lose the device.
template <class... Parameters, class... Arguments>
cudaError_t Launch(cudaStream_t stream, dim3 grid, dim3 block, size_t shared, void (*kernel)(Parameters...),
                   Arguments... arguments) {
  return LaunchBody(stream, grid, block, shared,
                    [kernel, given = std::tuple<Parameters...>(arguments...)] { std::apply(kernel, given); });
}

}  // namespace emulator
}  // namespace lowp

#endif  // LOWP_CUDA_EMULATOR_EMULATOR_H_
