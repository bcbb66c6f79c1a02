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
  static F Add(F x, F y) {
    for (size_t i = 0; i < kWidth; ++i) x.lanes[i] += y.lanes[i];
    return x;
  }
  static F Fma(F x, F y, F sum) {
    for (size_t i = 0; i < kWidth; ++i) sum.lanes[i] += x.lanes[i] * y.lanes[i];
    return sum;
  }
};

void ConvInt(const ConvRun& run, size_t pixels, int32_t* acc) {
  for (size_t pixel = 0; pixel < pixels; ++pixel, acc += kConvNb) {
    for (size_t c = 0; c < kConvNb; ++c) acc[c] = 0;
    for (size_t ky = 0; ky < run.kernel_h; ++ky) {
      const uint8_t* x = static_cast<const uint8_t*>(run.rows[ky]) + run.offset + pixel * run.stride * run.ld;
      for (size_t kx = 0; kx < run.kernel_w; ++kx, x += run.dilation * run.ld) {
        const size_t slot = ConvSlot(run.kernel_h, run.kernel_w, ky, kx);
        const int16_t* w = static_cast<const int16_t*>(run.weights) + slot / 2 * 2 * kConvNb + slot % 2;
        for (size_t c = 0; c < kConvNb; ++c) acc[c] += (x[c] ^ run.flip) * w[2 * c];
      }
    }
  }
}

template <class T>
void TransposeOne(const T* from, size_t, T* to, size_t) {
  *to = *from;
}

}  // namespace

extern const ConvKernel kConvScalar;
const ConvKernel kConvScalar = {"conv_depthwise_16__scalar",
                                ConvFloat<Plain>,
                                ConvInt,
                                StoreFloatTile<VectorScalar, kConvNb>,
                                StoreIntTile<VectorScalar, kConvNb>,
                                TransposeBy<float, 1, TransposeOne<float>>,
                                TransposeBy<uint8_t, 1, TransposeOne<uint8_t>>};

}  // namespace lowp
