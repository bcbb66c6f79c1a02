// 8x12: 24 sums, 3 of B, 1 broadcast of A in 28 of 32 registers.
#include <arm_neon.h>

#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector_neon.h"
#include "kernels/sgemm/sgemm_kernel.h"

namespace lowp {
namespace {

constexpr size_t kMr = 8, kNr = 12;

struct Float32 {
  using Element = float;
  static float32x4_t Load(const float* p) { return vld1q_f32(p); }
};

struct Bfloat16 {
  using Element = uint16_t;
  static float32x4_t Load(const uint16_t* p) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16)); }
};

struct Float16 {
  using Element = uint16_t;
  static float32x4_t Load(const uint16_t* p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
};

template <class B, int kRows, int kPanels>
void Ukernel(size_t k, const float* a, const void* packed, size_t b_stride, float* acc, size_t acc_stride, bool accumulate) {
  auto* b = static_cast<const typename B::Element*>(packed);
  float32x4_t c[kPanels][kRows][3];
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) c[p][r][0] = c[p][r][1] = c[p][r][2] = vdupq_n_f32(0);
  }
  for (; k > 0; --k, ++a, b += kNr) {
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) {
      const typename B::Element* bp = b + p * b_stride;
      const float32x4_t b0 = B::Load(bp), b1 = B::Load(bp + 4), b2 = B::Load(bp + 8);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const float32x4_t ar = vld1q_dup_f32(a + r * kSGemmRowStride);
        c[p][r][0] = vfmaq_f32(c[p][r][0], ar, b0);
        c[p][r][1] = vfmaq_f32(c[p][r][1], ar, b1);
        c[p][r][2] = vfmaq_f32(c[p][r][2], ar, b2);
      }
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p, acc += acc_stride) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
      for (int j = 0; j < 3; ++j) {
        float* out = acc + r * kNr + 4 * j;
        vst1q_f32(out, accumulate ? vaddq_f32(c[p][r][j], vld1q_f32(out)) : c[p][r][j]);
      }
    }
  }
}

template <class B>
void Widen(const uint16_t* from, size_t count, float* to) {
  for (size_t i = 0; i < count; i += 4) vst1q_f32(to + i, B::Load(from + i));
}

template <class B>
constexpr SGemmUkernelFn kTile[kMr] = {Ukernel<B, 1, 1>, Ukernel<B, 2, 1>, Ukernel<B, 3, 1>, Ukernel<B, 4, 1>,
                                       Ukernel<B, 5, 1>, Ukernel<B, 6, 1>, Ukernel<B, 7, 1>, Ukernel<B, 8, 1>};
template <class B>
constexpr SGemmUkernelFn kWide[kSGemmWideRows] = {Ukernel<B, 1, kSGemmWidePanels[0]>, Ukernel<B, 2, kSGemmWidePanels[1]>};

}  // namespace

extern const SGemmKernel kSGemmNeon;
const SGemmKernel kSGemmNeon = {"sgemm_f32_8x12__neon",
                                kMr,
                                kNr,
                                false,
                                {{kTile<Float32>, kWide<Float32>, nullptr},
                                 {kTile<Bfloat16>, kWide<Bfloat16>, Widen<Bfloat16>},
                                 {kTile<Float16>, kWide<Float16>, Widen<Float16>}},
                                StoreFloatTile<VectorNeon, kNr>};

}  // namespace lowp
