// Pooling of images [N,C,H,W] or, with `nhwc`, [N,H,W,C], float32 and 8-bit:
//
//   y[n,c,oy,ox] = Reduce over ky, kx of x[n, c, oy*sh - pt + ky*dh, ox*sw - pl + kx*dw]
//
// of those that lie in the image. Maximum: ONNX MaxPool; NaN where there is one, -infinity or the lowest value of nothing, and
// zeros come out as +0. Average: ONNX AveragePool; the sum divided by the number of elements in the image or, with
// `count_include_pad`, in the image or its padding; 0 of nothing. float32 is summed and divided in float64 and rounded once. The
// order of the sum depends on the shape and the ISA, so y is within 2^-24 |y| + 2^-52 sum|x|.
//
// 8-bit values are summed exactly: saturate(round(float(sum of (x - x_zero)) * (x_scale / (y_scale * count))) + y_zero), each
// step rounded to float32, ties to even, as onnxruntime's QLinearGlobalAveragePool. Maxima keep scale and zero point.
#ifndef LOWP_KERNELS_POOL_POOL_H_
#define LOWP_KERNELS_POOL_POOL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/isa.h"
#include "core/status.h"
#include "kernels/pool/pool_kernel.h"
#include "kernels/pool/pool_shape.h"

namespace lowp {

using PoolEntry = KernelEntry<PoolKernel>;
const PoolEntry& SelectPool(IsaSet active);
std::vector<PoolEntry> PoolKernels();

struct PoolArgs : PoolCall {
  const PoolEntry* entry = nullptr;
  size_t threads = 1;
  const std::atomic<bool>* stop = nullptr;
};
Status Pool(const PoolArgs& args);

}  // namespace lowp

#endif  // LOWP_KERNELS_POOL_POOL_H_
