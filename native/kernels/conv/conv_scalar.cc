#include "kernels/conv/conv_ukernel.h"
#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector_scalar.h"
#include "kernels/sparse/sparse_transpose.h"

namespace lowp {
namespace {

// Four floats that the compiler makes a vector of, or not.
struct Plain {
  struct F {
    float lanes[4];
  };
  static constexpr size_t kWidth = 4;
  static F Load(const float* p) { return {{p[0], p[1], p[2], p[3]}}; }
  static void Store(float* p, F x) {
    for (size_t i = 0; i < kWidth; ++i) p[i] = x.lanes[i];
  }
  static F Set(float x) { return {{x, x, x, x}}; }
  static F Fma(F x, F y, F sum) {
    for (size_t i = 0; i < kWidth; ++i) sum.lanes[i] += x.lanes[i] * y.lanes[i];
    return sum;
  }
};

struct Traits {
  static constexpr size_t Position(size_t channel) { return channel; }
};

void ConvInt(const ConvStrip& strip, size_t pixels, int32_t* acc) {
  for (size_t pixel = 0; pixel < pixels; ++pixel, acc += kConvNb) {
    for (size_t c = 0; c < kConvNb; ++c) acc[c] = 0;
    const int16_t* w = static_cast<const int16_t*>(strip.weights);
    for (size_t tap = 0; tap < strip.count; ++tap) {
      const int16_t* x = static_cast<const int16_t*>(strip.taps[tap]) + pixel * strip.stride * kConvNb;
      const int16_t* weight = w + tap / 2 * 2 * kConvNb + tap % 2;
      for (size_t c = 0; c < kConvNb; ++c) acc[c] += x[c] * weight[2 * c];
    }
  }
}

void Widen(size_t pixels, size_t channels, const uint8_t* x, size_t ld, uint8_t flip, int32_t zero, int16_t* to) {
  ConvWidenEdge<Traits>(pixels, 0, channels, x, ld, flip, zero, to);
}

template <class T>
void TransposeOne(const T* from, size_t, T* to, size_t) {
  *to = *from;
}

}  // namespace

extern const ConvKernel kConvScalar;
const ConvKernel kConvScalar = {"conv_depthwise_16__scalar",
                                ConvFloat<Plain, 2>,
                                ConvInt,
                                Widen,
                                StoreFloatTile<VectorScalar, kConvNb>,
                                StoreIntTile<VectorScalar, kConvNb>,
                                TransposeBy<float, 1, TransposeOne<float>>,
                                TransposeBy<uint8_t, 1, TransposeOne<uint8_t>>};

}  // namespace lowp
