// float32: 4 pixels of 16 channels, 8 sums. int8: pixels of two taps, widened to 16 bits, are interleaved channel by channel and
// multiplied by pairs of weights with vpmaddwd, which is exact. Unpacking works within halves of 128 bits, so channels stand in a
// strip as 0-3 8-11 4-7 12-15.
#include "kernels/conv/conv_ukernel.h"
#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector256.h"
#include "kernels/sparse/sparse_transpose256.h"
#include "kernels/sparse/sparse_transpose_bytes.h"

namespace lowp {
namespace {

struct Fma256 {
  using F = __m256;
  static constexpr size_t kWidth = 8;
  static F Load(const float* p) { return _mm256_loadu_ps(p); }
  static void Store(float* p, F x) { _mm256_storeu_ps(p, x); }
  static F Set(float x) { return _mm256_set1_ps(x); }
  static F Fma(F x, F y, F sum) { return _mm256_fmadd_ps(x, y, sum); }
};

struct Traits {
  static constexpr size_t Position(size_t channel) {
    return (channel & ~size_t{12}) | ((channel & 4) << 1) | ((channel & 8) >> 1);  // swaps the two middle quarters
  }
};

inline __m256i Load(const int16_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }

template <int kPixels>
void IntPixels(const ConvStrip& strip, size_t first, int32_t* acc) {
  __m256i c[kPixels][2];
#pragma GCC unroll 4
  for (int p = 0; p < kPixels; ++p) c[p][0] = c[p][1] = _mm256_setzero_si256();
  const int16_t* w = static_cast<const int16_t*>(strip.weights);
  const size_t step = strip.stride * kConvNb;
  for (size_t tap = 0; tap < strip.count; tap += 2, w += 2 * kConvNb) {
    const int16_t* x0 = static_cast<const int16_t*>(strip.taps[tap]) + first * step;
    // The last pair may have one tap; the other one's weights are 0.
    const int16_t* x1 = tap + 1 < strip.count ? static_cast<const int16_t*>(strip.taps[tap + 1]) + first * step : x0;
    const __m256i low = Load(w), high = Load(w + kConvNb);
#pragma GCC unroll 4
    for (int p = 0; p < kPixels; ++p) {
      const __m256i a = Load(x0 + p * step), b = Load(x1 + p * step);
      c[p][0] = _mm256_add_epi32(c[p][0], _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), low));
      c[p][1] = _mm256_add_epi32(c[p][1], _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), high));
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < kPixels; ++p) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(acc + (first + p) * kConvNb), c[p][0]);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(acc + (first + p) * kConvNb + 8), c[p][1]);
  }
}

void ConvInt(const ConvStrip& strip, size_t pixels, int32_t* acc) {
  constexpr int kPixels = 4;
  size_t pixel = 0;
  for (; pixel + kPixels <= pixels; pixel += kPixels) IntPixels<kPixels>(strip, pixel, acc);
  // The last ones together with some of those before, whose sums come out the same.
  if (pixel < pixels && pixels >= kPixels) return IntPixels<kPixels>(strip, pixels - kPixels, acc);
  for (; pixel < pixels; ++pixel) IntPixels<1>(strip, pixel, acc);
}

void Widen(size_t pixels, size_t channels, const uint8_t* x, size_t ld, uint8_t flip, int32_t zero, int16_t* to) {
  if (channels < kConvNb) return ConvWidenEdge<Traits>(pixels, 0, channels, x, ld, flip, zero, to);
  const __m128i flips = _mm_set1_epi8(static_cast<char>(flip));
  const __m256i shift = _mm256_set1_epi16(static_cast<int16_t>(zero + (flip != 0 ? 128 : 0)));
  for (size_t pixel = 0; pixel < pixels; ++pixel) {
    const __m128i bytes = _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + pixel * ld)), flips);
    const __m256i words = _mm256_sub_epi16(_mm256_cvtepu8_epi16(bytes), shift);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + pixel * kConvNb), _mm256_permute4x64_epi64(words, 0xd8));
  }
}

}  // namespace

extern const ConvKernel kConvAvx2;
const ConvKernel kConvAvx2 = {"conv_depthwise_16__avx2",
                              ConvFloat<Fma256, 4>,
                              ConvInt,
                              Widen,
                              StoreFloatTile<Vector256, kConvNb>,
                              StoreIntTile<Vector256, kConvNb>,
                              TransposeBy<float, 8, TransposeSquare<float>>,
                              TransposeBy<uint8_t, 16, TransposeBytes>};

}  // namespace lowp
