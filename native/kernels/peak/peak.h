// What one core can do at most: register-only loops of the instructions that the GEMM microkernels are made of. The bench
// divides by it.
#ifndef LOWP_KERNELS_PEAK_PEAK_H_
#define LOWP_KERNELS_PEAK_PEAK_H_

#include <cstddef>

#include "core/isa.h"
#include "kernels/peak/peak_kernel.h"

namespace lowp {

enum class PeakKind { kInt8, kFloat32 };

// Operations a second (a multiply-add is two), the best of short runs within about `milliseconds`. 0 where the ISA has no such
// loop.
double MeasurePeak(PeakKind kind, Isa isa, double milliseconds);

// Bytes a second that one core reads from a buffer of this size, again and again, by the widest loads of the active ISAs. 0 where
// they have no such loop, or there is no memory.
double MeasureReadBandwidth(size_t bytes, double milliseconds);

}  // namespace lowp

#endif  // LOWP_KERNELS_PEAK_PEAK_H_
