// Where windows stand, dimension by dimension.
#ifndef LOWP_KERNELS_POOL_POOL_WINDOW_H_
#define LOWP_KERNELS_POOL_POOL_WINDOW_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/aligned_buffer.h"
#include "kernels/pool/pool.h"

namespace lowp {

// Elements of a window: from `begin` on, `count` of them.
struct PoolSpan {
  size_t begin, count;
};

// Element i of window o stands at o * stride - before + i * dilation.
struct PoolAxis {
  size_t size, kernel, stride, dilation, before, after;

  int64_t Origin(size_t o) const { return static_cast<int64_t>(o * stride) - static_cast<int64_t>(before); }
  size_t extent() const { return (kernel - 1) * dilation + 1; }
  // As many elements as a window can have in the image.
  size_t most() const { return std::min(kernel, DivUp(size, dilation)); }

  PoolSpan Inside(size_t o) const { return Within(Origin(o), size); }
  size_t Padded(size_t o) const { return Within(static_cast<int64_t>(o * stride), size + before + after).count; }

 private:
  PoolSpan Within(int64_t origin, size_t limit) const {
    const int64_t end = static_cast<int64_t>(limit);
    if (origin >= 0 && origin + static_cast<int64_t>(extent()) <= end) return {0, kernel};
    const size_t first = origin < 0 ? DivUp(static_cast<size_t>(-origin), dilation) : 0;
    const size_t last = origin < end ? std::min(kernel, DivUp(static_cast<size_t>(end - origin), dilation)) : 0;
    return first < last ? PoolSpan{first, last - first} : PoolSpan{0, 0};
  }
};

inline PoolAxis RowsOf(const PoolShape& s) { return {s.height, s.kernel_h, s.stride_h, s.dilation_h, s.pad_top, s.pad_bottom}; }
inline PoolAxis ColumnsOf(const PoolShape& s) { return {s.width, s.kernel_w, s.stride_w, s.dilation_w, s.pad_left, s.pad_right}; }

Status CheckPoolShape(const PoolShape& shape);

}  // namespace lowp

#endif  // LOWP_KERNELS_POOL_POOL_WINDOW_H_
