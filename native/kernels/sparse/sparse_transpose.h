// Transposition of a matrix of 32-bit values by squares, the edges one by one.
#ifndef LOWP_KERNELS_SPARSE_SPARSE_TRANSPOSE_H_
#define LOWP_KERNELS_SPARSE_SPARSE_TRANSPOSE_H_

#include <stddef.h>

namespace lowp {

// Square: to[col][row] = from[row][col] of a kSide x kSide square.
template <class T, size_t kSide, void (*kSquare)(const T*, size_t, T*, size_t)>
void TransposeBy(size_t rows, size_t cols, const T* from, size_t ld_from, T* to, size_t ld_to) {
  const size_t whole_rows = rows / kSide * kSide, whole_cols = cols / kSide * kSide;
  for (size_t row = 0; row < whole_rows; row += kSide) {
    for (size_t col = 0; col < whole_cols; col += kSide)
      kSquare(from + row * ld_from + col, ld_from, to + col * ld_to + row, ld_to);
  }
  for (size_t row = 0; row < rows; ++row) {
    for (size_t col = row < whole_rows ? whole_cols : 0; col < cols; ++col) to[col * ld_to + row] = from[row * ld_from + col];
  }
}

}  // namespace lowp

#endif  // LOWP_KERNELS_SPARSE_SPARSE_TRANSPOSE_H_
