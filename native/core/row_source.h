// Rows of a matrix that are made when a block of them is packed, instead of lying in memory: a convolution's, read from its
// image.
#ifndef LOWP_CORE_ROW_SOURCE_H_
#define LOWP_CORE_ROW_SOURCE_H_

#include <cstddef>

namespace lowp {

template <class T>
class RowSource {
 public:
  virtual ~RowSource() = default;
  // to[i * ld + k] = element k0 + k of row m0 + i of matrix `batch`, for i < rows and k < depth. Called by several threads at
  // once.
  virtual void Read(size_t batch, size_t m0, size_t rows, size_t k0, size_t depth, T* to, size_t ld) const = 0;
};

}  // namespace lowp

#endif  // LOWP_CORE_ROW_SOURCE_H_
