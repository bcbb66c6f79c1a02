#include <arm_neon.h>

#include "kernels/conv/conv_ukernel.h"
#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector_neon.h"
#include "kernels/sparse/sparse_transpose_neon.h"

namespace lowp {
namespace {

struct FmaNeon {
  using F = float32x4_t;
  static constexpr size_t kWidth = 4;
  static F Load(const float* p) { return vld1q_f32(p); }
  static void Store(float* p, F x) { vst1q_f32(p, x); }
  static F Set(float x) { return vdupq_n_f32(x); }
  static F Add(F x, F y) { return vaddq_f32(x, y); }
  static F Fma(F x, F y, F sum) { return vfmaq_f32(sum, x, y); }
};

void ConvInt(const ConvRun& run, size_t pixels, int32_t* acc) {
  const uint8x8_t flip = vdup_n_u8(run.flip);
  for (size_t pixel = 0; pixel < pixels; ++pixel, acc += kConvNb) {
    int32x4_t c[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
    for (size_t ky = 0; ky < run.kernel_h; ++ky) {
      const uint8_t* x = static_cast<const uint8_t*>(run.rows[ky]) + run.offset + pixel * run.stride * run.ld;
      for (size_t kx = 0; kx < run.kernel_w; ++kx, x += run.dilation * run.ld) {
        const size_t slot = ConvSlot(run.kernel_h, run.kernel_w, ky, kx);
        const int16_t* w = static_cast<const int16_t*>(run.weights) + slot / 2 * 2 * kConvNb;
#pragma GCC unroll 2
        for (int j = 0; j < 2; ++j) {
          const int16x8_t a = vreinterpretq_s16_u16(vmovl_u8(veor_u8(vld1_u8(x + 8 * j), flip)));
          const int16x8_t b = vld2q_s16(w + 16 * j).val[slot % 2];
          c[2 * j] = vmlal_s16(c[2 * j], vget_low_s16(a), vget_low_s16(b));
          c[2 * j + 1] = vmlal_s16(c[2 * j + 1], vget_high_s16(a), vget_high_s16(b));
        }
      }
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) vst1q_s32(acc + 4 * j, c[j]);
  }
}

inline void TransposeByte(const uint8_t* from, size_t, uint8_t* to, size_t) { *to = *from; }

}  // namespace

extern const ConvKernel kConvNeon;
const ConvKernel kConvNeon = {"conv_depthwise_16__neon",
                              ConvFloat<FmaNeon>,
                              ConvInt,
                              StoreFloatTile<VectorNeon, kConvNb>,
                              StoreIntTile<VectorNeon, kConvNb>,
                              TransposeBy<float, 4, TransposeSquare<float>>,
                              TransposeBy<uint8_t, 1, TransposeByte>};

}  // namespace lowp
