// Two-dimensional convolution, float32 and int8, with the epilogue of the matrix products:
//
//   y[n,o,oy,ox] = Output(sum over c, ky, kx of (x[n, c, oy*sh - pt + ky*dh, ox*sw - pl + kx*dw] - zx) * (w[o,c,ky,kx] - zw[o]) +
//   bias[o]
//                         + residual[n,o,oy,ox])
//
// where c runs over the channels of o's group and x outside of the image is zx. Images are [N,C,H,W] or, with `nhwc`, [N,H,W,C],
// and so are result and residual; weights are always [O, C / groups, kernel_h, kernel_w]. Sums, scales and outputs are those of
// sgemm.h and qgemm.h: int8 is exact and equals the ONNX operators QLinearConv and ConvInteger bit for bit.
//
// Dense convolutions are matrix products whose left operand is gathered block by block (conv_rows.h). They want channels
// innermost: of an image [N,C,H,W] one copy in that order is made at a time, and one of its result. Depthwise ones have kernels
// of their own (conv_kernel.h), which read [N,H,W,C] where it lies (conv_depthwise_rows.h), and copies of kernel_h rows of
// [N,C,H,W]. float32 weights of 3 x 3 may be packed for another algorithm, which rounds differently: winograd.h.
#ifndef LOWP_KERNELS_CONV_CONV_H_
#define LOWP_KERNELS_CONV_CONV_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/isa.h"
#include "core/status.h"
#include "kernels/conv/conv_call.h"
#include "kernels/conv/conv_kernel.h"
#include "kernels/conv/conv_shape.h"
#include "kernels/epilogue/epilogue.h"
#include "kernels/qgemm/qgemm.h"
#include "kernels/sgemm/sgemm.h"
#include "kernels/winograd/winograd.h"

namespace lowp {

using ConvEntry = KernelEntry<ConvKernel>;
const ConvEntry& SelectConv(IsaSet active);
std::vector<ConvEntry> ConvKernels();

// First channel of a block of a depthwise kernel: a last block that is not full begins earlier, so that whole blocks are read of
// every image that has so many channels.
inline size_t ConvBlockStart(size_t block, size_t channels) {
  return std::min(block * kConvNb, channels - std::min(channels, kConvNb));
}

// Immutable once packed.
struct ConvPackedF {
  const ConvEntry* entry = nullptr;
  ConvWeightShape shape{};
  std::vector<SGemmPackedB> groups;  // dense
  AlignedBuffer taps;                // depthwise: [block][tap][kConvNb]
  WinogradPacked winograd;           // instead of both, if its tile is not 0

  size_t k() const { return shape.depth(); }
  size_t n() const { return shape.out_channels; }
  size_t bytes() const;
  // The kernel that does the work: that of the matrix product, or the depthwise one.
  const char* kernel_name() const;
  Isa isa() const;
};
Status PackConvF(const ConvWeightShape& shape, const float* w, const SGemmEntry& gemm, const ConvEntry& entry,
                 ConvPackedF* packed);
// For calls with strides and dilations of 1; `shape` of one group and 3 x 3, `tile` 2 or 4.
Status PackConvWinograd(const ConvWeightShape& shape, size_t tile, const float* w, const SGemmEntry& gemm, const ConvEntry& entry,
                        const WinogradEntry& winograd, ConvPackedF* packed);

// Immutable once packed.
struct ConvPackedQ {
  const ConvEntry* entry = nullptr;
  ConvWeightShape shape{};
  std::vector<QGemmPackedB> groups;  // dense
  AlignedBuffer taps;                // depthwise: [block][pair of taps][kConvNb][2] int16, less the zero point
  AlignedBuffer scales;              // depthwise: [out_channels] float32
  AlignedBuffer sums;                // depthwise: [out_channels] int32, of a channel's taps
  int32_t max_magnitude = 0;         // of w - zw over the dtype and all channels

  size_t k() const { return shape.depth(); }
  size_t n() const { return shape.out_channels; }
  size_t bytes() const;
  const char* kernel_name() const { return groups.empty() ? entry->kernel->name : groups[0].kernel->name; }
  Isa isa() const { return groups.empty() ? entry->isa : groups[0].entry->isa; }
};
struct ConvPackQArgs {
  ConvWeightShape shape;
  const void* w;
  bool w_signed;
  const float* scales;
  const int32_t* zeros;
  bool per_channel;  // out_channels scales and zeros instead of one
};
Status PackConvQ(const ConvPackQArgs& args, const QGemmEntry& gemm, const ConvEntry& entry, ConvPackedQ* packed);

struct ConvArgs : ConvCall {
  const ConvPackedF* weights = nullptr;
  size_t threads = 1;
  const std::atomic<bool>* stop = nullptr;
};
Status Conv(const ConvArgs& args);

struct QConvArgs : QConvCall {
  const ConvPackedQ* weights = nullptr;
  size_t threads = 1;
  const std::atomic<bool>* stop = nullptr;
};
Status QConv(const QConvArgs& args);

}  // namespace lowp

#endif  // LOWP_KERNELS_CONV_CONV_H_
