#ifndef LOWP_KERNELS_PEAK_PEAK_KERNEL_H_
#define LOWP_KERNELS_PEAK_PEAK_KERNEL_H_

#include <stddef.h>
#include <stdint.h>

namespace lowp {

struct PeakLoop {
  void (*run)(size_t steps);
  size_t ops_per_step;
};

// A null function: the ISA has no such loop.
struct PeakKernel {
  PeakLoop int8, float32;
  // Reads `bytes` (a multiple of 512) from a 64-byte boundary once, in order, by the ISA's widest loads.
  void (*read)(const void* data, size_t bytes);
};

// Twelve independent sums hide the latency of every machine in question; the empty statement keeps each of them alive.
constexpr int kPeakSums = 12;

}  // namespace lowp

#endif  // LOWP_KERNELS_PEAK_PEAK_KERNEL_H_
