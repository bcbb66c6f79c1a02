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
  static F Fma(F x, F y, F sum) { return vfmaq_f32(sum, x, y); }
};

struct Traits {
  static constexpr size_t Position(size_t channel) { return channel; }
};

void ConvInt(const ConvStrip& strip, size_t pixels, int32_t* acc) {
  for (size_t pixel = 0; pixel < pixels; ++pixel, acc += kConvNb) {
    int32x4_t c[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
    for (size_t tap = 0; tap < strip.count; ++tap) {
      const int16_t* x = static_cast<const int16_t*>(strip.taps[tap]) + pixel * strip.stride * kConvNb;
      const int16_t* w = static_cast<const int16_t*>(strip.weights) + tap / 2 * 2 * kConvNb;
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j) {
        const int16x8_t a = vld1q_s16(x + 8 * j), b = vld2q_s16(w + 16 * j).val[tap % 2];
        c[2 * j] = vmlal_s16(c[2 * j], vget_low_s16(a), vget_low_s16(b));
        c[2 * j + 1] = vmlal_s16(c[2 * j + 1], vget_high_s16(a), vget_high_s16(b));
      }
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) vst1q_s32(acc + 4 * j, c[j]);
  }
}

void Widen(size_t pixels, size_t channels, const uint8_t* x, size_t ld, uint8_t flip, int32_t zero, int16_t* to) {
  ConvWidenEdge<Traits>(pixels, 0, channels, x, ld, flip, zero, to);
}

inline void TransposeByte(const uint8_t* from, size_t, uint8_t* to, size_t) { *to = *from; }

}  // namespace

extern const ConvKernel kConvNeon;
const ConvKernel kConvNeon = {"conv_depthwise_16__neon",
                              ConvFloat<FmaNeon, 4>,
                              ConvInt,
                              Widen,
                              StoreFloatTile<VectorNeon, kConvNb>,
                              StoreIntTile<VectorNeon, kConvNb>,
                              TransposeBy<float, 4, TransposeSquare<float>>,
                              TransposeBy<uint8_t, 1, TransposeByte>};

}  // namespace lowp
