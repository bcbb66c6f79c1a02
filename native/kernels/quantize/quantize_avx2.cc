#include <immintrin.h>

#include "kernels/quantize/quantize_scalar.h"

namespace lowp {
namespace {

void Range(const float* x, size_t count, float* min, float* max) {
  const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  const __m256 infinity = _mm256_castsi256_ps(_mm256_set1_epi32(0x7f800000));
  __m256 low = _mm256_setzero_ps(), high = low;
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 v = _mm256_loadu_ps(x + i);
    // Zero in place of what is not finite changes nothing: the range includes zero anyway.
    const __m256 finite = _mm256_and_ps(v, _mm256_cmp_ps(_mm256_and_ps(v, magnitude), infinity, _CMP_LT_OQ));
    low = _mm256_min_ps(low, finite);
    high = _mm256_max_ps(high, finite);
  }
  alignas(32) float lows[8], highs[8];
  _mm256_store_ps(lows, low);
  _mm256_store_ps(highs, high);
  *min = *max = 0;
  FiniteRangeScalar(lows, 8, min, max);
  FiniteRangeScalar(highs, 8, min, max);
  FiniteRangeScalar(x + i, count - i, min, max);
}

inline __m256i QuantizeEight(const float* x, __m256 scale, __m256 bottom, __m256 top, __m256i zero) {
  __m256 y = _mm256_div_ps(_mm256_loadu_ps(x), scale);
  y = _mm256_and_ps(y, _mm256_cmp_ps(y, y, _CMP_ORD_Q));
  y = _mm256_min_ps(top, _mm256_max_ps(bottom, y));
  return _mm256_add_epi32(_mm256_cvtps_epi32(y), zero);
}

void Quantize(const float* x, size_t count, float scale, int32_t zero, int32_t low, int32_t high, uint8_t* out) {
  const __m256 scales = _mm256_set1_ps(scale);
  const __m256 bottom = _mm256_set1_ps(static_cast<float>(low - zero)), top = _mm256_set1_ps(static_cast<float>(high - zero));
  const __m256i zeros = _mm256_set1_epi32(zero), low_byte = _mm256_set1_epi32(0xff);
  // packs works within 128-bit lanes; this puts the groups of four back in order.
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i q[4];
    for (int j = 0; j < 4; ++j) q[j] = _mm256_and_si256(QuantizeEight(x + i + 8 * j, scales, bottom, top, zeros), low_byte);
    const __m256i bytes = _mm256_packus_epi16(_mm256_packus_epi32(q[0], q[1]), _mm256_packus_epi32(q[2], q[3]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm256_permutevar8x32_epi32(bytes, order));
  }
  QuantizeScalar(x + i, count - i, scale, zero, low, high, out + i);
}

template <class T>
void Dequantize(const T* q, size_t count, float scale, int32_t zero, float* out) {
  const __m256 scales = _mm256_set1_ps(scale);
  const __m256i zeros = _mm256_set1_epi32(zero);
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(q + i));
    const __m256i values = static_cast<T>(-1) < 0 ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes);
    _mm256_storeu_ps(out + i, _mm256_mul_ps(scales, _mm256_cvtepi32_ps(_mm256_sub_epi32(values, zeros))));
  }
  DequantizeScalar(q + i, count - i, scale, zero, out + i);
}

}  // namespace

extern const QuantizeKernel kQuantizeAvx2;
const QuantizeKernel kQuantizeAvx2 = {"quantize__avx2", Range, Quantize, Dequantize<uint8_t>, Dequantize<int8_t>};

}  // namespace lowp
