// Between the two layouts of images.
#ifndef LOWP_KERNELS_CONV_CONV_LAYOUT_H_
#define LOWP_KERNELS_CONV_CONV_LAYOUT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/thread_pool.h"
#include "kernels/conv/conv_kernel.h"

namespace lowp {

// Elements of 1 or 4 bytes. to[col][row] = from[row][col], contiguous both, in pieces of columns.
template <class T>
void TransposeImage(const ConvKernel& kernel, size_t rows, size_t cols, const T* from, T* to, size_t threads) {
  static_assert(sizeof(T) == 1 || sizeof(T) == 4, "moved as bytes or floats");
  constexpr size_t kColumns = 512;
  ParallelFor((cols + kColumns - 1) / kColumns, threads, [&](size_t task) {
    const size_t begin = task * kColumns, count = std::min(kColumns, cols - begin);
    const T* piece = from + begin;
    T* out = to + begin * rows;
    if constexpr (sizeof(T) == 1) {
      kernel.transpose_u8(rows, count, reinterpret_cast<const uint8_t*>(piece), cols, reinterpret_cast<uint8_t*>(out), rows);
    } else {
      kernel.transpose_f32(rows, count, reinterpret_cast<const float*>(piece), cols, reinterpret_cast<float*>(out), rows);
    }
  });
}

}  // namespace lowp

#endif  // LOWP_KERNELS_CONV_CONV_LAYOUT_H_
