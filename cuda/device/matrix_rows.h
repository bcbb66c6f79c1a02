// Where the rows of several matrices lie, seen as one matrix of all their rows.
#ifndef LOWP_CUDA_DEVICE_MATRIX_ROWS_H_
#define LOWP_CUDA_DEVICE_MATRIX_ROWS_H_

#include <stddef.h>
#include <stdint.h>

#include "cuda/device/divide.h"

namespace lowp {

struct MatrixRows {
  size_t ld = 0, batch_stride = 0;
  bool even = true;  // matrices follow each other like rows
  Divisor m;

  MatrixRows() = default;
  explicit MatrixRows(size_t ld) : ld(ld) {}
  // Of `batch` matrices of m rows, 1 <= batch * m < 2^31.
  MatrixRows(uint64_t batch, uint64_t m, size_t ld, size_t batch_stride)
      : ld(ld), batch_stride(batch_stride), even(batch == 1 || batch_stride == m * ld), m(static_cast<uint32_t>(m)) {}
  LOWP_HD size_t At(uint64_t row) const {
    if (even) return row * ld;
    uint32_t matrix = static_cast<uint32_t>(row);
    const uint32_t inside = Divide(matrix, m);
    return matrix * batch_stride + inside * ld;
  }
};

}  // namespace lowp

#endif  // LOWP_CUDA_DEVICE_MATRIX_ROWS_H_
