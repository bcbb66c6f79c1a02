// Microkernel ABI of the poolings. Plain data only.
//
// Results that lie side by side are made together, as lanes: the channels of one pixel of NHWC; of NCHW a row, first down the
// window's rows, then along what that leaves:
//
//   x     . . . . . . . .      lanes over x: rows of the window       line   m m m m m m m m m   (padding: the first value)
//         . . . . . . . .      ------------------------------->              |-|-|
//         . . . . . . . .      lanes over the line: its columns       y      r r r r
//
// With a stride the columns of the line are parted first, phase by phase, so that neighbouring results read neighbours.
#ifndef LOWP_KERNELS_POOL_POOL_KERNEL_H_
#define LOWP_KERNELS_POOL_POOL_KERNEL_H_

#include <stddef.h>
#include <stdint.h>

namespace lowp {

// Where lane 0 finds the elements of its window: x[row * row_step + cols[col]]. Lane i stands i elements behind.
template <class T>
struct PoolTaps {
  const T* x;
  size_t rows;
  ptrdiff_t row_step;
  const ptrdiff_t* cols;
  size_t col_count;
};

// Rows of `count` elements that lie together, `ld` from row to row.
template <class T>
struct PoolRuns {
  const T* x;
  size_t runs, ld, count;
};

// Sums of more bytes than this leave int32.
static constexpr size_t kPoolMaxBytes = size_t{1} << 23;

// Scratch lines that PoolKernel reads may be read up to a multiple of this many elements.
static constexpr size_t kPoolPadding = 16;

// What makes 8-bit averages of sums: saturate(round(float(sum - corrections[i]) * multipliers[i]) + zero). Both arrays may be
// read as scratch lines.
struct PoolRequantize {
  const int32_t* corrections;
  const float* multipliers;
  int32_t zero;
  float low, high;  // bounds of the dtype less zero
  bool is_signed;
};

// Maxima: -infinity or the lowest value where there are no taps; NaN where there is one; a zero comes out as +0. Sums: of float32
// in float64, in the order of the taps; of 8-bit values exact, for at most kPoolMaxBytes taps.
template <class T, class Sum>
struct PoolOps {
  void (*max)(const PoolTaps<T>& taps, size_t lanes, T* to);
  void (*sum)(const PoolTaps<T>& taps, size_t lanes, Sum* to);
  // One for each run.
  void (*max_runs)(const PoolRuns<T>& runs, T* to);
  void (*sum_runs)(const PoolRuns<T>& runs, Sum* to);
  // to[phase * ld + i] = line[i * 2 + phase], for all i below ld; `line` is scratch of 2 * ld elements.
  void (*part)(const T* line, size_t ld, T* to);
};

struct PoolKernel {
  const char* name;
  PoolOps<float, double> f32;
  PoolOps<uint8_t, int32_t> u8;
  PoolOps<int8_t, int32_t> s8;
  // Of lines of sums.
  void (*sum_f64)(const PoolTaps<double>& taps, size_t lanes, double* to);
  void (*sum_s32)(const PoolTaps<int32_t>& taps, size_t lanes, int32_t* to);
  void (*part_f64)(const double* line, size_t ld, double* to);
  void (*part_s32)(const int32_t* line, size_t ld, int32_t* to);
  // y[i] = float(sums[i] * factors[i])
  void (*scale)(const double* sums, const double* factors, size_t lanes, float* y);
  void (*requantize)(const int32_t* sums, const PoolRequantize& by, size_t lanes, uint8_t* y);
};

}  // namespace lowp

#endif  // LOWP_KERNELS_POOL_POOL_KERNEL_H_
