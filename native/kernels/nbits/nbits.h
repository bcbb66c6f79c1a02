// Weights of few bits:
//   C[M,N] = activation(sum_g (sum_{k in g} Aq[m,k] * (B[k,n] - zb[g,n])) * (sa[m,g] * sb[g,n]) + bias[n] + residual[m,n])
//
// A is float32 and is quantized inside the call, each row by groups of K: sa = max|a| / 127, Aq = round(a * (127 / max|a|)), as
// onnxruntime's MatMulNBits does at accuracy level 4. B holds 4 or 8 bits a weight, with a scale and, if wanted, a zero point for
// each column and group of K; the last group may be shorter. The sum within a group is exact. Groups are added in float32, k
// ascending, every step rounded without fusing: f32(acc + f32(sum * f32(sa * sb))). So every ISA and any number of threads give
// the same bits.
//
// NaN in A counts as 0 and infinities saturate at the ends of their group's range, as in the other quantized products.
// Scales of B may have either sign, or be 0; those that are not finite are refused. Not supported: integer output, K split over
// threads, reordered groups (g_idx).
#ifndef LOWP_KERNELS_NBITS_NBITS_H_
#define LOWP_KERNELS_NBITS_NBITS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/isa.h"
#include "core/status.h"
#include "kernels/epilogue/epilogue.h"
#include "kernels/nbits/nbits_kernel.h"

namespace lowp {

using NBitsEntry = KernelEntry<NBitsKernel>;
const NBitsEntry& SelectNBits(IsaSet active);
std::vector<NBitsEntry> NBitsKernels();

// A matrix of few bits in the layout of the ONNX operator com.microsoft.MatMulNBits: a column of B is a row here.
//   data    [n][groups][group * bits / 8], the low nibble first
//   scales  [n][groups]
//   zeros   [n][ceil(groups * bits / 8)], the low nibble first; null: 8 (4 bits) or 128 (8 bits) everywhere
struct NBitsShape {
  size_t k = 0, n = 0, bits = 4, group = 32;

  size_t groups() const { return DivUp(k, group); }
  size_t group_bytes() const { return group * bits / 8; }
  size_t row_bytes() const { return groups() * group_bytes(); }
  size_t zero_row_bytes() const { return DivUp(groups() * bits, 8); }
  int32_t middle() const { return 1 << (bits - 1); }
};
// 4 or 8 bits; groups of 16, 32, 64, 128 or 256.
Status CheckNBitsShape(const NBitsShape& shape);

// Immutable once packed.
struct NBitsPackedB {
  const NBitsEntry* entry = nullptr;
  size_t k = 0, n = 0, bits = 0, group = 0;
  size_t groups = 0, block_bytes = 0, panel_bytes = 0;
  AlignedBuffer storage;
  const uint8_t* panels = nullptr;  // see nbits_kernel.h
  const int16_t* zeros = nullptr;   // of the packed values; null: `zero` everywhere
  int32_t zero = 0;

  const NBitsFormat& format() const { return bits == 4 ? entry->kernel->u4 : entry->kernel->u8; }
};

struct NBitsPackArgs {
  NBitsShape shape;
  const uint8_t* data;
  const float* scales;
  const uint8_t* zeros;
};
Status PackNBitsB(const NBitsPackArgs& args, const NBitsEntry& entry, NBitsPackedB* packed);

struct NBitsArgs {
  size_t batch = 1, m = 0;
  const float* a = nullptr;
  size_t lda = 0, batch_stride_a = 0;
  const NBitsPackedB* b = nullptr;
  float* c = nullptr;
  size_t ldc = 0;               // rows of all batches are this far apart
  const float* bias = nullptr;  // [n]
  Activation activation{};
  Residual residual{};  // float32, a row for each of C; may be C itself: see kernels/epilogue
  size_t threads = 1;
  const std::atomic<bool>* stop = nullptr;  // polled between micropanels
};
Status NBits(const NBitsArgs& args);

// Rounds float32 weights w, [K, N] or [N, K] (transpose), to the layout above. Parameters come from the finite values of a group:
//   symmetric (zeros is null)  scale = x / -8 (or -128), x the value of largest magnitude, so that all codes are in use and x is
//                              exact; the scale has the opposite sign of x
//   asymmetric                 scale = (max - min) / 15 (or 255), zero = round(-min / scale), 0 within the range
// q = saturate(round(w / scale) + zero), ties to even. NaN becomes the zero point, infinities saturate.
struct NBitsWeights {
  const float* w;
  size_t ldw;
  bool transpose;
};
void QuantizeNBits(const NBitsShape& shape, const NBitsWeights& weights, uint8_t* data, float* scales, uint8_t* zeros);
// out[n][k] = scale * (q - zero), rounded once.
void DequantizeNBits(const NBitsShape& shape, const uint8_t* data, const float* scales, const uint8_t* zeros, float* out);

}  // namespace lowp

#endif  // LOWP_KERNELS_NBITS_NBITS_H_
